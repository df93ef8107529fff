"""`loadtest emulate`: the link emulator alone, for somebody's own client."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from loadtest.emulator.description import LinkDescription
from loadtest.emulator.namespace import NamespaceLink
from loadtest.emulator.pool import Sharing, Totals
from loadtest.emulator.reading import read_link
from loadtest.emulator.relay import Address, Relay
from loadtest.emulator.statistics import Cause, Statistics
from loadtest.errors import InputError, Place, need_folder
from loadtest.quantities import parse_duration

_EPILOG = """\
a direction: KEY=VALUE with commas between, such as rate=300k,delay=40ms,loss=3%,queue=300ms
  rate      300k, or steps: 2M/40s:300k/80s:2M      trace     a file: CSV, or Mahimahi's form
  delay     40ms                                    jitter    10ms; jitter.reorder=true
  loss      3%, or 3%x4 in bursts of 4              reorder   1%: this share is held back
  duplicate 0.5%                                    queue     300ms or 64kB; queue.discipline=codel
  outages   20s+5s/60s+1s: at 20 s for 5 s, …       cross     cbr:500k/tcp:2: others on the same line
all keys: docs/loadtest.md; ready-made links: configs/scenarios/links
"""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to those of `loadtest`."""
    parser = commands.add_parser(
        "emulate",
        help="stand between a client and a server as a slow, late or lossy line",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    relay = parser.add_argument_group("as a relay of UDP and TCP")
    relay.add_argument("--listen", metavar="HOST:PORT", help="where clients connect to")
    relay.add_argument("--to", metavar="HOST:PORT", help="the server")
    relay.add_argument(
        "--share",
        choices=[sharing.value for sharing in Sharing],
        default=Sharing.CLIENT.value,
        help="who shares a link: every client has its own, one per IP address, or one for all (default: %(default)s)",
    )
    relay.add_argument("--clients", type=int, default=1000, metavar="N", help="at most so many (default: %(default)s)")
    namespace = parser.add_argument_group("as a network namespace (needs root)")
    namespace.add_argument("--netns", metavar="NAME", help="make this namespace, with the host beyond the link")
    namespace.add_argument("command", nargs="*", metavar="COMMAND", help="run this in it, behind --, and end with it")
    link = parser.add_argument_group("the link")
    link.add_argument("--link", type=Path, metavar="FILE", help="a description in YAML or TOML")
    link.add_argument("--down", metavar="…", help="towards the client; changes these keys of the file")
    link.add_argument("--up", metavar="…", help="from the client")
    link.add_argument("--seed", type=int, default=1, help="of everything that is left to chance (default: %(default)s)")
    parser.add_argument("--for", dest="length", metavar="TIME", help='end after this time, such as "60s"')
    parser.add_argument("--realtime", action="store_true", help="go before all other programs (needs root)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the statistics here at the end")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Runs until it is interrupted, the time is over or the command has ended. Raises `InputError`."""
    need_folder(options.json, "--json")
    description = read_link(options.link, down=options.down, up=options.up)
    if options.realtime:
        _go_first()
    # Each client takes two or three files: as many as this user may have, in place of the usual 1,024.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    length = None
    if options.length is not None:
        try:
            length = parse_duration(options.length)
        except ValueError as error:
            raise InputError(f"{options.length!r}: expected {error}", Place("--for")) from None
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_emulate(options, description, length))


def _go_first() -> None:
    """Takes the processor before ordinary programs do, so that a busy machine does not become a bad line."""
    try:
        # Commands that are run in the namespace start as ordinary programs again.
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except (AttributeError, OSError):
        raise InputError("no right to go before other programs: expected root", Place("--realtime")) from None


async def _emulate(options: argparse.Namespace, description: LinkDescription, length: float | None) -> int:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    code = 0
    async with contextlib.AsyncExitStack() as stack:
        if options.netns is not None:
            if options.listen or options.to:
                raise InputError("--netns and --listen exclude each other: expected one of both")
            line = await stack.enter_async_context(NamespaceLink(options.netns, description, seed=options.seed))
            totals: Callable[[], Totals] = line.totals
            print(f"namespace {line.name}: it is {line.address}, the host is {line.host_address}", file=sys.stderr)
        else:
            relay = await stack.enter_async_context(_relay(options, description))
            totals = relay.totals
            print(f"listening on {_text(relay.address)}, UDP and TCP, to {options.to}", file=sys.stderr)
        loop.add_signal_handler(signal.SIGUSR1, lambda: print(table(totals()), file=sys.stderr))
        if options.command:
            if options.netns is None:
                raise InputError("a command is run in a namespace: expected --netns NAME")
            code = await _run_command(line, options.command, over, length)
        else:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), length)
        result = totals()
        if options.netns is not None and not options.command and (left := len(line.processes())):
            print(f"{left} processes still run in the namespace, now without a line", file=sys.stderr)
    print(table(result), file=sys.stderr)
    if options.json is not None:
        options.json.write_text(json.dumps(result.as_dict(), indent=2) + "\n")
    return code


@contextlib.asynccontextmanager
async def _relay(options: argparse.Namespace, description: LinkDescription) -> AsyncIterator[Relay]:
    if options.listen is None or options.to is None:
        raise InputError("expected --listen HOST:PORT and --to HOST:PORT, or --netns NAME")
    relay = Relay(
        _address("--listen", options.listen),
        _address("--to", options.to),
        description,
        seed=options.seed,
        sharing=Sharing(options.share),
        limit=options.clients,
    )
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(relay)
        except OSError as error:
            raise InputError(f"cannot listen on {options.listen}: {error.strerror}", Place("--listen")) from None
        yield relay


async def _run_command(line: NamespaceLink, command: list[str], over: asyncio.Event, length: float | None) -> int:
    """Runs the command until it ends or is ended with all it started; returns its exit code."""
    process = line.start(command)
    waiting = asyncio.create_task(asyncio.to_thread(process.wait))
    stopped = asyncio.create_task(over.wait())
    try:
        await asyncio.wait({waiting, stopped}, timeout=length, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        # In a thread, as the line must run on for those that say goodbye over it.
        await asyncio.to_thread(line.end_processes)
    code = await waiting
    # What was ended from here has not failed.
    return code if code >= 0 else 0


def table(totals: Totals) -> str:
    """The statistics for people."""
    rows: list[tuple[str, Callable[[Statistics], str]]] = [
        ("links", lambda _: str(totals.links)),
        ("packets sent", lambda s: str(s.sent)),
        ("packets delivered", lambda s: str(s.delivered)),
        ("bytes delivered", lambda s: str(s.delivered_bytes)),
        ("lost", lambda s: f"{100 * s.loss_share:.2f} %"),
        *((f"  by {cause.value}", _counter(cause)) for cause in Cause),
        ("duplicated", lambda s: str(s.duplicated)),
        ("queueing p50", lambda s: _milliseconds(s.queueing.quantile(0.5))),
        ("queueing p95", lambda s: _milliseconds(s.queueing.quantile(0.95))),
        ("queueing max", lambda s: _milliseconds(s.queueing.longest)),
        ("cross traffic bytes", lambda s: str(s.cross_delivered_bytes)),
    ]
    lines = [f"{'':22}{'down':>14}{'up':>14}"]
    lines += [f"{name:22}{read(totals.down):>14}{read(totals.up):>14}" for name, read in rows]
    late = totals.lateness
    lines.append(
        f"the emulator was late by {_milliseconds(late.quantile(0.5))} (p50), "
        f"{_milliseconds(late.quantile(0.99))} (p99), {_milliseconds(late.longest)} (max)"
    )
    return "\n".join(lines)


def _counter(cause: Cause) -> Callable[[Statistics], str]:
    return lambda statistics: str(statistics.lost[cause])


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"


def _address(option: str, text: str) -> Address:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise InputError(f"{text!r}: expected an address such as 127.0.0.1:3478 or [::1]:3478", Place(option))
    return host.strip("[]"), int(port)


def _text(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster loop where there is one; the emulator's timers do not depend on it."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
