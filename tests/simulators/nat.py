"""A device behind a router that translates addresses: network namespaces of this kernel, with its own conntrack.

`outside` has the broker and the desk, `inside` the device; nobody outside can reach through the router between them.
What a thread starts belongs to the namespace that the thread is in (setns(2)), sockets, threads and processes alike.
"""

import contextlib
import ctypes
import os
import shlex
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

OUTSIDE = "10.213.0.1"
"""Of the machine with the broker."""
_NEWNET = 0x40000000
_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
_libc = ctypes.CDLL(None, use_errno=True)


class Nat:
    """Three namespaces; `with Nat() as nat, nat.outside(): ...`."""

    def __init__(self) -> None:
        self._names = {name: f"{name}-{uuid.uuid4().hex[:8]}" for name in ("outside", "router", "inside")}

    @property
    def inside(self) -> list[str]:
        """A command that runs another one where the device is."""
        return ["ip", "netns", "exec", self._names["inside"]]

    def __enter__(self) -> "Nat":
        if os.geteuid() or not shutil.which("ip", path=_PATH) or not shutil.which("nft", path=_PATH):
            pytest.skip("network namespaces with NAT want root, and the packages iproute2 and nftables")
        try:
            self._make()
        except subprocess.CalledProcessError as error:
            self.__exit__()
            pytest.skip(f"network namespaces cannot be made here: {error.stderr.decode().strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._names.values():
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    @contextlib.contextmanager
    def outside(self) -> Iterator[None]:
        """Have this thread, and what it starts, outside."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(Path("/run/netns") / self._names["outside"], os.O_RDONLY)
        try:
            _enter(there)
            yield
        finally:
            _enter(home)
            os.close(there)
            os.close(home)

    def renumber(self) -> None:
        """Give the router another address outside, as a provider does at night: all that it translated is lost."""
        self._run("router", "ip address del 10.213.0.2/24 dev wan")
        self._run("router", "ip address add 10.213.0.3/24 dev wan")

    def _make(self) -> None:
        for name in self._names.values():
            subprocess.run(["ip", "netns", "add", name], capture_output=True, check=True)
        for name in self._names:
            self._run(name, "ip link set lo up")
        router = self._names["router"]
        self._run("outside", f"ip link add eth0 type veth peer name wan netns {router}")
        self._run("inside", f"ip link add eth0 type veth peer name lan netns {router}")
        for name, link, address in (
            ("outside", "eth0", f"{OUTSIDE}/24"),
            ("router", "wan", "10.213.0.2/24"),
            ("router", "lan", "10.214.0.1/24"),
            ("inside", "eth0", "10.214.0.2/24"),
        ):
            self._run(name, f"ip address add {address} dev {link}")
            self._run(name, f"ip link set {link} up")
        self._run("inside", "ip route add default via 10.214.0.1")
        self._run("router", "sysctl -qw net.ipv4.ip_forward=1")
        self._run("router", "nft add table ip nat")
        self._run("router", "nft add chain ip nat post '{ type nat hook postrouting priority 100; }'")
        self._run("router", "nft add rule ip nat post oifname wan masquerade")

    def _run(self, name: str, command: str) -> None:
        words = shlex.split(command)
        subprocess.run(["ip", "netns", "exec", self._names[name], *words], capture_output=True, check=True)


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, _NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
