"""TLD: follow a thing that leaves and comes back.

Flow carries the box from frame to frame, and the nearest patches set it right; a detector, of variance, ferns and
patches, looks for the thing around it, and in the whole picture when it is lost. Where flow is sure, what the detector
missed is learned as the thing, and what it took for it elsewhere as something else; where flow fails, the detector
starts it anew. While neither knows, the thing is told to be absent.

Z. Kalal, K. Mikolajczyk and J. Matas, "Tracking-learning-detection", IEEE TPAMI 34(7):1409-1422, 2012. Other than
there, the whole picture is looked through by correlation with one patch after another and not by ferns, patches hold
colour too, and the box of flow is moved to where it is most like the thing: without that its size drifts.
"""

from typing import Annotated

import numpy as np
from msgspec import Meta

from tapetum.scene import Box, Frame, Plane
from tapetum.settings import Fraction, Settings
from tapetum.tracking.follower import Followed, inside
from tapetum.tracking.patches import Pair
from tapetum.tracking.tld.detector import Detector, Found
from tapetum.tracking.tld.flow import flow
from tapetum.tracking.tld.view import Edges, View, edges_of
from tapetum.tracking.tld.windows import overlaps

_SIDE, _COARSE = 28.0, 14.0  # pixels: the geometric mean of the thing's sides in a view around it, and of the whole
_REACH = 1.25  # of that mean is looked at on each side of it
_EVERY = 5  # frames: the whole picture is looked through for what is taken for the thing
_CORE = 0.6  # conservative similarity from which flow is believed
_PERHAPS = 0.55  # relative similarity below which nothing is taken for it anew
_FLOW = 10  # times as much as a hit of the detector counts the box of flow

Known = tuple[Edges, float, float]
"""A box of a view, and the relative and the conservative similarity there."""
Place = tuple[Edges | None, float]
"""A box of a view, None where the thing is not in it, and the relative similarity."""


class Tld(Settings, tag="tld", tag_field="algorithm", frozen=True):
    """Settings of the follower."""

    alike: Fraction = 0.6  # relative similarity from which the detector has found it
    anew: Fraction = 0.65  # what patches and ferns say together, while it is lost: lower finds sooner, and wrong things
    doubt: Fraction = 0.4  # relative similarity below which flow has lost it
    seed: Annotated[int, Meta(ge=0)] = 0

    def start(self, frame: Frame, box: Box) -> "TldFollower":
        """Return a follower of what is in `box` of `frame`."""
        return TldFollower(self, frame, box)


class TldFollower:
    """The running follower; its memory: the detector's, and a part of the last frame's luma, reduced."""

    def __init__(self, settings: Tld, frame: Frame, box: Box) -> None:
        self._settings = settings
        self._detector = Detector(np.random.default_rng(settings.seed))
        self._box = inside(box)
        self._there = self._valid = True
        self._frames = 0
        view, whole = self._around(frame, self._edges(frame)), self._whole(frame)
        self._before: Plane = view.luma
        self._detector.begin(view, view.to(self._edges(frame)), whole, self._size(frame, whole))

    def update(self, frame: Frame, near: Box | None = None) -> Followed:
        """Return where the thing is in `frame`, or where it was last, not visible."""
        if near is not None:  # what flow goes by is not there: the detector looks around it
            self._box, self._there = inside(near), False
        self._frames += 1
        view = self._around(frame, self._edges(frame))
        found = self._detector.detect(view, self._size(frame, view))
        place, sure = self._agreed(found, self._tracked(view, frame))
        if place is None:
            view, place, sure = self._searched(frame)
        elif self._valid:
            self._learn(frame, found, place)
        self._there = place is not None
        if place is not None:
            self._box = inside(Box.of_pixels(*view.back(place), frame.luma.shape))
        self._before = self._around(frame, self._edges(frame)).luma
        return Followed(self._box, min(1.0, max(0.0, sure)), self._there)

    def _tracked(self, view: View, frame: Frame) -> Known | None:
        """Return where flow takes the box, set right by the patches; None where it fails."""
        if not self._there or view.luma.shape != self._before.shape:
            return None
        went = flow(self._before, view.luma, view.to(self._edges(frame)))
        if went is None or view.window(went) is None:
            return None
        return self._detector.settled(view, went)

    def _agreed(self, found: Found, known: Known | None) -> Place:
        """Return what flow and the detector come to together, and the relative similarity there."""
        if known is None:
            return self._detected(found)
        tracked, relative, core = known
        self._valid = self._valid or core > _CORE
        best = found.best
        if best is not None and found.relative[best] > self._settings.alike:
            apart = overlaps(found.hits[best : best + 1], tracked)[0] < 0.5
            if (apart and found.core[best] > core) or relative < self._settings.doubt:
                self._valid = False
                return edges_of(found.hits[best]), float(found.relative[best])
        if relative < self._settings.doubt:
            return None, relative
        return _mean(tracked, found.near(tracked, self._settings.alike)), relative

    def _detected(self, found: Found) -> Place:
        """Return the place around where it was of which the detector is sure."""
        best = found.best
        if best is None:
            return None, 0.0
        relative, core = float(found.relative[best]), float(found.core[best])
        place = edges_of(found.hits[best])
        return self._anew(place, relative, core, self._detector.likelihood(found.view, place))

    def _searched(self, frame: Frame) -> tuple[View, Edges | None, float]:
        """Return where in the whole picture the thing is, in a view of its own, and the relative similarity."""
        whole = self._whole(frame)
        found = self._detector.most_alike(whole, self._size(frame, whole))
        if found is None or found[1] < _PERHAPS:
            return whole, None, 0.0
        spot = whole.back(found[0])
        view = self._around(frame, spot)
        box, relative, core = self._detector.settled(view, view.to(spot))
        return view, *self._anew(box, relative, core, self._detector.likelihood(view, box))

    def _anew(self, box: Edges, relative: float, core: float, ferns: float) -> Place:
        """Return `box` if patches and ferns together say that it is the thing: none of them is right alone."""
        there = relative >= _PERHAPS and (relative + core + ferns) / 3 >= self._settings.anew
        self._valid = there and core > _CORE
        return (box, relative) if there else (None, 0.0)

    def _learn(self, frame: Frame, found: Found, place: Edges) -> None:
        self._detector.learn(found, place, self._settings.doubt)
        if self._frames % _EVERY == 0:
            whole = self._whole(frame)
            self._detector.unlearn(whole, self._size(frame, whole), whole.to(found.view.back(place)))

    def _edges(self, frame: Frame) -> Edges:
        return self._box.pixels(frame.luma.shape)

    def _size(self, frame: Frame, view: View) -> Pair:
        left, top, right, bottom = self._edges(frame)
        return (right - left) * view.times, (bottom - top) * view.times

    def _around(self, frame: Frame, edges: Edges) -> View:
        left, top, right, bottom = edges
        size = right - left, bottom - top
        more = _REACH * (max(1.0, size[0]) * max(1.0, size[1])) ** 0.5
        return View.of(frame, (left - more, top - more, right + more, bottom + more), size, _SIDE)

    def _whole(self, frame: Frame) -> View:
        left, top, right, bottom = self._edges(frame)
        height, width = frame.luma.shape
        return View.of(frame, (0, 0, width, height), (right - left, bottom - top), _COARSE)


def _mean(tracked: Edges, near: np.ndarray) -> Edges:
    """Return the mean of the box of flow and of the hits near it."""
    if not len(near):
        return tracked
    corners = np.concatenate([near[:, :2], near[:, :2] + near[:, 2:]], axis=1).sum(axis=0)
    left, top, right, bottom = ((_FLOW * np.array(tracked) + corners) / (_FLOW + len(near))).tolist()
    return left, top, right, bottom
