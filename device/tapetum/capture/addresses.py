"""Addresses as they may be shown: in logs, in errors, in what is published."""

import re

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*://)(\S+)", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """Return `text` with no user, password or query in any address in it.

    Passwords with `@`, `/` or `#` in them, which no address may hold and many do, are not shown either: all up to the
    last `@` is taken away.
    """
    return _ADDRESS.sub(lambda found: found[1] + _shown(found[2]), text)


def _shown(rest: str) -> str:
    return rest.rpartition("@")[2].partition("?")[0]
