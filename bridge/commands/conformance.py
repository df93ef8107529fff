"""The command `bridge conformance`."""

from __future__ import annotations

import argparse

from bridge.conformance import command as examination

NONCONFORMING = 1
"""The exit code: the client does not conform."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    parser.add_argument("url", metavar="URL", help="the bridge's door: wss://bridge.example/v1/signal")
    parser.add_argument("--listen", default="127.0.0.1:8090", metavar="ADDR:PORT", help="(default: %(default)s)")
    parser.add_argument(
        "--peer-token", metavar="TOKEN", help="a join token of the same room, for an echo that the client receives"
    )
    parser.add_argument("--wait", default="5m", metavar="TIME", help="for the client (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    """Examines whoever connects, and prints what was found."""
    return 0 if examination.run(options) else NONCONFORMING
