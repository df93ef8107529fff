"""What `bridge conformance` takes. Apart from the command itself, which loads WebRTC."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds them."""
    parser.add_argument("url", metavar="URL", help="the bridge's door: wss://bridge.example/v1/signal")
    parser.add_argument("--listen", default="127.0.0.1:8090", metavar="ADDR:PORT", help="(default: %(default)s)")
    parser.add_argument(
        "--peer-token", metavar="TOKEN", help="a join token of the same room, for an echo that the client receives"
    )
    parser.add_argument("--wait", default="5m", metavar="TIME", help="for the client (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="as JSON")
