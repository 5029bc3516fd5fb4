"""Examples for training, made of labelled pictures by chance, and the same again for the same seed."""

from tapetum_trainer.augment.augmenter import Augmenter
from tapetum_trainer.augment.example import Example, Pictures
from tapetum_trainer.augment.settings import Augmentation, Colour, Conditions, Geometry, Pasting
from tapetum_trainer.augment.sheet import sheet

__all__ = ["Augmentation", "Augmenter", "Colour", "Conditions", "Example", "Geometry", "Pasting", "Pictures", "sheet"]
