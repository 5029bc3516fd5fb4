"""A device on a disk that is full for a while, as a process of its own: `python -m tests.alerts.full_disk ...`.

Either no file may grow (RLIMIT_FSIZE: the disk says EFBIG), or the folder is a small disk that is really full (a tmpfs
in a user namespace: ENOSPC). Prints what it finds, one JSON object a line.
"""

import errno
import json
import os
import resource
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from pathlib import Path

from tapetum.alerts.broker import Broker
from tapetum.alerts.mqtt import Publisher
from tapetum.alerts.outbox import Outbox, OutboxSettings
from tapetum.alerts.topics import Topics
from tapetum.clock import SystemClock
from tests.alerts.making import TOPIC, sighting
from tests.simulators.daemon import until

HERE = Path(__file__).parents[2]
SMALL_DISK = ["unshare", "--user", "--map-root-user", "--mount"]


def on_disk_of(size, folder):
    """The beginning of a command that runs on a disk of its own, mounted on `folder`, in the same process."""
    mount = f'mount -t tmpfs -o size={size} tmpfs "$1" && shift && exec "$@"'
    return [*SMALL_DISK, "sh", "-c", mount, "sh", str(folder)]


def command(kind, folder, what, *arguments):
    """What to run: `what` is a function of this module."""
    script = [sys.executable, "-m", "tests.alerts.full_disk", kind, str(folder), what, *map(str, arguments)]
    return [*on_disk_of("256k", folder), *script] if kind == "tmpfs" else script


def found(kind, folder, what, *arguments):
    """Run it; return what it found, line by line."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        command(kind, folder, what, *arguments), cwd=HERE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def possible(kind):
    """Whether this machine lets us make such a disk."""
    return kind == "rlimit" or subprocess.run([*SMALL_DISK, "true"], capture_output=True, check=False).returncode == 0


@contextmanager
def full(kind, folder):
    if kind == "rlimit":
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
        yield
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    else:
        filler = folder / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError as error:
                assert error.errno == errno.ENOSPC  # noqa: PT017  it is what is wanted
        yield
        filler.unlink()


def opened(folder):
    return Outbox(folder / "outbox.sqlite", OutboxSettings(), SystemClock())


def seqs(rows):
    return [json.loads(row.payload)["seq"] for row in rows]


def tell(outbox, **more):
    facts = {"full": outbox.full, "waiting": outbox.waiting[0], "lost": outbox.lost}
    facts |= {"disk": seqs(outbox.after(0, 10**6)), "memory": seqs(outbox.unwritten())}
    os.write(1, json.dumps(facts | more).encode() + b"\n")


def without_a_broker(kind, folder):
    """Alerts 1 to 3, the disk is full, 4 to 9, there is room, 10."""
    outbox = opened(folder)
    for seq in (1, 2, 3):
        outbox.append(sighting(seq), TOPIC)
    with full(kind, folder):
        for seq in range(4, 10):
            outbox.append(sighting(seq), TOPIC)
        tell(outbox)
        outbox.tidy()
        tell(outbox)
    outbox.append(sighting(10), TOPIC)
    tell(outbox)
    outbox.close()
    tell(opened(folder))


def nothing_comes_after(kind, folder):
    """As it is when it was the last alert for hours that the disk did not take."""
    outbox = opened(folder)
    with full(kind, folder):
        outbox.append(sighting(1), TOPIC)
        tell(outbox)
    outbox.tidy()
    tell(outbox)


def with_a_broker(kind, folder, port):
    """All is sent while the disk is full; what is said to have been sent does not come back."""
    outbox = opened(folder)
    for seq in (1, 2, 3):
        outbox.append(sighting(seq), TOPIC)
    publisher = Publisher(Broker(host="127.0.0.1", port=int(port)), Topics("garage"), outbox)
    stop = threading.Event()
    thread = threading.Thread(target=publisher.run, args=(stop,))
    with full(kind, folder):
        for seq in range(4, 61):
            outbox.append(sighting(seq), TOPIC)
        thread.start()
        until(lambda: publisher.state().acknowledged == 60)
        tell(outbox)
    outbox.append(sighting(61), TOPIC)
    until(lambda: publisher.state().acknowledged == 61)
    until(lambda: outbox.waiting[0] == 0)
    tell(outbox, sent=publisher.state().sent)
    stop.set()
    thread.join()
    outbox.close()


def unconfirmed(kind, folder, port):
    """No consumer confirms anything: what was sent from memory is not sent again because it went to disk since."""
    outbox = opened(folder)
    broker = Broker(host="127.0.0.1", port=int(port), delivery="receipt", receipt_s=60.0)
    publisher = Publisher(broker, Topics("garage"), outbox)
    stop = threading.Event()
    thread = threading.Thread(target=publisher.run, args=(stop,))
    thread.start()
    with full(kind, folder):
        for seq in range(1, 61):
            outbox.append(sighting(seq), TOPIC)
        until(lambda: publisher.state().acknowledged == 60)
        tell(outbox)
    outbox.append(sighting(61), TOPIC)
    until(lambda: publisher.state().acknowledged == 61)
    tell(outbox, sent=publisher.state().sent)
    stop.set()
    thread.join()
    outbox.close()


def opened_when_full(kind, folder, ended):
    """A device that starts on a disk that is full; there are rows in its outbox, which was closed or not."""
    code = "from tests.alerts.full_disk import *; box = opened(Path(sys.argv[1]))\nfor seq in (1, 2):"
    code += f" box.append(sighting(seq), TOPIC)\n{ended}"
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)
    with full(kind, folder):
        outbox = opened(folder)
        outbox.append(sighting(3), TOPIC)
        tell(outbox, last_seq=outbox.last_seq)
    outbox.append(sighting(4), TOPIC)
    tell(outbox)


VERSION_1 = """
PRAGMA journal_mode = WAL;
CREATE TABLE row (
    seq INTEGER NOT NULL, boot TEXT NOT NULL, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    topic TEXT NOT NULL, payload BLOB NOT NULL, made_s REAL NOT NULL, number INTEGER PRIMARY KEY AUTOINCREMENT
);
CREATE INDEX updated ON row (kind) WHERE kind = 'updated';
CREATE INDEX age ON row (made_s);
CREATE TABLE counter (boot TEXT PRIMARY KEY, seq INTEGER NOT NULL);
INSERT INTO row VALUES (1, 'boot 1', 'one', 'started', 't', '{"seq":1}', 0.0, 3);
INSERT INTO row VALUES (2, 'old', 'two', 'ended', 't', '{"seq":2}', 9.9, 5);
INSERT INTO counter VALUES ('boot 1', 7);
PRAGMA user_version = 1;
"""


def of_version_1(folder):
    with closing(sqlite3.connect(folder / "outbox.sqlite")) as database:
        database.executescript(VERSION_1)


def of_an_older_tapetum(kind, folder):
    """A device that was brought up to date while its disk is full."""
    of_version_1(folder)
    with full(kind, folder):
        outbox = opened(folder)
        outbox.append(sighting(3), TOPIC)
        tell(outbox)
    outbox.tidy()
    tell(outbox)


if __name__ == "__main__":
    kind, folder, what, *arguments = sys.argv[1:]
    globals()[what](kind, Path(folder), *arguments)
