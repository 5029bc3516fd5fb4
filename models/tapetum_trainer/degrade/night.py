"""A camera with too little light: counted photons, the amplifier's noise, gain.

What a pixel collects is a Poisson number of electrons, to which reading adds normal noise; gain multiplies both, gamma
brings the result to eight bits (EMVA Standard 1288, release 4.0, section 2: the linear camera model; dark current and
quantisation are left out, being less than the read noise in a video's exposure time).
"""

from pathlib import Path
from typing import Literal

import numpy as np

from tapetum_trainer.degrade.light import GAMMA, Picture

FULL_WELL = 4000
"""Electrons of a pixel at full brightness: a small sensor's."""
READ_NOISE = 4
"""Electrons of the amplifier's own noise, standard deviation."""
GAIN = 4.0
"""By which the camera multiplies what is left of the light."""
_DRAWS = 4096  # of each brightness in advance: as many as the noise of one brightness has different outcomes here


class DarkSensor:
    """A camera with `light` (0..1) of the light that there was when its pictures were taken.

    Photons are counted (Poisson), the amplifier adds its noise (normal), gain and gamma bring the result to eight bits.
    What becomes of each brightness is drawn 4,096 times in advance, and each pixel picks one: a tenth of the time of
    counting every pixel's photons, the same distribution.
    """

    def __init__(self, light: float, seed: int, gain: float = GAIN, gamma: float = GAMMA) -> None:
        """Look with so much light; a `gain` and a `gamma` of 1 give what pixels count, as parts of FULL_WELL."""
        self._random = np.random.default_rng(seed)
        mean = (np.arange(256) / 255) ** GAMMA * light * FULL_WELL
        electrons = self._random.poisson(mean[:, None], (256, _DRAWS)).astype(np.float64)
        electrons += self._random.normal(0, READ_NOISE, electrons.shape)
        level = np.clip(gain * electrons / FULL_WELL, 0, 1)
        self._outcomes: Picture = (255 * level ** (1 / gamma)).astype(np.uint8)

    def picture(self, picture: Picture, random: np.random.Generator | None = None) -> Picture:
        """Return `picture`, any shape, uint8, as this camera gives it: each call with noise of its own, or of `random`.

        With `random` it depends on nothing that was asked before.
        """
        draw = (random or self._random).integers(0, _DRAWS, picture.shape, np.uint16)
        return np.asarray(self._outcomes[picture, draw], np.uint8)


def dark_clip(source: Path, target: Path, light: float, codec: Literal["h264", "raw"], seed: int = 1) -> None:
    """Write the clip `source` to `target` as it looks with `light` of its light.

    codec: "h264" at 1500 kbit/s, since coding changes the noise, or "raw", as the sensor gives it (FFV1, lossless).
    Raises OSError when the clip cannot be read; needs PyAV (`tapetum[stream]`).
    """
    import av  # noqa: PLC0415  an extra, needed only here

    sensor = DarkSensor(light, seed)
    with av.open(str(source)) as clip, av.open(str(target), "w") as film:
        video = clip.streams.video[0]
        options = {"preset": "veryfast"} if codec == "h264" else {}
        stream = film.add_stream("libx264" if codec == "h264" else "ffv1", rate=video.average_rate, options=options)
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
        if codec == "h264":
            stream.bit_rate = 1_500_000
        for frame in clip.decode(video):
            night = sensor.picture(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
            film.mux(stream.encode(av.VideoFrame.from_ndarray(night, format="rgb24")))
        film.mux(stream.encode())
