"""What is missed by asking the model seldom: against the tracks of a model that is asked about every frame.

The reference is the model's answer to each whole frame, tracked by ByteTrack as the package `edgefirst-tracker` has it,
with that package's own settings, a class at a time (Y. Zhang et al., "ByteTrack: multi-object tracking by associating
every detection box", ECCV 2022). What it saw in fewer than five frames is left out. A track of it is missed unless
tracks of ours that ended with its label lie on it, with an IoU of at least 0.3, in a quarter of the frames in which it
was seen. A darkened clip is judged by the reference of the bright one, and a model that sees whole frames badly by that
of another.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tapetum.capture import File, Synthetic
from tapetum.clock import SystemClock
from tapetum.config import CameraSettings
from tapetum.errors import ConfigError, TapetumError
from tapetum.inference.client import Worker
from tapetum.inference.model import Crop
from tapetum.inference.preprocess import Preprocessor
from tapetum.inference.settings import Inference
from tapetum.progress import Progress
from tapetum.replay import Tally, frame_count, replay, worker
from tapetum.scene import Box, Detection, Frame, State

_LEAST = 5  # frames in which the reference must have seen something
_FITS = 0.3  # IoU
_ENOUGH = 0.25  # of the frames in which the reference saw it
_FAINT = 0.1  # score down to which ByteTrack uses detections to go on with a track
_WHOLE = Box(0.0, 0.0, 1.0, 1.0)

Boxes = dict[int, Box]
"""Frame's number -> where something is in it."""
Labelled = list[tuple[str, Boxes]]
"""Tracks, each with its label."""


def run(clip: Path, reference: Path, inference: Inference, judge: Inference | None = None) -> dict[str, Any]:
    """Return how many questions gating saves on `clip`, and what it misses of the tracks of `reference`.

    judge: the model whose tracks these are, where it is another; of them count those whose label ours has too.
    """
    if not inference.model:
        raise ConfigError("bench gating: --model is wanted: a .tflite detector")
    tracks = _reference(reference, judge or inference)
    tally = Tally()
    found, labels = _ours(clip, inference, tally)
    wanted = [(label, boxes) for label, boxes in tracks if label in labels]
    if judge and tracks and not wanted:
        strange = ", ".join(sorted({label for label, _ in tracks}))
        raise ConfigError(f"--judge: what it sees, {strange}, is none of what the model tells: {', '.join(labels)}")
    missed = [label for label, boxes in wanted if not _is_found(label, boxes, found)]
    return {
        "clip": clip.name,
        "reference": reference.name,
        **({"judge": Path(judge.model).name, "left_out": len(tracks) - len(wanted)} if judge else {}),
        "frames": tally.frames,
        "asked": tally.asked,
        "fewer": round(1 - tally.asked / max(1, tally.frames), 4),
        "reference_tracks": len(wanted),
        "missed": len(missed),
        "labels": [
            {"label": label, "tracks": sum(one == label for one, _ in wanted), "missed": missed.count(label)}
            for label in sorted({label for label, _ in wanted})
        ],
        "reasons": [{"reason": str(reason), "asked": count} for reason, count in sorted(tally.reasons.items())],
    }


def _ours(clip: Path, inference: Inference, tally: Tally) -> tuple[Labelled, tuple[str, ...]]:
    """Return the tracks that were believed in a replay of `clip`, as they were called last, and all labels."""
    boxes: dict[int, Boxes] = defaultdict(dict)
    names: dict[int, str] = {}
    with worker(inference) as model, Progress("gating", frame_count(clip)) as bar:
        for frame, result in replay(clip, CameraSettings(source=Synthetic()), model, SystemClock(), tally):
            bar.step()
            names |= {track: label.name for track, label in result.labels.items()}
            for track in result.tracks:
                if track.state is not State.TENTATIVE:
                    boxes[track.id][frame.seq] = track.box
        labels = model.labels
    return [(names[track], where) for track, where in boxes.items() if track in names], labels


def _is_found(label: str, wanted: Boxes, found: Labelled) -> bool:
    own = [boxes for name, boxes in found if name == label]
    fits = (any(seq in boxes and boxes[seq].iou(box) >= _FITS for boxes in own) for seq, box in wanted.items())
    return sum(fits) >= _ENOUGH * len(wanted)


def _reference(clip: Path, inference: Inference) -> Labelled:
    """Return the tracks of a model that is asked about every frame."""
    byte_track = _library()
    trackers: dict[str, Any] = defaultdict(byte_track)
    tracks: dict[tuple[str, str], Boxes] = defaultdict(dict)
    faint = msgspec.structs.replace(inference, min_score=min(_FAINT, inference.min_score))
    with worker(faint) as model, Progress("reference", frame_count(clip)) as bar:
        for frame, detections in every_frame(clip, model):
            bar.step()
            for label in {*trackers, *(one.label for one in detections)}:
                own = [one for one in detections if one.label == label]
                for one, track in zip(own, _tracked(trackers[label], own, frame.t_ns), strict=True):
                    if track is not None:
                        tracks[label, track.uuid][frame.seq] = one.box
    return [(label, boxes) for (label, _), boxes in tracks.items() if len(boxes) >= _LEAST]


def every_frame(clip: Path, model: Worker) -> Iterator[tuple[Frame, tuple[Detection, ...]]]:
    """Yield each frame with what the model sees in the whole of it; raises TapetumError where it gives no answer."""
    if not model.places:
        raise TapetumError(f"{model.model} says what a crop shows, and not where in a frame; a detector is wanted")
    port, picture = model.port("reference"), model.input
    source = File(path=str(clip), pace="analysis").open("reference", SystemClock())
    prepared = Preprocessor(picture) if picture else None
    while prepared and (frame := source.read()) is not None:
        pixels, box = prepared.crop(frame, _WHOLE)
        port.offer([Crop(0, box, pixels)])
        model.settle()
        answers = port.collect()
        if not answers:
            raise TapetumError(f"the model gives no answer: {model.state().last_error}")
        yield frame, answers[0].detections


def _tracked(tracker: Any, detections: list[Detection], t_ns: int) -> list[Any]:
    """Return for each detection the track that ByteTrack counts it to, or None."""
    boxes = [(one.box.left, one.box.top, one.box.right, one.box.bottom) for one in detections]
    scores = np.array([one.score for one in detections], np.float32)
    labels = np.zeros(len(detections), np.uint64)
    return list(tracker.update(np.array(boxes, np.float32).reshape(-1, 4), scores, labels, t_ns))


def _library() -> Callable[[], Any]:
    try:
        from edgefirst.tracker import ByteTrack  # noqa: PLC0415  an extra
    except ImportError:
        raise ConfigError('the reference is tracked by edgefirst-tracker: pip install "tapetum[bench]"') from None
    return ByteTrack  # type: ignore[no-any-return,unused-ignore]
