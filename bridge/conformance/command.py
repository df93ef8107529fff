"""The command `bridge conformance`: the examination, with an echo beside the client if there is a token for it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys

from bridge.configuration import Address, SettingsError, parse_address, parse_duration
from bridge.conformance.examiner import Examination, examine
from bridge.conformance.report import Report, as_json, as_text
from bridge.errors import BridgeError
from bridge.transcode.test_legs.client import TestLeg, echo


def run(options: argparse.Namespace) -> bool:
    """Examines, prints the report, and says whether the client conforms. Raises `BridgeError`."""
    try:
        address, wait = parse_address(options.listen), parse_duration(options.wait)
    except ValueError as error:
        raise SettingsError("invalid_setting", f"{error.args[0]!r}: expected an address, or a duration.") from None
    if not address.is_loopback:
        raise SettingsError(
            "invalid_setting", "--listen takes an address of this machine only: join tokens come in cleartext."
        )
    if not options.url.startswith(("ws://", "wss://")):
        raise BridgeError("bad_url", "The door is named by a URL that begins with wss://.", field="URL")
    report = asyncio.run(_examine(options.url, address, wait, options.peer_token))
    print(as_json(report) if options.json else as_text(report))
    return report.conforms


async def _examine(url: str, address: Address, wait: float, peer_token: str | None) -> Report:
    peer = None if peer_token is None else asyncio.create_task(_echo(url, peer_token))
    try:
        report = await examine(
            url, address.host, address.port, on_ready=_say_where, examination=Examination(arrival=wait)
        )
        if peer is not None and peer.done() and (refusal := peer.exception()) is not None:
            raise refusal
    finally:
        if peer is not None:
            peer.cancel()
            with contextlib.suppress(asyncio.CancelledError, BridgeError):
                await peer
    return report


async def _echo(url: str, token: str) -> None:
    try:
        await TestLeg(url, token, echo()).run()
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise BridgeError("no_bridge", f"The bridge cannot be reached: {why}.", field="URL") from None


def _say_where(url: str) -> None:
    # Standard output is the report's.
    print(f"Have your client connect to {url} with its join token.", file=sys.stderr, flush=True)
    print("When it asks whether you may be recorded, and seen on video, answer it.", file=sys.stderr, flush=True)
