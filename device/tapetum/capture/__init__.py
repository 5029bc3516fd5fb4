"""Where pictures come from: a choice of sources behind one contract. A new source is one module and one name here."""

from tapetum.capture.file import File
from tapetum.capture.picamera import Picamera
from tapetum.capture.pipe import Pipe
from tapetum.capture.source import Source
from tapetum.capture.stream import Stream
from tapetum.capture.synthetic import Synthetic
from tapetum.capture.v4l2 import V4l2

AnySource = Picamera | V4l2 | Stream | File | Pipe | Synthetic

__all__ = ["AnySource", "File", "Picamera", "Pipe", "Source", "Stream", "Synthetic", "V4l2"]
