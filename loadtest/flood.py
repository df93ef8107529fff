"""What hostile packets cost a running bridge, and whether calls go on meanwhile: `python -m loadtest.flood --help`.

Each flood runs for some seconds beside a call, from many sockets in turn. Packets go out by UDP GSO: one system call
sends a run of them, which is what lets Python reach 200,000 a second. On loopback such a run stays in one piece up to
the bridge's socket (GRO), so that the kernel's share of the cost is far below that of a network; `--segments 1` sends
every packet by itself instead, at a lower rate, for a truthful share of the kernel. The worker's own time (user time of
its thread) is the same either way: the bridge looks at each packet.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import secrets
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from loadtest.measure import DevelopmentBridge, rounded
from loadtest.swarm import stun
from loadtest.swarm.peer import LightPeer, client_hello
from loadtest.swarm.talk import TalkingRoom
from loadtest.swarm.talkers import Heard, Talkers, talking

_SOL_UDP, _UDP_SEGMENT = 17, 103
_SOCKETS = 64
"""Strangers, each with an address of its own."""
_RUN_BYTES = 65_000
"""Bytes in one system call at most."""
_CALL_ROOMS, _CALL_BITRATE = 2, 500_000

Address = tuple[str, int]


@dataclass(frozen=True)
class FloodFigures:
    """One kind of packet. Costs are those beyond what the calls and the idle process take by themselves."""

    kind: str
    sent_per_second: float
    received_per_second: float
    kernel_drops: int
    counted: dict[str, int]
    """Packets by the kind of error that the worker counted."""
    answered: int
    """Packets that the worker sent beyond those of the calls."""
    worker_load: float
    """CPU seconds of the worker's thread per second."""
    own_us_per_packet: float
    """User time of the worker's thread."""
    kernel_us_per_packet: float
    """System time of the worker's thread."""
    control_plane_load: float
    """CPU seconds of the event loop's thread per second, beyond those without the flood."""
    heard: Heard
    """In the calls meanwhile."""


@dataclass(frozen=True)
class _Reading:
    clock: float
    metrics: dict[str, float]
    threads: dict[str, tuple[float, float]]

    @classmethod
    def take(cls, bridge: DevelopmentBridge) -> _Reading:
        # Counters are copied out every 50 ms.
        time.sleep(0.1)
        return cls(time.monotonic(), bridge.metrics(), bridge.thread_cpu_seconds())


@dataclass(frozen=True)
class _Spent:
    """Between two readings."""

    seconds: float
    own: float
    kernel: float
    control: float
    received: float
    sent: float
    drops: float
    errors: dict[str, float]

    @classmethod
    def between(cls, before: _Reading, after: _Reading) -> _Spent:
        def metric(name: str) -> float:
            return after.metrics.get(name, 0.0) - before.metrics.get(name, 0.0)

        def thread(name: str, part: int) -> float:
            return after.threads[name][part] - before.threads[name][part]

        prefix = "bridge_worker_errors_total:"
        return cls(
            seconds=after.clock - before.clock,
            own=thread("worker-0", 0),
            kernel=thread("worker-0", 1),
            control=sum(thread("bridge", part) for part in (0, 1)),
            received=metric("bridge_worker_packets_total:in"),
            sent=metric("bridge_worker_packets_total:out"),
            drops=metric("bridge_worker_kernel_drops_total"),
            errors={name.removeprefix(prefix): metric(name) for name in after.metrics if name.startswith(prefix)},
        )


def flood(
    sockets: Sequence[socket.socket], to: Address, packet: bytes, rate: float, seconds: float, segments: int
) -> float:
    """Sends `rate` packets a second, in runs of `segments`, from one socket after the other; returns the rate reached.

    A sender that falls behind does not catch up.
    """
    segments = min(segments, _RUN_BYTES // len(packet))
    for each in sockets:
        each.setsockopt(_SOL_UDP, _UDP_SEGMENT, len(packet) if segments > 1 else 0)
    run = packet * segments
    began = due = time.perf_counter()
    sent = turn = 0
    while (now := time.perf_counter()) - began < seconds:
        if due > now:
            time.sleep(due - now)
        due = max(due, now - 0.01) + segments / rate
        turn += 1
        # A full buffer or an ICMP error is the receiver's way to say that it has had enough; a flood does not listen.
        with contextlib.suppress(OSError):
            sockets[turn % len(sockets)].sendto(run, to)
            sent += segments
    return sent / (time.perf_counter() - began)


def _strangers() -> list[socket.socket]:
    sockets = []
    for index in range(_SOCKETS):
        stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stranger.bind((f"127.0.1.{index + 1}", 0))
        sockets.append(stranger)
    return sockets


async def _measure(
    bridge: DevelopmentBridge,
    talkers: Talkers,
    idle: _Spent,
    kind: str,
    sockets: Sequence[socket.socket],
    packet: bytes,
    options: argparse.Namespace,
) -> FloodFigures:
    talkers.start_counting()
    to = ("127.0.0.1", bridge.media_port)
    before = _Reading.take(bridge)
    rate = await asyncio.to_thread(flood, sockets, to, packet, options.rate, options.seconds, options.segments)
    spent = _Spent.between(before, _Reading.take(bridge))
    heard = talkers.heard()
    hostile = spent.received - idle.received / idle.seconds * spent.seconds
    return FloodFigures(
        kind=kind,
        sent_per_second=rate,
        received_per_second=hostile / options.seconds,
        kernel_drops=round(spent.drops),
        counted={name: round(count) for name, count in spent.errors.items() if count},
        answered=round(spent.sent - idle.sent / idle.seconds * spent.seconds),
        worker_load=(spent.own + spent.kernel) / spent.seconds,
        own_us_per_packet=(spent.own - idle.own / idle.seconds * spent.seconds) / hostile * 1e6,
        kernel_us_per_packet=(spent.kernel - idle.kernel / idle.seconds * spent.seconds) / hostile * 1e6,
        control_plane_load=spent.control / spent.seconds - idle.control / idle.seconds,
        heard=heard,
    )


async def run(bridge: DevelopmentBridge, talkers: Talkers, options: argparse.Namespace) -> list[FloodFigures]:
    """All floods, one after the other."""
    target = TalkingRoom(bridge.url, "target", 1, 0, bridge.token)
    await target.open(view=False)
    strangers = _strangers()
    idle = await _idle(bridge, options.seconds)
    hello = client_hello()
    overheard = target.publishers[0].remote.ufrag
    packets = {
        "garbage": b"\xff" + secrets.token_bytes(199),
        "rtp": b"\x80\x60" + secrets.token_bytes(198),
        "dtls_hello": hello,
        "stun_unknown_ufrag": stun.binding_request("nobody:abcd", b"not the password"),
        "stun_forged": stun.binding_request(f"{overheard}:abcd", b"not the password"),
    }
    figures = []
    for kind, packet in packets.items():
        figures.append(await _measure(bridge, talkers, idle, kind, strangers, packet, options))
        print(json.dumps(rounded(asdict(figures[-1]))), flush=True)
    # From within: participants with good tokens, whose addresses passed their checks.
    insiders = await _insiders(bridge, options.insiders)
    idle = await _idle(bridge, options.seconds)
    for kind, packet in {"insiders_hello": hello, "insiders_srtp": b"\x80\x60" + secrets.token_bytes(198)}.items():
        sockets = [insider.socket for insider in insiders]
        figures.append(await _measure(bridge, talkers, idle, kind, sockets, packet, options))
        print(json.dumps(rounded(asdict(figures[-1]))), flush=True)
    for insider in insiders:
        insider.abandon()
    await target.close()
    return figures


async def _idle(bridge: DevelopmentBridge, seconds: float) -> _Spent:
    """What is spent without a flood."""
    before = await asyncio.to_thread(_Reading.take, bridge)
    await asyncio.sleep(seconds)
    return _Spent.between(before, await asyncio.to_thread(_Reading.take, bridge))


async def _insiders(bridge: DevelopmentBridge, count: int) -> list[LightPeer]:
    insiders = []
    for index in range(count):
        peer = LightPeer()
        token = bridge.token("target", f"insider-{index}", "tolk")
        await peer.connect(f"{bridge.url}/whep/target", token, peer.offer(["audio"], "recvonly"))
        insiders.append(peer)
    return insiders


def main() -> int:
    """Measures every kind of flood."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=200_000, help="packets a second (default 200,000)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each flood (default 5)")
    parser.add_argument("--segments", type=int, default=64, help="packets in a run (default 64)")
    parser.add_argument("--insiders", type=int, default=16, help="hostile participants (default 16)")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    with DevelopmentBridge.running() as bridge, talking(bridge, _CALL_ROOMS, _CALL_BITRATE) as talkers:
        figures = uvloop.run(run(bridge, talkers, options))
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in figures], indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
