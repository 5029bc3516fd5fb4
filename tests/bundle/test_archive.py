"""The archive of a bundle: every reader must see the same files in it, and no byte may be hidden."""

import io
import mmap
import re
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tapetum.bundle import archive
from tapetum.errors import Unreadable

FILES = {"manifest.json": b"{}", "model.tflite": b"a model", "probes/0.raw": b"pixels"}
EPOCH = (1980, 1, 1, 0, 0, 0)
Edit = Callable[[zipfile.ZipInfo], object]


def packed(files: dict[str, bytes], edit: Edit = lambda _: None, method: int = zipfile.ZIP_STORED) -> bytes:
    """Return an archive of `files`, each entry changed by `edit` before it is written."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as made:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = method
            edit(entry)
            made.writestr(entry, content)
    return target.getvalue()


SOUND = packed(FILES)
DIRECTORY = SOUND.index(b"PK\x01\x02")
END = SOUND.index(b"PK\x05\x06")
SECOND = SOUND.index(b"PK\x03\x04", 4)  # header of the second file
SECOND_ENTRY = SOUND.index(b"PK\x01\x02", DIRECTORY + 4)


def patched(place: int, format_: str, *numbers: int) -> bytes:
    """Return the archive with other numbers at `place`."""
    content = bytearray(SOUND)
    struct.pack_into("<" + format_, content, place, *numbers)
    return bytes(content)


def refusal(content: bytes) -> str:
    with pytest.raises(Unreadable) as caught:
        archive.files(content)
    return str(caught.value)


def test_the_files_come_out_in_their_order():
    assert list(archive.files(SOUND)) == list(FILES)
    assert {name: bytes(view) for name, view in archive.files(SOUND).items()} == FILES


def test_nothing_is_copied():
    assert archive.files(SOUND)["model.tflite"].obj is SOUND


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd", "../x", "a/../../x", "a/./x", "./x", "a//x", "a\\x", "..\\x", "C:x", "", "a/", ".hidden", "a b",
        "naïve", "x\n", "x" * 101, "~/x", "-rf", "a/.x",
    ],
)  # fmt: skip
def test_a_path_that_could_lead_elsewhere_is_refused(name: str):
    assert "a file in it is called" in refusal(packed({"manifest.json": b"{}", name: b"x"}))


@pytest.mark.parametrize("name", ["model.tflite/", "model.tflite\0x"])
def test_a_path_is_what_stands_there_and_not_what_a_reader_makes_of_it(name: str):
    assert refusal(SOUND.replace(b"probes/0.raw", (name + "_" * 12)[:12].encode()))


@pytest.mark.parametrize(("one", "other"), [("model.tflite", "MODEL.tflite"), ("Model.tflite", "model.Tflite")])
def test_names_that_collide_where_capitals_do_not_count_are_refused(one: str, other: str):
    assert "the same name, but for capitals" in refusal(packed({one: b"a", other: b"b"}))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_name_twice_is_refused():
    content = packed(FILES | {"model.tflitX": b"b"}).replace(b"model.tflitX", b"model.tflite")
    assert "two files in it have the same name" in refusal(content)


def test_a_file_that_is_a_folder_too_is_refused():
    assert refusal(packed({"a": b"x", "a/b": b"y"})) == "a: it is both a file and a folder"
    assert refusal(packed({"A/b/c": b"x", "a/B": b"y"})) == "a/b: it is both a file and a folder"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_folders_and_devices_are_refused(kind: int):
    def edit(entry: zipfile.ZipInfo) -> None:
        entry.create_system, entry.external_attr = 3, (kind | 0o777) << 16

    assert "a folder, a link or a device" in refusal(packed(FILES, edit))


def test_a_folder_as_ms_dos_marks_it_is_refused():
    assert "a folder, a link or a device" in refusal(patched(DIRECTORY + 38, "I", 0x10))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_is_refused(method: int):
    assert "it is compressed or encrypted" in refusal(packed(FILES, method=method))
    assert "it is compressed or encrypted" in refusal(patched(DIRECTORY + 10, "H", method))  # of the same length


@pytest.mark.parametrize(
    "flags", [1, 1 << 3, 1 << 6, 1 << 11, 1 << 13], ids=["encrypted", "length", "strong", "utf8", "masked"]
)
def test_encryption_lengths_behind_the_data_and_other_flags_are_refused(flags: int):
    assert "it is compressed or encrypted" in refusal(patched(DIRECTORY + 8, "H", flags))


def test_what_is_stored_in_a_longer_form_is_refused():
    assert "it is compressed or encrypted" in refusal(patched(DIRECTORY + 20, "I", 3))


def test_extra_fields_and_comments_are_refused():
    def extra(entry: zipfile.ZipInfo) -> None:
        entry.extra = struct.pack("<HHI", 0xCAFE, 4, 0)

    def comment(entry: zipfile.ZipInfo) -> None:
        entry.comment = b"hello"

    for edit in (extra, comment):
        assert "extra fields or a comment" in refusal(packed(FILES, edit))
    assert "extra fields or a comment" in refusal(patched(DIRECTORY + 34, "H", 1))  # on another disk


def test_a_comment_of_the_archive_is_refused():
    target = io.BytesIO(SOUND)
    with zipfile.ZipFile(target, "a") as made:
        made.comment = b"hello"
    assert "must end with its directory, without a comment" in refusal(target.getvalue())


@pytest.mark.parametrize("behind", [b"x", bytes(22), SOUND[END:], SOUND])
def test_nothing_may_stand_behind_the_archive(behind: bytes):
    assert refusal(SOUND + behind)


@pytest.mark.parametrize("before", [b"x", b"#!/bin/sh\n", SOUND])
def test_nothing_may_stand_before_the_archive(before: bytes):
    assert "nothing may stand before or behind it" in refusal(before + SOUND)
    assert "it does not lie right behind the file before it" in refusal(before + shifted(len(before)))


def shifted(by: int) -> bytes:
    """Return the archive as it must be to be read with `by` bytes before it."""
    content = bytearray(SOUND)
    for place in [match.start() + 42 for match in re.finditer(b"PK\x01\x02", SOUND)] + [END + 16]:
        start = struct.unpack_from("<I", content, place)[0]
        struct.pack_into("<I", content, place, start + by)
    return bytes(content)


def test_nothing_may_lie_between_the_files_or_behind_them():
    gap = 100
    content = bytearray(SOUND[:DIRECTORY] + bytes(gap) + SOUND[DIRECTORY:])
    struct.pack_into("<I", content, END + gap + 16, DIRECTORY + gap)
    assert "100 bytes lie between its last file and its directory" in refusal(bytes(content))


def test_files_that_overlap_are_refused():
    assert "it does not lie right behind the file before it" in refusal(patched(SECOND_ENTRY + 42, "I", 0))


LOCAL = {
    "needed": 4,
    "flags": 6,
    "method": 8,
    "time": 10,
    "date": 12,
    "crc": 14,
    "packed": 18,
    "size": 22,
    "name": 26,
    "extra": 28,
}


@pytest.mark.parametrize("field", LOCAL)
def test_the_header_before_a_file_must_say_what_the_directory_says(field: str):
    content = patched(SECOND + LOCAL[field], "H", 1)
    assert refusal(content) == "model.tflite: the header before it does not say what the directory says"


def test_a_name_in_the_header_that_is_another_is_refused():
    content = SOUND[:SECOND] + SOUND[SECOND:].replace(b"model.tflite", b"other.tflite", 1)
    assert refusal(content) == "model.tflite: the header before it does not say what the directory says"


def test_bytes_that_changed_are_seen():
    assert refusal(SOUND.replace(b"a model", b"a modem")) == (
        "model.tflite: its bytes are not those that were packed: the archive is damaged"
    )


@pytest.mark.parametrize(
    ("place", "format_", "numbers", "told"),
    [
        (END + 4, "H", (1,), "other parts or a comment"),
        (END + 6, "H", (1,), "other parts or a comment"),
        (END + 8, "HH", (2, 3), "other parts or a comment"),
        (END + 8, "HH", (0, 0), "it holds 0 files; 1 to 64 are taken"),
        (END + 8, "HH", (65, 65), "it holds 65 files; 1 to 64 are taken"),
        (END + 8, "HH", (0xFFFF, 0xFFFF), "it holds 65535 files"),
        (END + 8, "HH", (2, 2), "its directory has more in it than its files"),
        (END + 8, "HH", (4, 4), "its directory ends before its last file is named"),
        (END + 12, "I", (0xFFFFFFFF,), "does not lie where it is said to"),
        (END + 16, "I", (0xFFFFFFFF,), "does not lie where it is said to"),
    ],
)
def test_a_directory_that_tells_of_something_else_is_refused(
    place: int, format_: str, numbers: tuple[int, ...], told: str
):
    assert told in refusal(patched(place, format_, *numbers))


def test_a_length_that_is_beyond_all_bounds_is_refused_before_anything_is_read():
    told = refusal(patched(DIRECTORY + 20, "II", 0xFFFFFFFF, 0xFFFFFFFF))
    assert told == "manifest.json: it has 4294967295 bytes; up to 128 MiB are taken"


def test_zip64_is_refused():
    target = io.BytesIO()
    with (
        zipfile.ZipFile(target, "w") as made,
        made.open(zipfile.ZipInfo("manifest.json", EPOCH), "w", force_zip64=True) as file,
    ):
        file.write(b"{}")
    assert refusal(target.getvalue())


def test_more_files_than_a_bundle_has_are_refused():
    assert "it holds 65 files" in refusal(packed({f"f{number}": b"" for number in range(65)}))
    assert len(archive.files(packed({f"f{number}": b"" for number in range(64)}))) == 64


@pytest.mark.parametrize("size", range(0, len(SOUND), 7))
def test_a_file_that_ends_early_is_refused(size: int):
    assert refusal(SOUND[:size])


def test_an_archive_that_is_too_large_is_refused(tmp_path: Path):
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(archive.LARGEST + 1)
    with (tmp_path / "huge").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        assert "up to 256 MiB are taken" in refusal(content)  # type: ignore[arg-type]
