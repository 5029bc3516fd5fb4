"""`tapetum bench tracks`: our tracks against a truth, and ByteTrack's of the same model asked about every frame."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tapetum.bench.gating import every_frame
from tapetum.bench.tracks import peers, score
from tapetum.bench.tracks.folder import clip_of, truth_of
from tapetum.bench.tracks.truth import Sheet, read
from tapetum.capture import Synthetic
from tapetum.clock import SystemClock
from tapetum.config import CameraSettings
from tapetum.inference.labeller import MOTION
from tapetum.inference.scheduler import Scheduling
from tapetum.inference.settings import Inference
from tapetum.progress import Progress
from tapetum.replay import Tally, first_frame, replay, worker
from tapetum.scene import State

_FAINT = 0.1  # score down to which ByteTrack uses detections to go on with a track
_WANTED = "person"  # whom the truths of MOTChallenge tell of
_NAMES = (_WANTED, MOTION.name)
_SECOND_NS = 1e9

Answers = tuple[str, int, Sheet]
"""Of one tracker: its name, how often the model was asked, who it saw where."""


def run(path: Path, truth: Path | None, inference: Inference, per_s: float) -> dict[str, Any]:
    """Return the figures over the frames that `truth` covers, the model asked `per_s` times a second at most by us.

    path: a clip, or a folder as MOTChallenge has it, whose own truth counts where none is given. Raises ConfigError
    where one of them is none.
    """
    package, truth = score.judge(), truth_of(path, truth)
    with clip_of(path) as clip:
        wanted = read(truth, "--truth", first_frame(clip).y.shape)
        answers = [_ours(clip, inference, per_s, max(wanted)), *_theirs(clip, inference, max(wanted))]
    return {
        "clip": path.name,
        "frames": max(wanted),
        "boxes": sum(map(len, wanted.values())),
        "judge": package,
        "trackers": [
            {"tracker": name, **score.figures(wanted, found), "asked": asked} for name, asked, found in answers
        ],
    }


def _ours(clip: Path, inference: Inference, per_s: float, frames: int) -> Answers:
    stages = CameraSettings(source=Synthetic(), scheduling=Scheduling(per_s=per_s))
    tally, found = Tally(), Sheet()
    with worker(inference) as model, Progress("tracks", frames) as bar:
        for frame, result in islice(replay(clip, stages, model, SystemClock(), tally), frames):
            bar.step()
            there = [track for track in result.tracks if track.state in (State.CONFIRMED, State.STILL)]
            names = {track: label.name for track, label in result.labels.items()}
            found[frame.seq] = [(track.id, track.box) for track in there if names.get(track.id, _WANTED) in _NAMES]
    return "tapetum", tally.asked, found


def _theirs(clip: Path, inference: Inference, frames: int) -> Iterator[Answers]:
    """Yield what each ByteTrack makes of the answers of the model to all frames; nothing where there is no model."""
    if not inference.model:
        return
    shown = []
    faint = replace(inference, min_score=min(_FAINT, inference.min_score))
    with worker(faint) as model, Progress("ByteTrack", frames) as bar:
        for frame, detections in islice(every_frame(clip, model), frames):
            bar.step()
            shown.append((frame.t_ns, [one for one in detections if one.label == _WANTED]))
        shape = frame.y.shape
    fps = (len(shown) - 1) * _SECOND_NS / max(1, shown[-1][0] - shown[0][0])
    for name, update in peers.present(shape, fps).items():
        yield name, len(shown), {at: update(detections, t_ns) for at, (t_ns, detections) in enumerate(shown, 1)}
