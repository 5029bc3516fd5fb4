"""What health tells of inference."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AcceleratorState:
    """state: "in use", "ready" (one before it is in use), "resting" after a failure, or "unusable"; reason: why."""

    state: str
    reason: str
    failures: int


@dataclass(frozen=True, slots=True)
class InferenceState:
    """mode: the name of the accelerator in use, "off", or "motion-only" while none is. confinement: of the worker."""

    mode: str
    model: str
    accelerators: Mapping[str, AcceleratorState]
    confinement: str
    pid: int
    asked: int
    answered: int
    refused: int
    restarts: int
    quarantined: int
    median_ms: float
    last_error: str
