"""A recipe for a folder of labelled pictures that has none: what lies in it tells the most of one."""

from tapetum_trainer.sketch.settle import settle

__all__ = ["settle"]
