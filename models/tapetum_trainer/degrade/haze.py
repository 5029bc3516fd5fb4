"""Haze and fog: each thing's light is lost on the way, and the air's own is added.

I = J t + A (1 - t), with t = exp(-beta d): J is the light of the thing, A that of the air, d its distance, beta the
extinction. The distance at which a black thing has 5 % of contrast left, the meteorological optical range, is
3.0 / beta (the World Meteorological Organization's; 3.9 / beta for 2 %).

H. Koschmieder, "Theorie der horizontalen Sichtweite", Beitraege zur Physik der freien Atmosphaere 12:33-53, 1924;
S. G. Narasimhan and S. K. Nayar, "Vision and the atmosphere", IJCV 48(3):233-254, 2002.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from tapetum_trainer.degrade.light import Light, Picture, levels, light

_COARSE = 5  # cells across and down of the field of things that stand nearer than the ground behind them


def transmission(depth: Light, beta: float) -> Light:
    """Return t (h, w), 0..1: how much of a thing's light is left after `depth` (h, w); beta is per unit of depth."""
    return np.asarray(cv2.exp(depth * np.float32(-beta)), np.float32)


def hazy(picture: Picture, depth: Light, beta: float, air: Sequence[float] = (0.8, 0.8, 0.8)) -> Picture:
    """Return `picture` (h, w, 3) through air of extinction `beta`, per unit of `depth` (h, w), with the light `air`."""
    left = transmission(depth, beta)[:, :, None]
    glow = np.array(air, np.float32)
    return levels(np.asarray(glow + (light(picture) - glow) * left))


def plausible_depth(shape: tuple[int, ...], random: np.random.Generator) -> Light:
    """Return a distance for each pixel (h, w), 0..1, where nothing is known of it: 1 is where the horizon is.

    Level ground seen from a mast: the distance rises as 1 over the angle below a horizon, which lies somewhere in the
    upper half, and is the farthest above it. Things stand on it nearer than the ground behind: a smooth field takes up
    to half of the distance away. No edge of it follows a thing's, as those of real depth do.
    """
    height, width = shape[:2]
    horizon = random.uniform(-0.3, 0.5)
    below = np.linspace(0, 1, height) - horizon
    near = random.uniform(0.05, 0.25)  # the distance at the lower edge
    ground = np.where(below > 0, near * (1 - horizon) / np.maximum(below, 1e-6), 1.0).clip(0, 1)
    field = random.uniform(0.5, 1, (_COARSE, _COARSE)).astype(np.float32)
    smooth = cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(smooth * ground[:, None].astype(np.float32), np.float32)
