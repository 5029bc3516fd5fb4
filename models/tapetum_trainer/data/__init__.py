"""Labelled pictures: read, mapped to the classes of a recipe, split, and packed for training."""
