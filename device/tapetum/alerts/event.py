"""A sighting as it is sent: one JSON object, `docs/ref/sighting.schema.json`."""

import msgspec

from tapetum.scene import Sighting

SCHEMA = 1
"""The payload's version: raised when a field's meaning changes or one goes; a new field alone does not raise it."""


def encode(sighting: Sighting) -> bytes:
    """Return `sighting` as JSON, field for field, with the payload's version first."""
    fields = msgspec.to_builtins(sighting)
    fields["box"] = {edge: round(value, 4) for edge, value in fields["box"].items()}  # a tenth of a pixel, and readable
    fields["score"] = round(fields["score"], 4)
    return msgspec.json.encode({"schema": SCHEMA} | fields)


def decode(payload: bytes) -> Sighting:
    """Return the sighting in `payload`; fields that are not known are passed over.

    Raises ValueError when it is no sighting of this version.
    """
    try:
        fields = msgspec.json.decode(payload, type=dict[str, object])
        if fields.get("schema") != SCHEMA:
            raise ValueError(f"schema {fields.get('schema')!r} is not {SCHEMA}")
        return msgspec.convert(fields, Sighting)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"no sighting: {error}") from None
