"""Who sends one size by WHIP and heeds no REMB is seen to move on a thin line by a browser that watches by WHEP."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loadtest.emulator.pool import Sharing
from loadtest.emulator.reading import read_link
from loadtest.emulator.relay import Relay
from loadtest.ports import free_port
from loadtest.swarm import media, native
from tests.browser.browsers import Browser
from tests.browser.test_codecs import open_page
from tests.browser.test_thin_viewer import THROUGH_RELAY
from tests.support import coded_clip
from tests.support.bridge import BRIDGE, Bridge
from tests.support.legs import no_legs
from tests.support.namespace import Network

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODED = (Path(__file__).parent / "coded_picture.js").read_text()

LINE = "both: {rate: {0s: 300k, 40s: 4M}, delay: 20ms, queue: 300ms}\n"
"""Thin, and good again long after the leg has come."""

MOVES = f"Object.entries(coded.good).some(([height, pictures]) => height < {coded_clip.HEIGHT} && pictures > 50)"
"""A picture that stands still takes minutes for so many."""


@contextmanager
def published(bridge: Bridge, room: str, folder: Path) -> Iterator[None]:
    """The swarm, which sends what it was told to whatever it is asked for."""
    clip, plan = folder / "coded.ivf", folder / "plan.json"
    coded_clip.write(clip, 1_000_000)
    sender = {
        "name": "navigator",
        "room": room,
        "door": {"kind": "http", "publish_url": f"{bridge.url}/whip/{room}", "token": bridge.token(room, "navigator")},
        "audio": "speech",
        "video": {"encodings": [{"rungs": ["coded"]}], "adaptive": False},
    }
    clips = {"coded": str(clip), "speech": str(media.speech())}
    plan.write_text(json.dumps({"seconds": 600, "clips": clips, "participants": [sender]}))
    with subprocess.Popen([native.find(), plan], stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


async def reasons(bridge: Bridge, room: str) -> list[str]:
    """Why there are legs in a room, as the operator sees it."""
    command: list[str | Path] = [BRIDGE, "rooms", "--data", bridge.data, "--json"]
    rooms = json.loads(await asyncio.to_thread(subprocess.check_output, command))
    return [leg["reason"] for each in rooms if each["room"].endswith(room) for leg in each["legs"]]


async def test_a_leg_has_it_move_in_the_stream_that_was_agreed_on_until_the_line_carries_it(
    bridge: Bridge, room: str, chromium: Browser, network: Network, tmp_path: Path
) -> None:
    viewer = await open_page(chromium, bridge)
    await viewer.evaluate(f"void (() => {{ {CODED} }})()")
    line = tmp_path / "line.yaml"
    line.write_text(LINE)
    host, port = bridge.media_address.rsplit(":", 1)
    listen, target = (host, free_port(host)), (host, int(port))
    with published(bridge, room, tmp_path):
        async with Relay(listen, target, read_link(line), seed=1, sharing=Sharing.ALL, limit=8) as relay:
            await viewer.evaluate(THROUGH_RELAY.format(port=port, relay=relay.address[1]))
            whep = [f"{bridge.url}/whep/{room}", bridge.token(room, "viewer", "pasient")]
            await viewer.evaluate(f"whip.watch(...{json.dumps(whep)})")
            await viewer.wait(MOVES)
            assert await reasons(bridge, room) == ["thin_line"]
            await no_legs(bridge)
            as_sent = f"coded.good[{coded_clip.HEIGHT}]"
            before = await viewer.evaluate(as_sent)
            await viewer.wait(f"{as_sent} > {before + 50}")
            assert await viewer.evaluate("coded.bad") == 0, "a decoder that lacks something shows it"
    await viewer.close()
