"""What cameras are told to look for and no model will ever name: a word mistyped keeps its alerts in for good.

With the model of the configuration that is the operator's to mend. One that came over the air may lack a label too, and
a device may run before it has its first model: then the daemon goes on, and says so.
"""

import difflib
from collections.abc import Mapping, Sequence

from tapetum.config import CameraSettings
from tapetum.inference.labeller import MOTION
from tapetum.inference.labels import PLACEHOLDER
from tapetum.inference.scheduler import Scheduling

_USUAL = Scheduling().look_for  # nobody has written it: a model that lacks it finds nothing to add, and no harm done


def unnamed(cameras: Mapping[str, CameraSettings], model: str, labels: Sequence[str]) -> list[str]:
    """Return for each camera and key what is wrong with the labels in it, where `model`, "" for none, has `labels`."""
    if not model:
        told = "no model is there, and all is called motion: it never alerts; name inference.model, or leave it out"
        return [f"camera.{name}.rules.labels: {told}" for name, one in cameras.items() if _silent(one)]
    known = [label for label in labels if label != PLACEHOLDER]
    return [
        f"camera.{name}.{key}: {label!r} is no label of {model}; {_instead(label, known)}"
        for name, one in cameras.items()
        for key, wanted in (("rules.labels", one.rules.labels), ("scheduling.look_for", _chosen(one)))
        for label in wanted
        if label not in (MOTION.name, *known)
    ]


def _silent(camera: CameraSettings) -> bool:
    return bool(camera.rules.labels) and MOTION.name not in camera.rules.labels


def _chosen(camera: CameraSettings) -> tuple[str, ...]:
    wanted = camera.scheduling.look_for
    return () if wanted == _USUAL else wanted


def _instead(label: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(label, known, 3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"it has {', '.join(known[:5])}{', ...' if len(known) > 5 else ''} (tapetum models show tells all)"
