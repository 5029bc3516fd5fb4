"""Which method to take, in words, and why."""

from collections.abc import Mapping, Sequence
from typing import Any

_ALIKE = 0.01  # of the F-measure: less is no reason to pay for it
_AGREES = 0.99  # of the frames
_MUCH_CHEAPER = 0.5  # of the time

Row = Mapping[str, Any]


def advice(rows: Sequence[Row], default: str, agreement: Mapping[str, float]) -> tuple[str, str]:
    """Return (method, reason).

    rows: of each contender `method`, `ours`, `median_ms`, `motion_share`, `f`; agreement: with the default on whether
    anything moves, the share of the frames, by method.
    """
    ours = [row for row in rows if row["ours"]]
    judged = [row for row in ours if row["f"] is not None]
    if judged:
        return _by_truth(judged, [row for row in rows if not row["ours"]])
    if any(row["precision"] is not None for row in rows):
        return _by_quiet(ours)
    return _by_agreement(ours, default, agreement)


def _by_truth(ours: Sequence[Row], peers: Sequence[Row]) -> tuple[str, str]:
    best = max(ours, key=_f)
    chosen = min((row for row in ours if _f(row) >= _f(best) - _ALIKE), key=_ms)
    if chosen is best:
        said = f"its F of {_f(best):.3f} is the highest of ours, at {_ms(best):.2f} ms a frame"
    else:
        said = (
            f"its F of {_f(chosen):.3f} is next to the highest, {_f(best):.3f} of {best['method']}, at "
            f"{_ms(chosen) / _ms(best):.2f} of the time"
        )
    better = [row for row in peers if row["f"] is not None and _f(row) > _f(chosen) + _ALIKE]
    if better:
        found = max(better, key=_f)
        said += f"; but {found['method']}, which is not ours, is better here: {_f(found):.3f}"
    cheap = min(ours, key=_ms)
    if _ms(cheap) < _MUCH_CHEAPER * _ms(chosen):
        said += f"; {cheap['method']} takes {_ms(cheap) / _ms(chosen):.2f} of its time and comes to {_f(cheap):.3f}"
    return chosen["method"], said


def _by_quiet(ours: Sequence[Row]) -> tuple[str, str]:
    chosen = min(ours, key=lambda row: (row["motion_share"], _ms(row)))
    said = f"nothing moves in the truth, and it shows motion in {_percent(chosen['motion_share'])} of the frames"
    return chosen["method"], said + ", the fewest of ours" if len(ours) > 1 else said


def _by_agreement(ours: Sequence[Row], default: str, agreement: Mapping[str, float]) -> tuple[str, str]:
    own = next(row for row in ours if row["method"] == default)
    limit = _MUCH_CHEAPER * _ms(own)
    alike = [row for row in ours if agreement[row["method"]] >= _AGREES and _ms(row) <= limit]
    if alike:
        ms, name = min((_ms(row), str(row["method"])) for row in alike)
        same = f"in {_percent(agreement[name])} of the frames it says the same as {default} of whether anything moves"
        return name, f"{same}, at {ms / _ms(own):.2f} of the time; which is right, only a truth tells"
    said = "it is the default, and only a truth tells which is right"
    others = sorted(row["motion_share"] for row in ours if row is not own)
    shares = [_percent(share) for share in (own["motion_share"], *others)]
    if len(shares) == 1:
        return default, f"{said}; it shows motion in {shares[0]} of the frames"
    return default, f"{said}; it shows motion in {shares[0]} of the frames, the others in {', '.join(shares[1:])}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _f(row: Row) -> float:
    return float(row["f"])


def _ms(row: Row) -> float:
    return float(row["median_ms"])
