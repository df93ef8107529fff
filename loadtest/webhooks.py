"""Tells 10,000 events to a receiver that fails 30 % of the time: `python -m loadtest.webhooks --help`.

The events are written as a bridge writes them (audit log and outbox in one transaction, on this disk), and told by the
bridge's own sender over HTTP to a server in a process of its own, which checks signatures, answers 500 by chance, and
notes what it took and in which order. Only the waits between tries are shorter than a bridge's, by `--scale`.
Exit code 1 if an event is missing or out of order.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.audit import AuditStore, Entry, SealingKey
from bridge.signaling.server import HttpServer, ServerSettings
from bridge.storage import SqlitePlace
from bridge.webhooks import Endpoint, Outbox, WebhookSender, read_secret, signature
from bridge.webhooks.sender import BACK_OFF
from loadtest.measure import rounded

_TENANT = "clinic"
_SECRET = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
_POLL = 0.01
"""Seconds between two looks into the outbox while nothing is due."""


@dataclass
class Taken:
    """What the receiver has to tell."""

    requests: int = 0
    refused: int = 0
    """On purpose."""
    forged: int = 0
    """With a signature that does not hold."""
    repeated: int = 0
    """Events that it had taken already."""
    numbers: dict[str, list[int]] = field(default_factory=dict)
    """Of the events taken, by room, as they came."""


@dataclass(frozen=True)
class WebhookFigures:
    """Seconds, unless the name says otherwise."""

    events: int
    delivered: int
    rooms: int
    rooms_in_order: int
    """Rooms of which every event came, once, and after those before it."""
    requests: int
    refused: int
    repeated: int
    seconds: float
    """From the first request to the last event taken out of the outbox."""
    events_per_second: float
    writing: float
    """Before that: the audit log with 10,000 entries, and the outbox with it."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing, and all in order."""
        return self.delivered == self.events and self.rooms_in_order == self.rooms


@contextmanager
def receiving(failing: float, seed: int) -> Iterator[tuple[str, Connection]]:
    """The receiver: its URL, and a link over which it answers anything by `Taken`."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_receive, args=(failing, seed, there), daemon=True)
    process.start()
    there.close()
    try:
        yield here.recv(), here
    finally:
        process.kill()
        process.join()


def _receive(failing: float, seed: int, link: Connection) -> None:
    uvloop.run(_serve(failing, seed, link))


async def _serve(failing: float, seed: int, link: Connection) -> None:
    chance, taken, ids = random.Random(seed), Taken(), set[str]()

    async def take(request: Request) -> Response:
        body = (await request.body()).decode()
        told = request.headers
        taken.requests += 1
        if told["webhook-signature"] != signature(_SECRET, told["webhook-id"], int(told["webhook-timestamp"]), body):
            taken.forged += 1
            return Response(status_code=401)
        if chance.random() < failing:
            taken.refused += 1
            return Response(status_code=500)
        if told["webhook-id"] in ids:
            taken.repeated += 1
        else:
            ids.add(told["webhook-id"])
            data = json.loads(body)["data"]
            taken.numbers.setdefault(data["room"], []).append(data["number"])
        return Response(status_code=204)

    server = HttpServer(Starlette(routes=[Route("/hook", take, methods=["POST"])]), ServerSettings(port=0))
    await server.start()
    link.send(f"http://127.0.0.1:{server.port}/hook")
    while True:
        await asyncio.to_thread(link.recv)
        link.send(taken)


def write(data: Path, rooms: int, each: int) -> Outbox:
    """`each` events of so many rooms in turn, as a busy hour has them, in the outbox that comes back."""
    key = SealingKey.load(data)
    place = SqlitePlace(data / "bridge.sqlite3")
    outbox = Outbox(place, [_TENANT], [_TENANT])
    store = AuditStore(data, place, key, companion=outbox.add)
    outbox.open()
    for number in range(each):
        details = {"number": number}
        store.append([Entry("participant_joined", _TENANT, f"room-{room}", details=details) for room in range(rooms)])
    store.close()
    return outbox


async def measure(data: Path, *, rooms: int, each: int, failing: float, scale: float, seed: int) -> WebhookFigures:
    """Writes the events below `data`, tells them all, and asks what came."""
    begun = time.monotonic()
    outbox = await asyncio.to_thread(write, data, rooms, each)
    written = time.monotonic()
    try:
        with receiving(failing, seed) as (url, link):
            started = time.monotonic()
            sender = WebhookSender(
                outbox, [Endpoint(_TENANT, url, _SECRET)], back_off=[wait / scale for wait in BACK_OFF], poll=_POLL
            )
            sender.start()
            try:
                while await asyncio.to_thread(len, outbox):  # noqa: ASYNC110 - there is no event for it
                    await asyncio.sleep(0.05)
            finally:
                await sender.close()
            seconds = time.monotonic() - started
            link.send("tell")
            taken: Taken = await asyncio.to_thread(link.recv)
    finally:
        outbox.close()
    return WebhookFigures(
        events=rooms * each,
        delivered=sum(len(numbers) for numbers in taken.numbers.values()),
        rooms=rooms,
        rooms_in_order=sum(numbers == list(range(each)) for numbers in taken.numbers.values()),
        requests=taken.requests,
        refused=taken.refused,
        repeated=taken.repeated,
        seconds=seconds,
        events_per_second=rooms * each / seconds,
        writing=written - begun,
    )


def main() -> int:
    """0 if all came in order, 1 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=100, help="that the events are of (default %(default)s)")
    parser.add_argument("--each", type=int, default=100, help="events of a room (default %(default)s)")
    parser.add_argument("--failing", type=float, default=0.3, help="share of requests refused (default %(default)g)")
    parser.add_argument("--scale", type=float, default=10_000.0, help="divides waits (default %(default)g)")
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bridge-loadtest-") as folder:
        found = uvloop.run(
            measure(
                Path(folder),
                rooms=options.rooms,
                each=options.each,
                failing=options.failing,
                scale=options.scale,
                seed=options.seed,
            )
        )
    print(json.dumps(rounded(asdict(found))))
    if options.json:
        options.json.write_text(json.dumps(asdict(found), indent=2) + "\n")
    return 0 if found.is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
