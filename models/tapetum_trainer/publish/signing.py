"""Signed metadata in a folder of static files, as The Update Framework lays them out: consistent snapshots.

What is in the folder is what is published; `timestamp.json` is written last, and is the one file that is replaced.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from securesystemslib.signer import Signer
from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from tapetum import durable
from tapetum.update.offer import SIGNED_AT
from tapetum.update.repository import LARGEST_METADATA
from tapetum_trainer.publish.errors import PublishError

LASTS = {"root": 730, "targets": 365, "snapshot": 365, "timestamp": 30}
"""Days for which what is signed holds."""
Signers = Mapping[str, Sequence[Signer]]
"""The keys of the roles that sign."""
T = TypeVar("T", Root, Targets, Snapshot, Timestamp)
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class Metadatas:
    """The folder `metadata`: reads what is newest, and signs what comes next."""

    def __init__(self, folder: Path, now: datetime | None = None) -> None:
        """now: when it is; the clock's time by itself."""
        self.folder = folder
        self._now = now

    def root(self) -> Root:
        """Return the newest root; raises PublishError when there is none."""
        versions = sorted(int(path.name.partition(".")[0]) for path in self.folder.glob("*.root.json"))
        if not versions:
            raise PublishError("no keys were made here: tapetum-trainer keys init", self.folder)
        return self._read(f"{versions[-1]}.root", Root)

    def timestamp(self) -> Timestamp:
        """Return the timestamp that holds."""
        return self._read("timestamp", Timestamp)

    def snapshot(self) -> Snapshot:
        """Return the snapshot that holds."""
        return self._read(f"{self.timestamp().snapshot_meta.version}.snapshot", Snapshot)

    def targets(self) -> Targets:
        """Return the targets that hold."""
        return self._read(f"{self.snapshot().meta['targets.json'].version}.targets", Targets)

    def files(self) -> list[Path]:
        """Return the files that a device may ask for: every root, and of all else the newest."""
        snapshot, timestamp = self.snapshot(), self.timestamp()
        newest = [
            f"{snapshot.meta['targets.json'].version}.targets.json",
            f"{timestamp.snapshot_meta.version}.snapshot.json",
            "timestamp.json",
        ]
        return [*sorted(self.folder.glob("*.root.json")), *(self.folder / name for name in newest)]

    def path_of(self, root: Root) -> Path:
        """Return the file of a root."""
        return self.folder / f"{root.version}.root.json"

    def write_root(self, root: Root, signers: Sequence[Signer]) -> Path:
        """Sign a root, the next one; return its file."""
        return self._write(f"{root.version}.root", root, signers)

    def write_targets(self, targets: Targets, signers: Signers) -> None:
        """Sign targets, and with it snapshot and timestamp, each the next of its kind."""
        self._write(f"{targets.version}.targets", targets, signers["targets"])
        snapshot = self.next_of(self.snapshot()) if self._follows() else Snapshot(version=1)
        snapshot.meta["targets.json"] = MetaFile(targets.version)
        self.write_snapshot(snapshot, signers)

    def write_snapshot(self, snapshot: Snapshot, signers: Signers) -> None:
        """Sign a snapshot, and with it the next timestamp."""
        self._write(f"{snapshot.version}.snapshot", snapshot, signers["snapshot"])
        timestamp = self.next_of(self.timestamp()) if self._follows() else Timestamp(version=1)
        timestamp.snapshot_meta = MetaFile(snapshot.version)
        self.write_timestamp(timestamp, signers)

    def write_timestamp(self, timestamp: Timestamp, signers: Signers) -> None:
        """Sign a timestamp; from then on what it names is what is published."""
        timestamp.unrecognized_fields[SIGNED_AT] = self.now().strftime(_TIME)
        self._write("timestamp", timestamp, signers["timestamp"])
        kept = {path.name for path in self.files()}
        for path in self.folder.glob("*.json"):
            if path.name not in kept:
                path.unlink()

    def next_of(self, signed: T) -> T:
        """Return what is to be signed after `signed`, with its content."""
        signed.version += 1
        return signed

    def now(self) -> datetime:
        """Return the time, to the second."""
        return (self._now or datetime.now(UTC)).replace(microsecond=0)

    def _follows(self) -> bool:
        """Whether something was signed before."""
        return (self.folder / "timestamp.json").exists()

    def _read(self, name: str, kind: type[T]) -> T:
        path = self.folder / f"{name}.json"
        try:
            signed = Metadata[T].from_file(str(path)).signed
        except OSError as error:
            raise PublishError(error.strerror or str(error), path) from None
        except RepositoryError as error:
            raise PublishError(f"it is no {kind.type}: {error}", path) from None
        if not isinstance(signed, kind):
            raise PublishError(f"it is {signed.type}, and {kind.type} is wanted", path)
        return signed

    def _write(self, name: str, signed: T, signers: Sequence[Signer]) -> Path:
        signed.expires = self.now() + timedelta(days=LASTS[signed.type])
        metadata = Metadata(signed)
        try:
            for signer in signers:
                metadata.sign(signer, append=True)
        except UnsignedMetadataError as error:
            raise PublishError(f"{name} is not signed: {error.__cause__ or error}") from None
        content = metadata.to_bytes(JSONSerializer(compact=True))
        most = LARGEST_METADATA[signed.type]
        if len(content) > most:
            raise PublishError(
                f"{name}: it would have {len(content)} bytes, and devices read {most}: name fewer devices"
            )
        path = self.folder / f"{name}.json"
        durable.write(path, content)
        return path
