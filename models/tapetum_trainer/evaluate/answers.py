"""What a model answers about whole pictures: by the code that asks it on the device."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tapetum import bundle
from tapetum.bundle import archive
from tapetum.errors import BundleError, ConfigError, InferenceError
from tapetum.inference.contract import ModelSpec
from tapetum.inference.decode import Floats
from tapetum.inference.labels import check_count
from tapetum.inference.preprocess import Preprocessor
from tapetum.inference.settings import Inference
from tapetum.inference.tflite import Detector
from tapetum.progress import Progress
from tapetum_trainer.errors import ModelError, asked_here
from tapetum_trainer.evaluate.mapping import Labels, columns, relabelled
from tapetum_trainer.evaluate.truth import Pictures

Picture = NDArray[np.uint8]
Ask = Callable[[Picture], Floats]
"""A picture (h, w, 3) RGB -> rows (k, 6): class, score, left, top, right, bottom in fractions of the picture."""
LEAST = 0.01
"""The score from which an answer is looked at: average precision wants the doubtful ones too."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A model under test. labels: of its own classes.

    as_on_device: asks as a device does, which looks at no doubtful answer; None: as `ask`, there is no device for it.
    places: whether it says where things are, and not only which. min_score: from which score on its labels count on a
    device, where it says so.
    """

    name: str
    labels: tuple[str, ...]
    ask: Ask
    places: bool = True
    min_score: Mapping[str, float] = field(default_factory=dict)
    as_on_device: Ask | None = None


def load(path: Path, labels: str = "", min_score: float = LEAST) -> Judged:
    """Return the model in the file: a bundle, or a plain .tflite with its labels (see `tapetum.inference.labels.find`).

    Raises ModelError when it cannot be used.
    """
    return of_spec(opened(path, labels), min_score)


def opened(path: Path, labels: str = "") -> ModelSpec:
    """Return what is in the file, as `load` takes it; raises ModelError when it is no model."""
    path = bundle.named(str(path)) if str(path) == bundle.SHIPPED else path
    try:
        beginning = path.read_bytes()[:8] if path.is_file() else b""
        return bundle.open(path).spec() if archive.is_archive(beginning) else bundle.of_tflite(path, labels)
    except (BundleError, ConfigError) as error:
        raise ModelError(f"{path}: {asked_here(error)}") from None


def of_spec(spec: ModelSpec, min_score: float = LEAST, threads: int = 1) -> Judged:
    """Return the model of `spec`, run in this process; raises ModelError when the runtime cannot use it."""
    try:
        detector = Detector(spec.content, threads, spec.contract)
        check_count(spec.labels, detector.classes, spec.name)
    except (BundleError, InferenceError) as error:
        raise ModelError(f"{spec.name}: {error}") from None
    maker = Preprocessor(detector.contract.input)

    def ask(picture: Picture, least: float = min_score) -> Floats:
        pixels, shown = maker.picture(picture)
        rows = detector.detect(pixels, least)
        rows[:, 2::2] = shown.left + rows[:, 2::2] * shown.width
        rows[:, 3::2] = shown.top + rows[:, 3::2] * shown.height
        return inside(rows)

    least = min((Inference().min_score, *spec.min_score.values()))
    quick = partial(ask, least=least)
    return Judged(spec.name, spec.labels, ask, detector.contract.decoder.PLACES, spec.min_score, quick)


def inside(rows: Floats) -> Floats:
    """Return the rows cut to the picture, without what lies beside it: a letterboxed input shows more than that."""
    rows[:, 2:] = rows[:, 2:].clip(0, 1)
    return rows[(rows[:, 4] > rows[:, 2]) & (rows[:, 5] > rows[:, 3])]


def answers(
    model: Judged,
    pictures: Pictures,
    mapping: Labels | None = None,
    way: Callable[[Picture], Picture] | None = None,
    indices: Sequence[int] | None = None,
) -> list[Floats]:
    """Return the rows (k, 6) for each picture, in the classes of `pictures`.

    mapping: our label -> the model's (see `columns`). way: what is done to each picture before, as a night.
    """
    ours = columns(pictures.labels, model.labels, mapping)
    wanted = range(len(pictures)) if indices is None else indices
    found = []
    with Progress(f"ask {model.name}", len(wanted)) as bar:
        for index in wanted:
            picture = pictures.picture(index)
            found.append(relabelled(model.ask(way(picture) if way else picture), ours))
            bar.step()
    return found
