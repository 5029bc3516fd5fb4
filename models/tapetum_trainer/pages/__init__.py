"""Reports as web pages: each one file that needs nothing else, no network and no script.

A page is a Jinja template in this folder that extends `base.html` and fills its blocks `lead` and `content`;
`parts.html` has what pages are put together of. All that is put into a page is escaped, since labels and file names
come from elsewhere. Pictures go in as JPEG, in data: addresses, which is all that a page may load.
"""

import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum import __version__

_QUALITY = 82  # of a JPEG: a report of 60 pictures of 480 pixels stays under 3 MB


def render(template: str, title: str, **values: Any) -> str:
    """Return the page that `template` (a file in this folder) makes of `values`; a value that is not given is an error.

    Needs Jinja: `tapetum[train]`.
    """
    import jinja2  # noqa: PLC0415  an extra, needed only for reports

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    return str(environment.get_template(template).render(title=title, version=__version__, **values))


def picture(pixels: NDArray[np.uint8], longest: int = 480) -> str:
    """Return an RGB picture (h, w, 3) as a data: address, reduced to `longest` pixels on its longer side."""
    scale = longest / max(pixels.shape[:2])
    if scale < 1:
        size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    _, packed = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(packed.tobytes()).decode()
