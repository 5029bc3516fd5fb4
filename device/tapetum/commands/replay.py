"""`tapetum replay CLIP`: the same analysis, on a clip."""

import argparse
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tapetum.commands.settings import add_config, add_model, config_of, start_log, with_model
from tapetum.config import CameraSettings, Config
from tapetum.errors import ConfigError, SourceError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `replay` takes."""
    parser.add_argument("clip", type=Path, help="a video file")
    add_config(parser)
    add_model(parser)
    parser.add_argument("--camera", metavar="NAME", help="analyse as this camera of the configuration is analysed")
    parser.add_argument("--save-video", metavar="FILE", type=Path, help="write the clip with tracks and labels in it")
    parser.add_argument("-v", "--verbose", action="store_true", help="log more")


def main(options: argparse.Namespace) -> int:
    """Print each sighting as a JSON line, and a summary to standard error."""
    from tapetum.alerts.event import encode
    from tapetum.clock import SystemClock
    from tapetum.drawing import Film
    from tapetum.progress import Progress
    from tapetum.replay import Tally, frame_count, replay, worker

    start_log(options.verbose)
    config = with_model(config_of(options)[0], options.model, options.labels)
    tally, told = Tally(), 0
    _check(options.clip)
    total = frame_count(options.clip)
    with (
        _naming_clip(),
        worker(config.inference) as model,
        Film(options.save_video, options.clip) as film,
        Progress("replay", total) as bar,
    ):
        for frame, result in replay(options.clip, _stages(config, options.camera), model, SystemClock(), tally):
            film.add(frame, result)
            bar.step()
            for _, sighting in tally.sightings[told:]:
                bar.print(encode(sighting).decode())
            told = len(tally.sightings)
        for _, sighting in tally.sightings[told:]:
            bar.print(encode(sighting).decode())
    started = [sighting for _, sighting in tally.sightings if sighting.kind == "started"]
    cost_ms = 1e3 * statistics.median(tally.cpu_s) if tally.cpu_s else 0.0
    print(
        f"{tally.frames} frames, {len(started)} sightings, the model asked {tally.asked} times "
        f"({tally.asked / max(1, tally.frames):.1%} of the frames), analysis {cost_ms:.2f} ms of CPU a frame (median)",
        file=sys.stderr,
    )
    return 0


def _check(clip: Path) -> None:
    if clip.is_dir():
        raise ConfigError(f"CLIP: {clip}: it is a folder; name a video in it")
    if not clip.is_file():
        raise ConfigError(f"CLIP: {clip}: there is no such file; name a video")


@contextmanager
def _naming_clip() -> Iterator[None]:
    """Let what is wrong with the clip be told by its name here, and not by that in a configuration."""
    try:
        yield
    except SourceError as error:
        raise SourceError(str(error).replace("`path`", "CLIP")) from None


def _stages(config: Config, camera: str | None) -> CameraSettings:
    from tapetum.capture import Synthetic

    if camera is None:
        return CameraSettings(source=Synthetic())
    if camera not in config.camera:
        raise ConfigError(f"--camera {camera}: the configuration names {', '.join(config.camera) or 'no camera'}")
    return config.camera[camera]
