"""What the names of licences tell of giving a model away: what it was made of may be under terms that reach further.

Whether a model is a work derived of the pictures that it learned from is disputed, and not decided here. What is told
is what somebody must know who sells it or passes it on. Of a licence with an unknown name that is told too.
"""

import re
from collections.abc import Iterator, Sequence

from tapetum.bundle import Source

_TERMS = (
    (re.compile(r"\bNC\b|non-?commercial", re.IGNORECASE), "non-commercial: not to be sold, nor to go into what is"),
    (re.compile(r"\bA?GPL", re.IGNORECASE), "copyleft: what is made of it is to be under the same licence"),
    (re.compile(r"\bSA\b|share-?alike|\bODbL\b", re.IGNORECASE), "what is made of it is to be under the same licence"),
    (re.compile(r"\bresearch\b", re.IGNORECASE), "given away for research; whoever sells it asks its makers"),
    (re.compile(r"\bterms\b", re.IGNORECASE), "its pictures are their owners', under whose terms they were published"),
)
"""The first that a licence's name is like counts."""
_FREE = re.compile(
    r"\bApache\b|\bMIT\b|\bBSD\b|\bISC\b|\bCC[ -]BY\b|\bCC0\b|public domain|\bCDLA\b|\bmine\b|\bours?\b|\bown\b",
    re.IGNORECASE,
)


def remarks(sources: Sequence[Source]) -> Iterator[str]:
    """Yield a line for each kind of terms that asks for more than the names of its makers, with what it is of."""
    found: dict[str, list[str]] = {}
    for source in sources:
        if said := _remark(source.licence):
            found.setdefault(said, []).append(source.name)
    yield from (f"{'; '.join(names)}: {said}" for said, names in found.items())


def _remark(licence: str) -> str:
    """Return what is to be known of a licence; "": it asks for no more than to be named."""
    for pattern, said in _TERMS:
        if pattern.search(licence):
            return said
    return "" if _FREE.search(licence) else "nobody has said here under which licence it is"
