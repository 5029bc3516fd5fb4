"""What a model says of crops, as a device would count it: its surest answer.

A detector can be asked too. Of a crop around a track its surest answer counts, if it is as sure as the device wants it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapetum.inference.contract import Input
from tapetum.inference.decode import Floats
from tapetum.inference.preprocess import Preprocessor
from tapetum.progress import Progress
from tapetum_trainer.crops.figures import Figures, Places, figures
from tapetum_trainer.crops.sets import Crops
from tapetum_trainer.crops.settings import BACKGROUND
from tapetum_trainer.evaluate.answers import Judged, Picture
from tapetum_trainer.evaluate.mapping import Labels, columns
from tapetum_trainer.evaluate.matches import Matches
from tapetum_trainer.evaluate.moved import ALL, Loss, Moved
from tapetum_trainer.evaluate.truth import Pictures, groups
from tapetum_trainer.scaling import real

_LEAST = 0.4  # of a detector's answer, as `labelling.min_score` of a device where nothing is said
_BATCH = 64


@dataclass(frozen=True, slots=True)
class Said:
    """What a model says of crops.

    classes: (n,) an index into our labels, as many as there are where it is none of them. scores: (n,) how sure it is.
    """

    classes: Places
    scores: Floats


@dataclass(frozen=True, slots=True)
class Result:
    """How a model does. conditions, groups: by name, as night, or a camera."""

    name: str
    figures: Figures
    conditions: Mapping[str, Figures] = field(default_factory=dict)
    groups: Mapping[str, Figures] = field(default_factory=dict)


def said(
    model: Judged, crops: Pictures, mapping: Labels | None = None, way: Callable[[Picture], Picture] | None = None
) -> Said:
    """Return what `model` says of each crop; mapping: our label -> the model's; way: what is done to each before.

    What is none of our classes is background, where that is one. Raises RecipeError as `columns` does.
    """
    ours = columns(crops.labels, model.labels, mapping)
    none = crops.labels.index(BACKGROUND) if BACKGROUND in crops.labels else len(crops.labels)
    classes, scores = np.full(len(crops), none, np.int32), np.zeros(len(crops), np.float32)
    with Progress(f"ask {model.name}", len(crops)) as bar:
        for index in range(len(crops)):
            picture = crops.picture(index)
            rows = _counting(model, model.ask(way(picture) if way else picture))
            if len(rows):
                place = int(rows[0, 0])
                classes[index] = ours[place] if 0 <= place < len(ours) and ours[place] >= 0 else none
                scores[index] = rows[0, 1]
            bar.step()
    return Said(classes, scores)


def _counting(model: Judged, rows: Floats) -> Floats:
    """Return the rows that a device would count; of a classifier all, the surest first."""
    if not model.places:
        return rows
    least = [model.min_score.get(label, _LEAST) for label in model.labels]
    enough = [0 <= row[0] < len(least) and row[1] >= least[int(row[0])] for row in rows]
    kept: Floats = rows[np.array(enough, bool)]
    return kept


def judged(
    model: Judged, crops: Crops, mapping: Labels | None = None, conditions: Mapping[str, Any] | None = None
) -> Result:
    """Return how `model` does on `crops`, also under each of the conditions, and camera by camera."""
    found = said(model, crops, mapping)
    ways = {
        name: figures(crops.truth, said(model, crops, mapping, way).classes, crops.labels)
        for name, way in (conditions or {}).items()
    }
    parts = {name: list(places) for name, places in groups(crops)}
    cameras = {name: figures(crops.truth[one], found.classes[one], crops.labels) for name, one in parts.items()}
    whole = figures(crops.truth, found.classes, crops.labels)
    return Result(model.name, whole, ways, cameras if len(cameras) > 1 else {})


def matches(found: Said, crops: Crops) -> list[Matches]:
    """Return the answers of each class, best first: of all crops of which it is said."""
    order = np.argsort(-found.scores, kind="stable")
    classes, scores, truth = found.classes[order], found.scores[order], crops.truth[order]
    return [
        Matches(scores[classes == place], truth[classes == place] == place, int((truth == place).sum()), len(truth))
        for place in range(len(crops.labels))
    ]


def lost(before: Judged, after: Judged, crops: Crops, views: int = 6) -> Loss:
    """Return what `after` lost of the balanced accuracy, over so many views of each crop, the first as it is."""
    seen: list[Pictures] = [crops, *(Moved(crops, seed) for seed in range(1, views))]
    pairs = np.array([[_balanced(model, one, crops) for model in (before, after)] for one in seen])
    spread = 100 * float(np.std(pairs[:, 0] - pairs[:, 1], ddof=1))
    return Loss(ALL, float(pairs[:, 0].mean()), float(pairs[:, 1].mean()), spread / views**0.5)


def _balanced(model: Judged, view: Pictures, crops: Crops) -> float:
    return figures(crops.truth, said(model, view).classes, crops.labels).balanced


class Asked:
    """Crops, prepared once as the device prepares them, of which a Keras network is asked again and again."""

    def __init__(self, crops: Crops, side: int) -> None:
        """Prepare them for a network of `side` pixels."""
        maker = Preprocessor(Input(width=side, height=side))
        self._crops = crops
        self._pixels: list[NDArray[np.uint8]] = [maker.picture(crops.picture(index))[0] for index in range(len(crops))]

    def scores(self, network: Any) -> Floats:
        """Return (n, labels) what it says of each."""
        batches = [self._pixels[start : start + _BATCH] for start in range(0, len(self._pixels), _BATCH)]
        found = [np.asarray(network.predict_on_batch(real(np.stack(batch))), np.float32) for batch in batches]
        return np.concatenate(found)

    def __call__(self, network: Any) -> float:
        """Return the balanced accuracy."""
        classes = self.scores(network).argmax(axis=1).astype(np.int32)
        return figures(self._crops.truth, classes, self._crops.labels).balanced
