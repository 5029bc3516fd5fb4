"""What the world and the camera do to a picture, by physical models: the one place where they are written down.

The trainer augments with them, and the device's tests are held against them, so that what is trained for and what is
tested for is the same. NumPy and OpenCV alone; PyAV where a codec is asked for. Each takes a picture uint8 and gives
one of the same shape; what is drawn by lot is drawn of a `numpy.random.Generator` that the caller seeds.
"""

from tapetum_trainer.degrade.blur import blurred, defocus_kernel, motion_kernel, shake_kernel
from tapetum_trainer.degrade.codec import h264, jpeg
from tapetum_trainer.degrade.exposure import exposed
from tapetum_trainer.degrade.haze import hazy, plausible_depth, transmission
from tapetum_trainer.degrade.infrared import Lamp, infrared
from tapetum_trainer.degrade.light import GAMMA, Light, Picture, levels, light
from tapetum_trainer.degrade.night import FULL_WELL, GAIN, READ_NOISE, DarkSensor, dark_clip

__all__ = [
    "FULL_WELL", "GAIN", "GAMMA", "READ_NOISE", "DarkSensor", "Lamp", "Light", "Picture", "blurred", "dark_clip",
    "defocus_kernel", "exposed", "h264", "hazy", "infrared", "jpeg", "levels", "light", "motion_kernel",
    "plausible_depth", "shake_kernel", "transmission",
]  # fmt: skip
