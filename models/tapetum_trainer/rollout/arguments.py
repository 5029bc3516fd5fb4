"""What the commands of a rollout take; read without anything that takes time."""

from pathlib import Path
from typing import Any

from tapetum_trainer.publish.arguments import home

_DESK = "tapetum_trainer.rollout.desk"
_STAGES = "canary=1%,10%,50%,all"
_NAMED = {
    "status": "tell how a rollout stands",
    "watch": "drive one on that nobody drives: after a restart of this machine, or Ctrl-C",
    "pause": "begin no further stage; who was asked goes on",
    "resume": "go on with one that is paused, or has stopped by itself: what failed so far counts no more",
    "abort": "ask nobody any more; who has the model keeps it, who has not begun does not begin",
    "rollback": "have every device that was asked go back to what it had",
}


def add(commands: Any) -> None:
    """Add the command `rollout`."""
    rollout = commands.add_parser("rollout", help="bring a bundle to a fleet in stages, that stops when it goes badly")
    verbs = rollout.add_subparsers(required=True, metavar="start|devices|list|status|watch|pause|resume|abort|rollback")
    start = verbs.add_parser("start", help="begin one, and drive it")
    start.add_argument("bundle", type=Path, help="a .tapetum")
    start.add_argument("--to", default="*", metavar="NAME,...", help="devices; all by itself")
    start.add_argument("--classes", default="", metavar="CLASS,...", help="only devices of one of these")
    start.add_argument("--id", default="", help="its name; that of the bundle with a number by itself")
    start.add_argument("--dry-run", action="store_true", help="say who would be in which stage, and send nothing")
    start.add_argument("--plan", type=Path, metavar="FILE", help="a .toml with all of what follows")
    start.add_argument("--stages", metavar="STAGE,...", help=f"NAME=SHARE or NAME=DEVICE+DEVICE; {_STAGES} by itself")
    listed = verbs.add_parser("list", help="name all rollouts, with how they stand")
    devices = verbs.add_parser("devices", help="name all devices, with what they say of themselves")
    named = {verb: verbs.add_parser(verb, help=text) for verb, text in _NAMED.items()}
    for one in named.values():
        one.add_argument("id", nargs="?", default="", metavar="ID", help="which; the last one by itself")
    for one in (start, named["resume"]):
        _add_limits(one)
    for one in (start, listed, devices, named["status"]):
        one.add_argument("--json", action="store_true", help="print one JSON object")
    for verb, one in {"start": start, "list": listed, "devices": devices, **named}.items():
        one.set_defaults(desk=_DESK, command={"list": "listed"}.get(verb, verb), folder=None)
        one.add_argument("--home", type=Path, default=home(), help="folder of keys and repository; TAPETUM_PUBLISH")
        one.add_argument("--passphrase", type=Path, metavar="FILE", help="of the keys, in a file; asked for by itself")
        one.add_argument("--pin", type=Path, metavar="FILE", help="of a token, in a file; TAPETUM_PIN, or asked for")


def _add_limits(parser: Any) -> None:
    """Add what a rollout must come to."""
    parser.add_argument(
        "--success", type=float, help="share of a stage that must have it before the next; 0.9 by itself"
    )
    parser.add_argument("--failures", type=float, help="share of those asked; more that fail stop it; 0.02 by itself")
    parser.add_argument("--fewest-failures", type=int, metavar="N", help="fewer never stop it; 2 by itself")
    parser.add_argument("--answer", type=float, metavar="SECONDS", help="for a device, then it is late; 3600 by itself")
