"""The command `bridge conformance`: the examination, with an echo beside the client if there is a token for it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Callable
from typing import TypeVar

from bridge.configuration import Address, SettingsError, parse_address, parse_duration
from bridge.conformance.examiner import Examination, examine
from bridge.conformance.reaching import look_for, not_reached
from bridge.conformance.report import Report, as_json, as_text
from bridge.errors import BridgeError
from bridge.transcode.test_legs.client import TestLeg, echo

T = TypeVar("T")


def run(options: argparse.Namespace) -> bool:
    """Examines, prints the report, and says whether the client conforms. Raises `BridgeError`."""
    address = _given("--listen", options.listen, parse_address, "an address and a port such as 127.0.0.1:8090")
    wait = _given("--wait", options.wait, parse_duration, "a duration such as 30s or 5m")
    if not address.is_loopback:
        raise SettingsError(
            "invalid_setting", "--listen takes an address of this machine only: join tokens come in cleartext."
        )
    if not options.url.startswith(("ws://", "wss://")):
        message = f"{options.url!r}: the door is named by a URL such as wss://bridge.example/v1/signal."
        raise BridgeError("bad_url", message, field="URL")
    report = asyncio.run(_examine(options.url, address, wait, options.peer_token))
    print(as_json(report) if options.json else as_text(report))
    return report.conforms


def _given(option: str, text: str, parse: Callable[[str], T], expected: str) -> T:
    try:
        return parse(text)
    except ValueError:
        raise SettingsError("invalid_setting", f"{option} {text!r}: expected {expected}") from None


async def _examine(url: str, address: Address, wait: float, peer_token: str | None) -> Report:
    # Before a client is asked to come: whoever mistyped the URL would look for the fault in the client.
    await look_for(url)
    peer = None if peer_token is None else asyncio.create_task(_echo(url, peer_token))
    examining = asyncio.create_task(
        examine(url, address.host, address.port, on_ready=_say_where, examination=Examination(arrival=wait))
    )
    try:
        if peer is not None:
            await asyncio.wait({examining, peer}, return_when=asyncio.FIRST_COMPLETED)
            if peer.done() and (refusal := peer.exception()) is not None:
                # Nobody needs to wait for a client to hear of it.
                raise refusal
        return await examining
    finally:
        for task in (examining, peer):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, BridgeError):
                    await task


async def _echo(url: str, token: str) -> None:
    try:
        await TestLeg(url, token, echo()).run()
    except BridgeError as error:
        raise BridgeError(error.code, str(error), field="--peer-token") from None
    except OSError as error:
        raise not_reached(error) from None


def _say_where(url: str) -> None:
    # Standard output is the report's.
    print(f"Have your client connect to {url} with its join token.", file=sys.stderr, flush=True)
    print("When it asks whether you may be recorded, and seen on video, answer it.", file=sys.stderr, flush=True)
