"""A classifier of crops: the features of a backbone, their mean over the picture, and one score for each label."""

from dataclasses import dataclass

import keras

from tapetum_trainer.networks.backbones import Backbone
from tapetum_trainer.networks.blocks import Maker


@dataclass(frozen=True, slots=True)
class ClassifierArchitecture:
    """What a classifier is made of. head: channels before the mean; None: as many as the backbone gives."""

    backbone: Backbone
    side: int  # of the square input, pixels
    head: int | None = None


def classifier(architecture: ClassifierArchitecture, labels: int, *, norm: bool = True) -> keras.Model:
    """Return the network, its weights random: (b, side, side, 3), (pixel - 128) / 128, to probabilities (b, labels)."""
    maker = Maker(norm=norm)
    picture = keras.Input((architecture.side, architecture.side, 3), name="picture")
    x = architecture.backbone.build(picture, maker)[32]
    if architecture.head:
        x = maker.conv(x, architecture.head, "head")
    x = keras.layers.GlobalAveragePooling2D(data_format="channels_last", name="mean")(x)
    x = keras.layers.Dense(labels, name="logits")(x)
    return keras.Model(picture, keras.layers.Activation("softmax", name="scores")(x), name="classifier")
