"""The command `bridge test-leg`."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from bridge.errors import BridgeError
from bridge.transcode.test_legs import client


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    parser.add_argument(
        "what",
        choices=["echo", "play", "clock"],
        help="echo: what the last who came sends; play: FILE; clock: time code and tone",
    )
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="with play: sound, picture or both")
    parser.add_argument("--token", required=True, metavar="TOKEN", help="its join token, as `bridge token` prints one")
    parser.add_argument("--url", default="ws://127.0.0.1:8080/v1/signal", help="the door (default: %(default)s)")


def run(options: argparse.Namespace) -> int:
    """Joins, and stays until it is told to end."""
    if (options.what == "play") != (options.file is not None):
        raise BridgeError("bad_file", "`play` wants a file, `echo` and `clock` none.", field="file")

    async def join() -> None:
        match options.what:
            case "echo":
                tracks = client.echo()
            case "clock":
                tracks = client.clock()
            case _:
                tracks = client.play(options.file)
        await client.TestLeg(options.url, options.token, tracks).run()

    try:
        asyncio.run(join())
    except OSError as error:
        why = error.strerror or "it does not answer"
        raise BridgeError("no_bridge", f"The bridge cannot be reached: {why}.", field="url") from None
    except KeyboardInterrupt:
        return 0
    return 0
