"""What may be shown of an address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.capture.addresses import without_secrets


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://camera/live", "rtsp://camera/live"),
        ("rtsp://camera:554/live/1", "rtsp://camera:554/live/1"),
        ("rtsp://user:secret@camera:554/live", "rtsp://camera:554/live"),
        ("rtsp://user@camera/live", "rtsp://camera/live"),
        ("RTSPS://user:secret@camera/live", "RTSPS://camera/live"),
        ("http://user:secret@[fe80::1]:80/video", "http://[fe80::1]:80/video"),
        ("http://camera/video.cgi?user=admin&pwd=secret", "http://camera/video.cgi"),
        ("rtsp://user:s@e:c/r#et@camera/live", "rtsp://camera/live"),
        ("rtsp://user:secr?et@camera/live", "rtsp://camera/live"),
        ("rtsp://[bad:secret@camera/live", "rtsp://camera/live"),
        ("/srv/clips/a?b@c.mp4", "/srv/clips/a?b@c.mp4"),
        ("two: rtsp://a:secret@b/ and http://c:secret@d/e", "two: rtsp://b/ and http://d/e"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_user_password_and_query(address: str, shown: str) -> None:
    assert without_secrets(address) == shown


@given(st.text(st.characters(blacklist_categories=("Z", "C", "Cs")), min_size=1, max_size=30))
def test_no_password_is_ever_shown(password: str) -> None:
    marked = f"Q{password}Q"
    assert marked not in without_secrets(f"cannot open rtsp://user:{marked}@camera/live: refused")
