"""A network made narrower: what is superfluous goes without a loss, what is not is made up for, and it is done once."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tapetum_trainer.errors import ModelError
from tapetum_trainer.networks.backbones import EFFICIENTNET_LITE0, Backbone, Stage
from tapetum_trainer.networks.detector import Architecture, detector
from tapetum_trainer.networks.sizes import SIZES

WIDE = Backbone(24, (Stage(1, 8, 1, 1), Stage(4, 8, 2, 2), Stage(4, 16, 2, 2), Stage(4, 24, 1, 2)))
NARROW = WIDE.narrowed(16, 1, 3, 2, 2)
SIDE, CLASSES = 64, 2


def architecture(backbone: Backbone) -> Architecture:
    return Architecture(backbone, SIDE, neck=16, depth=1)


@pytest.fixture
def shown() -> Any:
    coarse = np.random.default_rng(2).uniform(-1, 1, (48, 16, 16, 3)).astype(np.float32)
    return coarse.repeat(4, axis=1).repeat(4, axis=2)


@pytest.fixture
def wide() -> Any:
    import keras

    keras.utils.set_random_seed(5)
    return detector(architecture(WIDE), CLASSES, norm=False)


def like(network: Any) -> Any:
    found = detector(architecture(WIDE), CLASSES, norm=False)
    found.set_weights(network.get_weights())
    return found


def weights(network: Any) -> dict[str, Any]:
    return {layer.name: tuple(layer.get_weights()) for layer in network.layers if layer.weights}


def narrow(found: Any) -> Any:
    from tapetum_trainer.folded import put_folded

    network = detector(architecture(NARROW), CLASSES, norm=False)
    put_folded(network, found)
    return network


def widens(network: Any, block: str) -> str:
    """Return the layer that gives the channels of the block's middle."""
    return f"{block}_expand" if f"{block}_expand" in {layer.name for layer in network.layers} else "stem"


def features(network: Any, pictures: Any) -> Any:
    """Return what comes out of the backbone."""
    import keras

    return keras.Model(network.input, network.get_layer("s4b1_project").output).predict_on_batch(pictures)


def off(network: Any, wide: Any, pictures: Any) -> float:
    """Return how much of the variance of the features is missed."""
    wanted = features(wide, pictures)
    return float(np.square(features(network, pictures) - wanted).mean() / wanted.var(axis=(0, 1, 2)).mean())


def test_what_is_there_twice_goes_without_a_loss(wide: Any, shown: Any):
    from tapetum_trainer.pruning import pruned

    for name, count in NARROW.middles().items():
        if count == len(wide.get_layer(f"{name}_depthwise").get_weights()[1]):
            continue
        (expand, before), (depthwise, bias) = (
            wide.get_layer(part).get_weights() for part in (widens(wide, name), f"{name}_depthwise")
        )
        twice = np.arange(depthwise.shape[2]) % count  # what is beyond says what one of the first says
        wide.get_layer(widens(wide, name)).set_weights([expand[..., twice], before[twice]])
        wide.get_layer(f"{name}_depthwise").set_weights([depthwise[:, :, twice], bias[twice]])
    found = narrow(pruned(wide, like(wide), NARROW.middles(), shown[:32]))
    assert off(found, wide, shown[32:]) < 1e-3


def test_the_others_make_up_for_what_goes(wide: Any, shown: Any):
    """The strongest channels alone, as pretrained weights are taken over, miss several times as much."""
    from tapetum_trainer.pruning import pruned

    strongest = weights(wide)
    for name, count in NARROW.middles().items():
        if count < len(strongest[f"{name}_depthwise"][1]):
            kernel, bias = strongest[f"{name}_project"]
            kept = np.sort(np.argsort(-np.square(kernel).sum(axis=(0, 1, 3)))[:count])
            strongest[f"{name}_project"] = kernel[:, :, kept], bias
            kernel, bias = strongest[f"{name}_depthwise"]
            strongest[f"{name}_depthwise"] = kernel[:, :, kept], bias[kept]
            kernel, bias = strongest[widens(wide, name)]
            strongest[widens(wide, name)] = kernel[..., kept], bias[kept]
    found = narrow(pruned(wide, like(wide), NARROW.middles(), shown[:32]))
    ours, theirs = off(found, wide, shown[32:]), off(narrow(strongest), wide, shown[32:])
    print(f"missed of the variance: {ours:.3f}, by the strongest channels {theirs:.3f}")
    assert ours < theirs / 3


def test_blocks_as_wide_as_before_stay_to_the_bit(wide: Any, shown: Any):
    from tapetum_trainer.pruning import pruned

    found, was = pruned(wide, like(wide), WIDE.middles(), shown[:4]), weights(wide)
    assert all(np.array_equal(one, other) for name in was for one, other in zip(found[name], was[name], strict=True))


def test_it_is_done_once_for_a_training(wide: Any, tmp_path: Path):
    from tapetum_trainer.narrower import Narrower

    def pictures() -> Iterator[Any]:
        yield from np.random.default_rng(1).integers(0, 255, (8, 50, 70, 3), np.uint8)

    def none() -> Iterator[Any]:
        raise AssertionError("it was done already")

    way = Narrower(architecture(WIDE), architecture(NARROW), CLASSES, tmp_path / "pruned.npz")
    first = way.weights(weights(wide), pictures)
    again = way.weights(weights(wide), none)
    assert first.keys() == again.keys() == weights(wide).keys()
    assert all(map(np.array_equal, chain(*first.values()), chain(*(again[name] for name in first))))
    assert {name: len(first[f"{name}_depthwise"][1]) for name in NARROW.middles()} == NARROW.middles()
    narrow(again)


@pytest.mark.parametrize(
    ("bundle", "size", "found"),
    [
        ("tapetum@3", "slim", "base"),
        ("tapetum@3", "base", None),
        ("tapetum@3", "nano", None),
        ("crops@1", "slim", None),
    ],
)
def test_what_is_wider_is_known_by_its_weights(bundle: str, size: str, found: str | None):
    from tapetum import bundle as bundles
    from tapetum_trainer.folded import weights_of
    from tapetum_trainer.narrower import wider

    path = Path(__file__).parents[2] / f"models/bundles/{bundle}.tapetum"
    wide = wider(weights_of(bundles.open(path).spec().content), SIZES[size].architecture(256))  # type: ignore[index]
    assert (wide and wide.backbone) == (SIZES[found].backbone if found else None)  # type: ignore[index]


def test_a_network_that_is_another_is_told(wide: Any, tmp_path: Path):
    from tapetum_trainer.narrower import Narrower

    other = Architecture(WIDE, SIDE, neck=24, depth=1)
    with pytest.raises(ModelError, match="it is of another network"):
        Narrower(other, architecture(NARROW), CLASSES, tmp_path / "pruned.npz").weights(weights(wide), list)


def test_the_middles_of_blocks_are_whole_eights():
    middles = SIZES["slim"].backbone.middles()
    assert list(middles) == list(EFFICIENTNET_LITE0.upto(6).middles())
    assert all(middle % 8 == 0 for middle in middles.values())
    assert (middles["s1b1"], middles["s2b1"], middles["s2b2"]) == (24, 64, 96)
    assert (middles["s3b1"], middles["s3b2"]) == (144, 160)  # the first is as wide as it was
    assert middles["s5b2"] == 512  # 112 * 4.6 = 515.2
    assert (middles["s6b1"], middles["s6b4"]) == (672, 768)
