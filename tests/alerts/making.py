"""Sightings to send, made the shortest way."""

from tapetum.alerts.stamp import uuid7
from tapetum.scene import Box, Kind, Sighting


def sighting(seq=1, kind=Kind.STARTED, **fields):
    values = {
        "id": uuid7(1_700_000_000_000 + seq),
        "seq": seq,
        "camera": "hall",
        "kind": kind,
        "track": 1,
        "label": "person",
        "score": 0.75,
        "box": Box(0.1, 0.2, 0.3, 0.4),
        "at": "2026-01-02T03:04:05.678Z",
        "clock": "synced",
        "model": "detect@0",
    }
    return Sighting(**values | fields)
