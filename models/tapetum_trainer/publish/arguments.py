"""What the commands that publish take; read without anything that takes time."""

import os
from pathlib import Path
from typing import Any

_DESK = "tapetum_trainer.publish.desk"


def add(commands: Any) -> None:
    """Add the commands `keys`, `push` and `refresh`."""
    keys = commands.add_parser("keys", help="make the keys with which bundles are signed, or other ones: init, rotate")
    verbs = keys.add_subparsers(required=True, metavar="init|rotate")
    init = verbs.add_parser("init", help="make all keys, and a repository without bundles")
    init.add_argument("--count", type=int, default=3, help="keys of root; 3 by itself")
    init.add_argument("--threshold", type=int, default=2, help="how many of them must sign; 2 by itself")
    rotate = verbs.add_parser("rotate", help="give roles other keys; without a role, let root hold for longer")
    rotate.add_argument("roles", nargs="*", metavar="ROLE", help="root, targets, snapshot, timestamp")
    rotate.add_argument("--root-keys", type=Path, help="folder with keys of root; keys/root by itself")

    push = commands.add_parser("push", help="sign a bundle, publish it, and wait for what devices make of it")
    push.add_argument("bundle", type=Path, help="a .tapetum")
    push.add_argument("--to", default="*", metavar="NAME,...", help="devices; all by itself")
    push.add_argument(
        "--classes", default="", metavar="CLASS,...", help="only devices of one of these: aarch64, edgetpu"
    )
    push.add_argument("--epoch", type=int, help="from now on devices take nothing of a lower one; as it was by itself")
    push.add_argument("--wait", type=float, default=60.0, metavar="SECONDS", help="for the answers; 60 by itself")
    refresh = commands.add_parser("refresh", help="sign again that what is published is the newest, for 30 days")
    refresh.add_argument("--targets", action="store_true", help="also that the bundles are, for a year")

    for one, command in ((init, "init"), (rotate, "rotate"), (push, "push"), (refresh, "refresh")):
        one.set_defaults(desk=_DESK, command=command)
        one.add_argument("--home", type=Path, default=home(), help="folder of keys and repository; TAPETUM_PUBLISH")
        one.add_argument("--passphrase", type=Path, metavar="FILE", help="of the keys, in a file; asked for by itself")
        one.add_argument("--pin", type=Path, metavar="FILE", help="of a token, in a file; TAPETUM_PIN, or asked for")
    for one in (init, rotate):
        one.add_argument("--token", metavar="URI", help="where the key of targets is: hsm:ID?label=TOKEN")
        one.add_argument(
            "--library", default=os.environ.get("PYKCS11LIB", ""), metavar="FILE", help="the token's, a PKCS#11 one"
        )
    for one in (push, refresh, rotate):
        one.add_argument("--folder", type=Path, help="also publish as static files in this folder")


def home() -> Path:
    """Return the folder of keys and repository, where none is named."""
    return Path(os.environ.get("TAPETUM_PUBLISH") or "~/.config/tapetum/publish").expanduser()
