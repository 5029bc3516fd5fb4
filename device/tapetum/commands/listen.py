"""`tapetum listen`: what a consumer of the alerts sees."""

import argparse
import signal
import sys
import threading

from tapetum.alerts.broker import Broker
from tapetum.commands.settings import add_config, config_of, whole
from tapetum.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `listen` takes."""
    add_config(parser)
    parser.add_argument("--host", help="the broker (default: the configuration's)")
    parser.add_argument("--port", type=whole(1, 65535), default=1883, help="its port (default: 1883)")
    parser.add_argument("--receipts", action="store_true", help='confirm each alert, for delivery = "receipt"')
    parser.add_argument("--json", action="store_true", help="print each alert as a JSON object")


def main(options: argparse.Namespace) -> int:
    """Listen until Ctrl-C; then say how many were duplicates, and how many numbers are missing."""
    from tapetum.alerts.event import encode
    from tapetum.alerts.listen import Listener, line
    from tapetum.scene import Sighting

    broker = Broker(host=options.host, port=options.port) if options.host else config_of(options)[0].broker
    if not broker.host:
        raise ConfigError("no broker: name one with --host, or in the configuration as broker.host")

    def heard(device: str, sighting: Sighting) -> None:
        print(encode(sighting).decode() if options.json else line(device, sighting), flush=True)

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    listener = Listener(broker, heard, receipts=options.receipts)
    listener.run(stop)
    print(f"{listener.duplicates} duplicates, {listener.missing} missing", file=sys.stderr)
    return 0
