"""Starts workers quickly, for thousands of models: `python -m tests.inference.nursery LIMIT_MB`.

It loads what a worker loads, once, and forks one that runs the worker's own `main`, lock and all, for each line on its
standard input, on a socket that it passes on (its standard output is a socket of the test's). Only the start differs.
The quiet refusals of the worker's filter are made kills here, so that an attempt to open a file is seen as well.
"""

import os
import signal
import socket
import sys

from tapetum.inference import confine, drive, seccomp, worker

STRICT = "strict" in sys.argv


def serve(control: socket.socket, limit_mb: int) -> None:
    """Answer each request with a worker's socket and, when it has ended, with its exit status."""
    while control.recv(1):
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            control.close()
            ours.close()
            _be_a_worker(theirs.detach(), limit_mb)
        theirs.close()
        socket.send_fds(control, [str(pid).encode()], [ours.fileno()])
        ours.close()
        _, status = os.waitpid(pid, 0)
        control.sendall(f"{os.waitstatus_to_exitcode(status):5}".encode())


def _be_a_worker(descriptor: int, limit_mb: int) -> None:
    if STRICT:
        seccomp._ERRNO = seccomp._KILL  # type: ignore[misc]  # with an error's number in its lower bits, which mean nothing
    os._exit(worker.main(descriptor, limit_mb))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    drive.warm_up()
    assert confine.FULL
    serve(socket.socket(fileno=int(sys.argv[2])), int(sys.argv[1]))
