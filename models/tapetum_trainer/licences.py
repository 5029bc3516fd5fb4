"""What the names of licences tell of giving a model away: what it was made of may be under terms that reach further.

Whether a model is a work derived of the pictures that it learned from is disputed, and not decided here. What is told
is what somebody must know who sells it or passes it on. Of a licence with an unknown name that is told too.
"""

import re
from collections.abc import Iterator, Sequence

from tapetum.bundle import Source

_TERMS = (
    (r"\bNC\b|non[- ]?commercial|no commercial", "non-commercial: not to be sold, nor to go into what is"),
    (r"\bSA\b|share-?alike|\bODbL\b|CDLA-Sharing", "share-alike: what is made of it is to be under the same licence"),
    (r"GPL\b|GPL-|General Public|\bMPL\b|\bEUPL\b", "copyleft: what is made of it is to be under the same licence"),
    (r"\bND\b|no derivatives", "nothing that is made of it is to be passed on"),
    (r"\bresearch\b|\bacademic\b", "given away for research; whoever sells it asks its makers"),
    (r"\bterms\b", "its pictures are their owners', under whose terms they were published"),
)
_FREE = re.compile(
    r"(Apache|MIT|BSD|ISC|CC[ -]BY|CC0|CDLA-Permissive|Unlicense|Zlib)([ -][\d.]+)?([ -]Clause)?"
    r"|public domain|mine|my own",
    re.IGNORECASE,
)


def remarks(sources: Sequence[Source]) -> Iterator[str]:
    """Yield a line for each kind of terms that asks for more than the names of its makers, with what it is of."""
    found: dict[str, list[str]] = {}
    for source in sources:
        for said in _remarks(source.licence):
            found.setdefault(said, []).append(source.name)
    yield from (f"{'; '.join(names)}: {said}" for said, names in found.items())


def _remarks(licence: str) -> list[str]:
    """Return what is to be known of a licence; nothing where it asks for no more than to be named."""
    told = [said for pattern, said in _TERMS if re.search(pattern, licence, re.IGNORECASE)]
    return told or ([] if _FREE.fullmatch(licence.strip()) else ["no licence that is known here"])
