"""What the world and the camera do, by lot, in the order in which light meets them: air, lamp, lens, sensor, codec."""

import math
from collections.abc import Callable, Sequence
from functools import cache

import cv2
import numpy as np

from tapetum_trainer import degrade
from tapetum_trainer.augment.example import Flags, Floats, Pixels
from tapetum_trainer.augment.geometry import edges_of
from tapetum_trainer.augment.settings import Conditions, Range

_SENSORS = 12  # cameras with different light, between the least and the greatest: each takes a megabyte and 50 ms
_TARGET = 0.35  # the mean level, fraction of white, to which the device brightens a night
_MOST_STOPS = 5.0
_FLAT = 1.0  # levels, standard deviation: what varies less is gone when the model's input is rounded

Step = Callable[[Pixels, Conditions, np.random.Generator], Pixels]


def suffered(pixels: Pixels, settings: Conditions, random: np.random.Generator) -> Pixels:
    """Return `pixels` (h, w, 3) after what happens to them; the same array where nothing does."""
    lots = random.random(len(_ORDER))
    for lot, (name, step) in zip(lots, _ORDER, strict=True):
        if lot < getattr(settings, name):
            pixels = step(pixels, settings, random)
    return pixels


def visible(before: Pixels, after: Pixels, boxes: Floats, least: float) -> Flags:
    """Return (k,): whether what is in each box (k, 4) can still be told from noise and fog.

    It can while brightness after correlates with brightness before by `least`, averaged over 2 x 2 pixels, and is not
    all one level: a network that is asked for what cannot be seen learns to invent.
    """
    cells = edges_of((before.shape[1] // 2, before.shape[0] // 2))
    edges = (boxes * cells).round().clip(0, cells - 1).astype(int).tolist()
    grays = [_halved(pixels) for pixels in (before, after)] if edges else []
    return np.array(
        [_alike([gray[box[1] : box[3] + 1, box[0] : box[2] + 1] for gray in grays]) >= least for box in edges], bool
    )


def _halved(pixels: Pixels) -> Floats:
    """Return brightness (h // 2, w // 2)."""
    size = pixels.shape[1] // 2, pixels.shape[0] // 2
    gray = cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return gray.astype(np.float32)


def _alike(pair: Sequence[Floats]) -> float:
    """Return the correlation of two pictures of one size; 0 where the second is all one level."""
    one, other = (part - part.mean() for part in pair)
    energy = float((one * one).sum() * (other * other).sum())
    if (other * other).mean() < _FLAT**2:
        return 0.0
    return float((one * other).sum()) / math.sqrt(max(energy, 1e-9))


def _haze(pixels: Pixels, settings: Conditions, random: np.random.Generator) -> Pixels:
    depth = degrade.plausible_depth(pixels.shape, random)
    air = (random.uniform(0.4, 0.95) * random.uniform(0.93, 1.07, 3)).tolist()
    return degrade.hazy(pixels, depth, _octave(settings.extinction, random), air)


def _infrared(pixels: Pixels, settings: Conditions, random: np.random.Generator) -> Pixels:
    x, y = random.uniform(0.35, 0.65, 2)
    lamp = degrade.Lamp(
        power=_octave((0.3, 3), random),
        width=random.uniform(0.25, 0.6),
        x=x,
        y=y,
        glare=random.uniform(0, 0.08),
        bloom=random.uniform(0, 0.12),
    )
    depth = degrade.plausible_depth(pixels.shape, random) if random.random() < 0.5 else None
    lit = degrade.infrared(pixels, lamp, depth)
    return _one_channel(_sensor(random.integers(_SENSORS // 2, _SENSORS), settings.light).picture(lit, random))


def _exposure(pixels: Pixels, settings: Conditions, random: np.random.Generator) -> Pixels:
    balance = np.exp(random.uniform(-1, 1, 3) * math.log1p(settings.balance)).tolist()
    return degrade.exposed(pixels, random.uniform(*settings.stops), balance)


def _defocus(pixels: Pixels, settings: Conditions, random: np.random.Generator) -> Pixels:
    return degrade.blurred(pixels, degrade.defocus_kernel(random.uniform(*settings.radius)))


def _motion(pixels: Pixels, settings: Conditions, random: np.random.Generator) -> Pixels:
    return degrade.blurred(pixels, degrade.motion_kernel(_octave(settings.length, random), random.uniform(0, math.pi)))


def _shake(pixels: Pixels, settings: Conditions, random: np.random.Generator) -> Pixels:
    return degrade.blurred(pixels, degrade.shake_kernel(_octave(settings.length, random), random))


def _night(pixels: Pixels, settings: Conditions, random: np.random.Generator) -> Pixels:
    dark = _sensor(random.integers(_SENSORS), settings.light).picture(pixels, random)
    return _brightened(dark) if random.random() < settings.brightened else dark


def _h264(pixels: Pixels, settings: Conditions, random: np.random.Generator) -> Pixels:
    return degrade.h264([pixels], crf=round(random.uniform(*settings.crf)))[0]


def _jpeg(pixels: Pixels, settings: Conditions, random: np.random.Generator) -> Pixels:
    return degrade.jpeg(pixels, round(random.uniform(*settings.quality)))


_ORDER: tuple[tuple[str, Step], ...] = (
    ("haze", _haze),
    ("infrared", _infrared),
    ("exposure", _exposure),
    ("defocus", _defocus),
    ("motion", _motion),
    ("shake", _shake),
    ("night", _night),
    ("h264", _h264),
    ("jpeg", _jpeg),
)
"""Each under the name of its probability in the settings."""


@cache
def _sensor(number: int, light: Range) -> degrade.DarkSensor:
    """Return one of `_SENSORS` cameras, the first with the least light, the last with the most."""
    share = number / (_SENSORS - 1)
    return degrade.DarkSensor(math.exp((1 - share) * math.log(light[0]) + share * math.log(light[1])), seed=number)


def _brightened(dark: Pixels) -> Pixels:
    """Return `dark` with as much gain as brings its mean level to what the device aims at."""
    missing = _TARGET / max(float(dark[::4, ::4].mean()) / 255, 1e-3)
    return degrade.exposed(dark, min(max(math.log2(missing) * degrade.GAMMA, 0.0), _MOST_STOPS))


def _one_channel(pixels: Pixels) -> Pixels:
    """Return the first channel three times: a camera without colour has one noise, not three."""
    return np.repeat(pixels[:, :, :1], 3, axis=2)


def _octave(limits: Range, random: np.random.Generator) -> float:
    return math.exp(random.uniform(math.log(limits[0]), math.log(limits[1])))
