"""The attack table: whoever owns the broker, or the clock, has no device run what was not signed, or what was.

Each row goes the whole way: retained messages on a real mosquitto, the daemon's connection, the process that fetches,
python-tuf. docs/design/updates.md has the table.
"""

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import MetaFile, Snapshot, Timestamp

from tapetum.update.offer import SIGNED_AT
from tests.simulators.mosquitto import Mosquitto
from tests.update.making import DAY_S, NOW, NOW_S, Camera, Desk, Scene, altered, connected, named, packed

FARTHEST = 2**31 - 1


def also(first: int, values: list[object], ids: list[str] | None = None) -> list[Any]:
    """Return values as parameters: the first ones of every run, the others of one that counts in full."""
    names = ids or [None] * len(values)
    marks = [()] * first + [pytest.mark.long] * (len(values) - first)
    return [pytest.param(one, id=name, marks=mark) for one, name, mark in zip(values, names, marks, strict=True)]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, broker: Mosquitto) -> Scene:
    """A device that has taken street@1, once for all tests: its state and the desk's are copied."""
    folder = tmp_path_factory.mktemp("begun")
    desk = Desk(folder / "desk")
    with connected(Camera(folder / "device", broker.port, desk.enrolled)) as camera:
        found = Scene(folder, broker, desk, camera)
        desk.push(packed(1))
        found.show()
        found.takes("street@1")
    return found


@pytest.fixture
def old(scene: Scene, begun: Scene) -> dict[str, bytes]:
    """What was published when the device took street@1: anybody can have kept it."""
    scene.desk = begun.desk.copied(scene.folder / "copied")
    shutil.copytree(begun.camera.folder, scene.camera.folder, symlinks=True, dirs_exist_ok=True)
    scene.show()
    return scene.desk.files()


@pytest.fixture
def new(scene: Scene, old: dict[str, bytes]) -> dict[str, bytes]:
    """What the desk says then: street@2; the broker has not got it yet."""
    scene.desk.push(packed(2))
    return scene.desk.files()


def signed_online(scene: Scene, files: dict[str, bytes], version: int = 0, expires=NOW + timedelta(days=30)) -> None:
    """Sign snapshot and timestamp as who stole their keys, for the targets that are among `files`."""
    keys = scene.desk.keys
    targets = json.loads(files[named(files, "targets")])["signed"]["version"]
    version = version or targets
    snapshot = altered(
        files.pop(named(files, "snapshot")), [keys["snapshot"]], version=version, expires=expires,
        meta={"targets.json": MetaFile(targets)},
    )  # fmt: skip
    timestamp = altered(
        files["metadata/timestamp.json"], [keys["timestamp"]], version=version, expires=expires,
        snapshot_meta=MetaFile(version),
    )  # fmt: skip
    files |= {f"metadata/{version}.snapshot.json": snapshot, "metadata/timestamp.json": timestamp}


def flipped(content: bytes) -> bytes:
    return content[:100_000] + bytes([content[100_000] ^ 1]) + content[100_001:]


# --- A1, A2: the bundle itself


@pytest.mark.parametrize(
    "damage", also(2, [flipped, lambda content: content[:-1], lambda content: content[:65536], lambda _: b"PK"])
)
def test_a1_a_bundle_with_a_bit_flipped_or_cut_off_is_refused(scene: Scene, new: dict[str, bytes], damage):
    whole = dict(new)
    new[named(new, "bundle")] = damage(new[named(new, "bundle")])
    scene.show(new)
    scene.refuses("refused", "LengthOrHashMismatchError")
    scene.show(whole)
    scene.takes("street@2")


def test_a2_a_bundle_without_end_is_cut_off_at_the_length_that_is_signed(scene: Scene, new: dict[str, bytes]):
    new[named(new, "bundle")] += bytes(3 << 20)
    scene.show(new)
    scene.refuses("refused", f"more than the {len(packed(2))} bytes come that are signed")
    assert max(state.fetched for state in scene.camera.told) <= len(packed(2)) + (1 << 16)
    assert list((scene.camera.folder / "coming").iterdir()) == []


@pytest.mark.parametrize("kind", also(1, ["timestamp", "snapshot", "targets"]))
def test_a2_metadata_without_end_are_cut_off(scene: Scene, new: dict[str, bytes], kind: str):
    most = {"timestamp": 1 << 14, "snapshot": 1 << 16, "targets": 1 << 20}[kind]
    new[named(new, kind)] = b" " * (4 << 20)
    scene.show(new)
    scene.refuses("failed", f"more than {most} bytes come")


# --- A3 to A5: what was signed once


@pytest.mark.parametrize("kind", also(1, ["timestamp", "snapshot", "targets"]))
def test_a3_what_has_expired_is_refused(scene: Scene, new: dict[str, bytes], kind: str):
    past = NOW - timedelta(hours=1)
    new[named(new, kind)] = altered(new[named(new, kind)], [scene.desk.keys[kind]], expires=past)
    scene.show(new)
    scene.refuses("refused", "ExpiredMetadataError")


def test_a3_a_publisher_that_has_been_away_for_longer_than_30_days_is_taken_again_after_a_refresh(
    scene: Scene, new: dict[str, bytes]
):
    scene.show(new)
    late_s = NOW_S + 31 * DAY_S
    scene.refuses("refused", "ExpiredMetadataError", late_s)
    scene.desk.later(days=31)
    scene.desk.refresh()
    scene.show()
    scene.takes("street@2", late_s)


def test_a4_an_old_timestamp_and_snapshot_that_are_replayed_are_refused(scene: Scene, old, new):
    scene.show(new)
    scene.takes("street@2")
    scene.show(old)
    scene.refuses("refused", "BadVersionNumberError")


def test_a5_old_targets_under_a_new_snapshot_are_refused(scene: Scene, old, new):
    mixed = new | {named(new, "targets"): old[named(old, "targets")]}
    scene.show(mixed | {named(old, "bundle"): old[named(old, "bundle")]})
    scene.refuses("refused", "BadVersionNumberError")


# --- A6 to A9: keys


def test_a6_what_is_signed_with_other_keys_is_refused(scene: Scene, old, tmp_path: Path):
    stranger = Desk(tmp_path / "stranger")
    stranger.push(packed(9))
    scene.show(stranger.files())
    scene.refuses("refused", "UnsignedMetadataError")


def test_a7_stolen_online_keys_push_nothing(scene: Scene, new: dict[str, bytes], tmp_path: Path):
    stranger = Desk(tmp_path / "stranger")
    stranger.keys |= {role: scene.desk.keys[role] for role in ("snapshot", "timestamp")}
    for version in (9, 10, 11):
        stranger.push(packed(version))
    scene.show(stranger.files() | {"metadata/1.root.json": scene.desk.enrolled})
    scene.refuses("refused", "UnsignedMetadataError: targets was signed by 0/1 keys")


@pytest.mark.parametrize("stolen", [0, 1], ids=["no key of root stolen", "one of the two that must sign"])
def test_a8_a_forged_root_is_refused(scene: Scene, new: dict[str, bytes], stolen: int):
    own = CryptoSigner.generate_ed25519()
    root = scene.desk.repository.metadata.root()
    root.add_key(own.public_key, "targets")
    signers = [own, *scene.desk.root_keys[:stolen]]
    new["metadata/2.root.json"] = altered(scene.desk.enrolled, signers, version=2, roles=root.roles, keys=root.keys)
    scene.show(new)
    scene.refuses("refused", "UnsignedMetadataError: root was signed by")


def test_a9_keys_that_root_replaces_count_from_then_on_and_the_old_ones_no_more(scene: Scene, old, new):
    thief = dict(scene.desk.keys)
    scene.desk.rotate("targets", "snapshot", "timestamp")
    scene.show()
    scene.takes("street@2")
    scene.desk.push(packed(3))
    files = scene.desk.files()
    files[named(files, "targets")] = altered(files[named(files, "targets")], [thief["targets"]])
    scene.show(files)
    scene.refuses("refused", "UnsignedMetadataError")
    scene.show()
    scene.takes("street@3")


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_a9_keys_of_any_kind_that_root_names_count_with_the_process_that_fetches_locked_in(scene: Scene, kind: str):
    scene.desk.rotate("targets", kind=kind)
    scene.desk.push(packed(1))
    scene.show()
    scene.takes("street@1")


# --- A10 to A13: what is damaged, malformed or away


@pytest.mark.parametrize("content", also(1, [b"", b"{", b"\0" * 500], ["empty", "half", "zeros"]))
def test_a10_a_cache_that_a_power_cut_has_left_empty_is_fetched_again(scene: Scene, new: dict[str, bytes], content):
    cache = scene.camera.folder / "metadata"
    damaged = [path for path in cache.rglob("*.json") if not path.is_symlink()]
    assert len(damaged) == 4
    for path in damaged:
        path.write_bytes(content)
    scene.show(new)
    scene.takes("street@2")


MALFORMED = {
    "deep lists": b"[" * 10_000,
    "wrong types": b'{"signatures": 1, "signed": {"_type": 2}}',
    "empty": b" ",
    "no fields": b"{}",
    "deep objects": b'{"signed":' * 1_600,
    "no text": b"\xff\xfe",
}


@pytest.mark.parametrize("content", also(2, list(MALFORMED.values()), list(MALFORMED)))
@pytest.mark.parametrize("kind", also(1, ["timestamp", "snapshot", "targets"]))
def test_a11_malformed_and_deeply_nested_metadata_are_refused(scene: Scene, old, new, kind: str, content: bytes):
    new[named(new, kind)] = content
    scene.show(new)
    found = scene.refuses("refused", "Error")
    assert len(found.reason) < 1000


NO_INDEX = [
    b"[" * 5000,
    b'{"files":{"metadata/../../x":{"sha256":"00","bytes":1}}}',
    b"{",
    b"x" * 65536,
    b'{"files":1}',
]


@pytest.mark.parametrize("index", also(2, NO_INDEX))
def test_a11_a_malformed_index_is_refused(scene: Scene, old, index: bytes):
    heard = scene.camera.library.edition
    scene.camera.library._hear(index)
    assert scene.camera.library.edition != heard
    assert scene.refuses("failed", "tapetum/v1/repository/index").reason.count("\n") == 0


ELSEWHERE = [
    "../../../etc/passwd",
    "/etc/street@9.tapetum",
    "../street@9.tapetum",
    "street@0.tapetum",
    "street@9",
    "%2e%2e/x",
]


@pytest.mark.parametrize("name", also(2, ELSEWHERE))
def test_a12_a_bundle_whose_name_leads_elsewhere_is_passed_over(scene: Scene, old, name: str):
    targets = scene.desk.repository.metadata.targets()
    targets.targets = {name: next(iter(targets.targets.values()))}
    targets.version += 1
    scene.desk.repository.metadata.write_targets(targets, scene.desk.signers)
    files = {
        path.relative_to(path.parents[1]).as_posix(): path.read_bytes()
        for path in scene.desk.repository.metadata.files()
    }
    scene.show(files)
    found = scene.refuses("idle", "Expected `str` matching regex")
    assert found.reason.startswith(name)
    assert not list(scene.camera.folder.parent.parent.rglob("passwd"))


NO_CONTRACT = [None, {"push": 2**40}, {}, {"push": "1"}, {"more": 1}, {"requires": "1.2.3; rm"}, {"labels": "00"}]


@pytest.mark.parametrize("custom", also(2, NO_CONTRACT))
def test_a12_a_contract_that_is_none_is_passed_over(scene: Scene, old, custom):
    targets = scene.desk.repository.metadata.targets()
    signed = next(iter(targets.targets.values()))
    wanted = None if custom is None else (signed.custom or {}) | custom if custom else {}
    signed.unrecognized_fields["custom"] = wanted
    targets.version += 1
    scene.desk.repository.metadata.write_targets(targets, scene.desk.signers)
    files = old | {
        path.relative_to(path.parents[1]).as_posix(): path.read_bytes()
        for path in scene.desk.repository.metadata.files()
    }
    scene.show(files)
    scene.refuses("idle", "street@1.tapetum: ")


def test_a13_without_a_network_nothing_is_taken_and_what_was_stays(tmp_path: Path, desk: Desk):
    desk.push(packed(1))
    with (
        Mosquitto(tmp_path / "gone") as broker,
        connected(Camera(tmp_path / "device", broker.port, desk.enrolled)) as camera,
    ):
        scene = Scene(tmp_path, broker, desk, camera)
        scene.show()
        scene.takes("street@1")
        desk.push(packed(2))
        scene.show()
        broker.kill()
        camera.publisher.reader._patience_s = 1.0
        scene.refuses("failed", "nothing came")
        assert camera.floor.push == 2


# --- A14, A15: the floor


def test_a14_a_device_that_lost_its_cache_takes_nothing_that_is_older_than_what_it_had(scene: Scene, old, new):
    scene.show(new)
    scene.takes("street@2")
    scene.camera.wipe_cache()
    scene.show(old)
    scene.refuses("refused", "timestamp is of version 2, and 3 was seen before")
    scene.show(new)
    assert scene.camera.look().state == "current"


def test_a14_a_device_that_lost_its_cache_does_not_trust_keys_that_were_replaced(scene: Scene, old):
    thief = dict(scene.desk.keys)
    scene.desk.rotate("targets", "snapshot", "timestamp")
    scene.show()
    assert scene.camera.look().state == "current"
    scene.camera.wipe_cache()
    scene.desk.keys = thief
    scene.desk.push(packed(2))
    files = scene.desk.files()
    del files["metadata/2.root.json"]
    scene.show(files)
    scene.refuses("refused", "root is of version 1, and 2 was seen before")


def test_a14_a_device_without_its_floor_takes_nothing_until_it_is_enrolled_again(scene: Scene, new: dict[str, bytes]):
    scene.show(new)
    for content in (None, b"", b"{", b'{"root":-1}'):
        path = scene.camera.folder / "floor.json"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        scene.refuses("failed", "enrol the device again")


@pytest.mark.parametrize("roles", [("timestamp",), ("timestamp", "snapshot")])
def test_a15_fast_forward_blocks_a_device_until_root_gives_the_roles_other_keys(scene: Scene, old, new, roles):
    forward = dict(old)
    if "snapshot" in roles:
        signed_online(scene, forward, FARTHEST)
    else:
        stamp = {"version": FARTHEST, "expires": NOW + timedelta(days=30)}
        key = [scene.desk.keys["timestamp"]]
        forward["metadata/timestamp.json"] = altered(forward["metadata/timestamp.json"], key, **stamp)
    scene.show(forward)
    assert scene.camera.look().state == "current", "all of it is validly signed"
    assert scene.camera.floor.timestamp.version == FARTHEST
    scene.show(new)
    scene.refuses("refused", "BadVersionNumberError")
    scene.camera.wipe_cache()
    scene.refuses("refused", "was seen before")
    scene.desk.rotate(*roles)
    scene.show()
    scene.takes("street@2")


def test_a15_a_time_that_is_far_ahead_blocks_a_device_until_timestamp_has_another_key(scene: Scene, old, new):
    far = NOW.replace(year=2200)
    content = altered(
        old["metadata/timestamp.json"], [scene.desk.keys["timestamp"]], version=9, expires=far,
        unrecognized_fields={SIGNED_AT: "2199-01-01T00:00:00Z"},
    )  # fmt: skip
    scene.show(old | {"metadata/timestamp.json": content})
    assert scene.camera.look().state == "current"
    assert scene.camera.floor.seen_s > NOW_S + 100 * 365 * DAY_S
    scene.show(new)
    scene.refuses("refused", "ExpiredMetadataError")
    scene.desk.rotate("timestamp")
    scene.show()
    scene.takes("street@2")


def test_a15_a_stolen_targets_key_has_no_push_and_no_epoch_last_for_ever(scene: Scene, old):
    targets = scene.desk.repository.metadata.targets()
    signed = next(iter(targets.targets.values()))
    signed.unrecognized_fields["custom"] |= {"push": FARTHEST, "epoch": FARTHEST}
    targets.version += 1
    scene.desk.repository.metadata.write_targets(targets, scene.desk.signers)
    scene.show()
    scene.takes("street@1")
    assert (scene.camera.floor.push, scene.camera.floor.epoch) == (FARTHEST, FARTHEST)
    targets.targets.clear()
    scene.desk.rotate("targets")
    scene.desk.repository.metadata.write_targets(scene.desk.repository.metadata.next_of(targets), scene.desk.signers)
    scene.desk.push(packed(2))
    scene.show()
    scene.takes("street@2")


@pytest.mark.parametrize("said", also(2, ["2199-01-01T00:00:00Z", "tomorrow", 5, None, "9999-99-99T00:00:00Z"]))
def test_a15_a_time_of_signing_that_lies_behind_its_end_is_no_time(scene: Scene, old, said):
    content = altered(
        old["metadata/timestamp.json"], [scene.desk.keys["timestamp"]], version=9, expires=NOW + timedelta(days=30),
        unrecognized_fields={SIGNED_AT: said},
    )  # fmt: skip
    scene.show(old | {"metadata/timestamp.json": content})
    assert scene.camera.look().state == "current"
    assert scene.camera.floor.seen_s == NOW_S


# --- A16 to A18: the clock


@pytest.mark.parametrize("now_s", [0, NOW_S - 400 * DAY_S], ids=["1970", "400 days behind"])
def test_a16_a17_what_has_expired_is_refused_though_the_clock_went_back(scene: Scene, old, new, now_s: int):
    assert scene.camera.look(NOW_S + 20 * DAY_S).state == "current"
    assert scene.camera.floor.seen_s == NOW_S + 20 * DAY_S
    signed_online(scene, new, expires=NOW + timedelta(days=10))
    scene.show(new)
    scene.refuses("refused", "ExpiredMetadataError", now_s)
    scene.camera.wipe_cache()
    scene.refuses("refused", "ExpiredMetadataError", now_s)


def test_a16_a_clock_that_went_back_takes_what_is_new(scene: Scene, old, new):
    scene.show(new)
    scene.takes("street@2", 0)


def test_a17_a_device_that_has_seen_nothing_yet_knows_the_time_of_what_is_signed(scene: Scene):
    scene.desk.push(packed(1))
    scene.show()
    scene.takes("street@1", NOW_S - 400 * DAY_S)
    assert scene.camera.floor.seen_s == NOW_S, "timestamp says when it was signed"


def test_a18_a_clock_that_is_400_days_ahead_refuses_all_and_is_no_trap(scene: Scene, old, new):
    scene.show(new)
    before = scene.camera.floor
    scene.refuses("refused", "ExpiredMetadataError", NOW_S + 400 * DAY_S)
    assert scene.camera.floor == before
    scene.takes("street@2")


def test_what_attackers_sign_here_is_what_a_device_would_take_of_the_desk(scene: Scene, old, new):
    """The tools above make metadata that are taken when nothing is wrong with them: else they would prove nothing."""
    signed_online(scene, new)
    scene.show(new)
    scene.takes("street@2")
    assert {
        type(one) for one in (scene.desk.repository.metadata.timestamp(), scene.desk.repository.metadata.snapshot())
    } == {
        Timestamp,
        Snapshot,
    }
