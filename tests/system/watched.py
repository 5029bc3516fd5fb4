"""The daemon, which also notes each answer's model and each frame: `python -m tests.system.watched FILE run ...`.

A line of FILE is CLOCK_MONOTONIC in seconds and what it was: "answer MODEL" or "CAMERA SEQ" of a frame to be analysed.
"""

import sys
import time
from typing import Any

from tapetum.cli import main
from tapetum.inference.client import Port
from tapetum.pipeline import Pipeline

NOTES = open(sys.argv.pop(1), "a", buffering=1)  # noqa: SIM115, PTH123  for as long as the process lives
_deliver, _step = Port.deliver, Pipeline.step


def deliver(port: Port, answers: Any) -> None:
    for answer in answers:
        NOTES.write(f"{time.monotonic()} answer {answer.model}\n")
    _deliver(port, answers)


def step(pipeline: Pipeline, frame: Any) -> Any:
    NOTES.write(f"{time.monotonic()} {frame.camera} {frame.seq}\n")
    return _step(pipeline, frame)


Port.deliver = deliver  # type: ignore[method-assign]
Pipeline.step = step  # type: ignore[method-assign]

if __name__ == "__main__":
    sys.exit(main())
