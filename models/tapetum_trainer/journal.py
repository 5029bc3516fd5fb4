"""What a training writes down while it runs: a line of JSON for each record, and the same for TensorBoard.

`journal.jsonl` has one record a line: step, epoch, kind (`train` or `validation`) and figures. After a kill, what was
written beyond the step that the training goes on from is taken out, so that every step is told once.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tensorboardX import SummaryWriter


class Journal:
    """The journal in a folder."""

    def __init__(self, folder: Path, step: int) -> None:
        """Go on after `step`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "journal.jsonl"
        _cut(self._path, step)
        self._file = self._path.open("a", encoding="utf-8")
        self._board = SummaryWriter(str(folder / "board"), purge_step=step + 1)

    def __enter__(self) -> "Journal":
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        self._file.close()
        self._board.close()

    def write(self, kind: str, step: int, epoch: int, figures: Mapping[str, float]) -> None:
        """Write one record."""
        record = {"kind": kind, "step": step, "epoch": epoch} | {name: float(f"{x:.6g}") for name, x in figures.items()}
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()
        for name, value in figures.items():
            self._board.add_scalar(f"{kind}/{name}", value, step)


def validated(folder: Path) -> int:
    """Return how many validations the journal in `folder` tells of."""
    path = folder / "journal.jsonl"
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    return sum(json.loads(line)["kind"] == "validation" for line in lines)


def _cut(path: Path, step: int) -> None:
    """Take out the records after `step`, and a last line that was not finished."""
    if not path.exists():
        return
    lines = [line for line in path.read_text(encoding="utf-8").split("\n")[:-1] if json.loads(line)["step"] <= step]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
