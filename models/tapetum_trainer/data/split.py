"""Which pictures are trained on, which choose among trainings, and which judge.

By the content of a picture, not by its place: a set that grows keeps its splits. A group (a clip, a camera) goes as
one, and so do pictures that look the same: to be judged by what was trained on would say nothing.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

from tapetum.settings import Fraction, Settings
from tapetum_trainer.data.sample import Labelled

Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")


class Shares(Settings, frozen=True, kw_only=True):
    """How much of what names no split goes where; the rest is trained on."""

    valid: Fraction = 0.1
    test: Fraction = 0.1

    def __post_init__(self) -> None:
        if self.valid + self.test >= 1:
            raise ValueError("valid and test together are less than 1")


def chosen(key: str, shares: Shares) -> Split:
    """Return the split of what has this key, always the same."""
    place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64
    if place < shares.test:
        return "test"
    return "valid" if place < shares.test + shares.valid else "train"


def divided(
    pictures: Sequence[tuple[Labelled, str]], alike: Mapping[int, int], shares: Shares
) -> dict[Split, list[Labelled]]:
    """Return the pictures of each split.

    pictures: each with its own split, or "auto". alike: picture -> the first that looks the same. Pictures that are
    alike, or of one group, go where the most strictly kept of them goes: test before valid before train.
    """
    members: dict[str, list[int]] = defaultdict(list)
    first = _joined(pictures, alike)
    for index in range(len(pictures)):
        members[first[index]].append(index)
    found: dict[Split, list[Labelled]] = {split: [] for split in SPLITS}
    for key, indices in members.items():
        said = {pictures[index][1] for index in indices} - {"auto"}
        split = next((one for one in reversed(SPLITS) if one in said), None) or chosen(key, shares)
        found[split] += [pictures[index][0] for index in indices]
    return found


def _joined(pictures: Sequence[tuple[Labelled, str]], alike: Mapping[int, int]) -> list[str]:
    """Return for each picture the key of all that must go with it."""
    parent = list(range(len(pictures)))

    def root(index: int) -> int:
        while parent[index] != index:
            index = parent[index]
        return index

    groups: dict[str, int] = {}
    for index, (picture, _) in enumerate(pictures):
        for other in (alike.get(index, index), groups.setdefault(picture.group, index) if picture.group else index):
            low, high = sorted((root(index), root(other)))
            parent[high] = low
    return [_key(pictures[root(index)][0]) for index in range(len(pictures))]


def _key(picture: Labelled) -> str:
    return picture.group or hashlib.sha256(picture.path.read_bytes()).hexdigest()
