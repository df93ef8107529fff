"""`loadtest run`: scenarios played, judged and reported."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ipaddress
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from loadtest.document import read_text
from loadtest.errors import InputError, Place
from loadtest.lobbies.runner import LobbiesRunner
from loadtest.measure import DevelopmentBridge
from loadtest.participants.browsers.bridge_page import BridgePage
from loadtest.participants.participant import Participant
from loadtest.priority import go_before_others
from loadtest.report.compare import Difference, compare, read_report
from loadtest.report.document import Document, report_document, run_document, write_json
from loadtest.report.html import write_html
from loadtest.report.junit import write_junit
from loadtest.report.words import threshold_text, value_text
from loadtest.running.cast import Cast, MintToken
from loadtest.running.estimates import downstream_estimates, with_estimates
from loadtest.running.progress import Progress
from loadtest.running.recording import Recording
from loadtest.running.runner import Runner
from loadtest.running.surroundings import BRIDGE_ADDRESS, enter_own_network
from loadtest.scenario.description import ParticipantPlan, Scenario
from loadtest.scenario.reading import read_scenarios

PASSED, MISSED, FAILED = 0, 1, 2
_TOKEN_SECONDS = 3600
_LONGEST_KEY = 1000
_ASKING_SECONDS = 5.0
"""Between two questions of a browser to somebody else's bridge what it estimates."""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to those of `loadtest`."""
    parser = commands.add_parser("run", help="play scenarios, judge them and write a report")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="scenarios in YAML (configs/scenarios)")
    parser.add_argument("--seed", type=int, help="of all that is left to chance (default: the scenario's own)")
    parser.add_argument(
        "--repeat", type=int, default=1, metavar="N", help="play each with N seeds, one after the other"
    )
    parser.add_argument("--compare", type=Path, metavar="JSON", help="say what differs from this earlier report")
    parser.add_argument(
        "--out", type=Path, default=Path("loadtest-report"), metavar="DIR", help="(default: %(default)s)"
    )
    parser.add_argument("--screenshots", action="store_true", help="keep what each browser showed at the end")
    parser.add_argument(
        "--flight-records",
        action="store_true",
        help="keep what the bridge did on every connection (docs/flight-record.md)",
    )
    bridge = parser.add_argument_group("the bridge (by default one of its own is started)")
    bridge.add_argument("--bridge", metavar="URL", help="one that runs already, such as http://192.0.2.1:8080")
    bridge.add_argument(
        "--token",
        metavar="COMMAND",
        help="prints a join token; {room}, {identity} and {role} are filled in (needed with --bridge for participants)",
    )
    bridge.add_argument(
        "--api-key-file",
        type=Path,
        metavar="FILE",
        help="holds an API key of a vendor, as `bridge apikey create` prints it (needed with --bridge for lobbies)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Plays everything and returns the exit code. Raises `InputError`."""
    if options.repeat < 1:
        raise InputError(f"{options.repeat}: expected a number from 1", Place("--repeat"))
    if options.flight_records and options.bridge is not None:
        raise InputError(
            "--flight-records: expected a bridge that is started for the run; ask yours with `bridge rooms report`"
        )
    scenarios = [scenario for file in options.files for scenario in read_scenarios(file)]
    _check_bridge(scenarios, options)
    before = read_report(options.compare) if options.compare is not None else None
    plays = [
        (scenario, (options.seed if options.seed is not None else scenario.seed) + n)
        for scenario in scenarios
        for n in range(options.repeat)
    ]
    options.out.mkdir(parents=True, exist_ok=True)
    if options.bridge is None and _needs_own_network(scenarios):
        enter_own_network()
    go_before_others(os.getpid())
    progress = Progress([scenario.duration for scenario, _ in plays])
    runs: list[Document] = []
    try:
        for scenario, seed in plays:
            progress.begin(f"{scenario.name} seed {seed}")
            recording = _play(scenario, seed, options, progress)
            runs.append(run_document(recording))
            progress.end(_verdict(runs[-1]))
            # Whoever ends a long series keeps what there is of it.
            _write(runs, options.out, before)
            if recording.interrupted:
                break
    finally:
        differences = _write(runs, options.out, before) if runs else []
    for difference in differences:
        print(_difference(difference))
    print(f"report: {options.out / 'report.html'}")
    return _exit_code(runs)


def _check_bridge(scenarios: Sequence[Scenario], options: argparse.Namespace) -> None:
    needed = {
        "--token": (options.token, any(scenario.lobbies is None for scenario in scenarios)),
        "--api-key-file": (options.api_key_file, any(scenario.lobbies is not None for scenario in scenarios)),
    }
    for name, (value, is_needed) in needed.items():
        if (options.bridge is not None and is_needed) != (value is not None):
            raise InputError(f"--bridge and {name} go together: expected both or none")
    has_lines = any(plan.lines for scenario in scenarios for plan in scenario.participants)
    if options.bridge is not None and has_lines and _is_loopback(urlsplit(options.bridge).hostname or ""):
        raise InputError(
            f"{options.bridge}: expected an address of this host that is not loopback",
            Place("--bridge"),
            "participants with a line are in networks of their own, from which loopback is not reached",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _needs_own_network(scenarios: Sequence[Scenario]) -> bool:
    """Lobbies have no lines and no browsers."""
    return any(scenario.lobbies is None for scenario in scenarios)


def _exit_code(runs: list[Document]) -> int:
    states = {run["state"] for run in runs}
    if states & {"failed", "interrupted"}:
        return FAILED
    return MISSED if "missed" in states else PASSED


def _write(runs: list[Document], folder: Path, before: Document | None) -> list[Difference]:
    report = report_document(runs)
    differences = compare(before, report) if before is not None else []
    write_json(report, folder / "report.json")
    write_junit(report, folder / "junit.xml")
    write_html(report, folder / "report.html", differences)
    return differences


def _play(scenario: Scenario, seed: int, options: argparse.Namespace, progress: Progress) -> Recording:
    with tempfile.TemporaryDirectory(prefix="loadtest-") as name, _bridge(scenario, options) as bridge:
        process = bridge.process
        load = None if process is None else lambda: (process.cpu_seconds(), process.rss_bytes())
        if scenario.lobbies is not None:
            return asyncio.run(
                _until_interrupted(LobbiesRunner(scenario, seed, bridge.url, bridge.key, load, progress.show))
            )
        cast = Cast(
            scenario, bridge.url, bridge.token, Path(name), asks_every=_ASKING_SECONDS if process is None else None
        )
        runner = Runner(scenario, seed, cast.make, load, progress.show, namespace=f"lt{os.getpid()}")
        estimates: dict[str, list[tuple[float, int]]] = {}

        async def keep(participants: Mapping[str, Participant]) -> None:
            await _keep_screenshots(participants, options)
            if process is not None:
                estimates.update(await _keep_flight_records(scenario, seed, participants, process, options, Path(name)))

        runner.inspect = keep
        progress.show(-1.0, "making the lines")
        recording = asyncio.run(_until_interrupted(runner))
        for participant, told in estimates.items():
            recording.samples[participant] = with_estimates(recording.samples[participant], told)
        return recording


async def _keep_screenshots(participants: Mapping[str, Participant], options: argparse.Namespace) -> None:
    """If they were asked for, while everybody is still there."""
    if options.screenshots:
        for name, participant in participants.items():
            if isinstance(participant, BridgePage):
                await participant.screenshot(options.out / f"{name}.png")


async def _keep_flight_records(
    scenario: Scenario,
    seed: int,
    participants: Mapping[str, Participant],
    bridge: DevelopmentBridge,
    options: argparse.Namespace,
    folder: Path,
) -> dict[str, list[tuple[float, int]]]:
    """Keeps them in place of the folder if they were asked for; returns the estimates in them, by participant."""
    sessions = {
        name: participant.session
        for name, participant in participants.items()
        if isinstance(participant, BridgePage) and participant.session is not None
    }
    estimates: dict[str, list[tuple[float, int]]] = {}
    for room in sorted({plan.room for plan in scenario.participants}):
        variant = "".join(f"-{value}" for value in scenario.variant.values())
        archive = (options.out if options.flight_records else folder) / (
            f"{scenario.name}{variant}-{seed}-{room}.flight.zip"
        )
        if problem := await asyncio.to_thread(bridge.keep_flight_records, room, archive):
            print(f"no flight records of {room}: {problem}", file=sys.stderr)
        else:
            estimates.update(await asyncio.to_thread(downstream_estimates, archive, sessions))
    return estimates


async def _until_interrupted(runner: Runner | LobbiesRunner) -> Recording:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, runner.over.set)
    return await runner.run()


@dataclass(frozen=True)
class _Bridge:
    url: str
    token: MintToken
    key: str = field(default="", repr=False)
    """An API key, where there are lobbies."""
    process: DevelopmentBridge | None = None


@contextlib.contextmanager
def _bridge(scenario: Scenario, options: argparse.Namespace) -> Iterator[_Bridge]:
    if options.bridge is not None:
        key = (
            "" if options.api_key_file is None else read_text(options.api_key_file, "an API key", _LONGEST_KEY).strip()
        )
        yield _Bridge(options.bridge.rstrip("/"), lambda plan: _token_of_command(options.token, plan), key)
        return
    host = BRIDGE_ADDRESS if scenario.lobbies is None else "127.0.0.1"
    with DevelopmentBridge.running(host=host) as bridge:
        go_before_others(bridge.pid)
        yield _Bridge(
            bridge.url,
            lambda plan: bridge.token(plan.room, plan.name, plan.role, name=plan.name, ttl=_TOKEN_SECONDS),
            bridge.api_key(),
            bridge,
        )


def _token_of_command(command: str, plan: ParticipantPlan) -> str:
    values = {"room": plan.room, "identity": plan.name, "role": plan.role}
    try:
        words = [word.format(**values) for word in shlex.split(command)]
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(
            f"{command!r}: expected {{room}}, {{identity}} or {{role}} ({error})", Place("--token")
        ) from None
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    except OSError as error:
        raise InputError(f"{words[0]}: {error.strerror}", Place("--token")) from None
    if done.returncode != 0:
        raise InputError(f"the command ended with {done.returncode}: {done.stderr.strip()[:300]}", Place("--token"))
    return done.stdout.strip()


def _verdict(run: Document) -> str:
    missed = [threshold for threshold in run["thresholds"] if not threshold["held"]]
    words = {"passed": "passed", "failed": f"FAILED: {run['error']}", "interrupted": "interrupted"}
    text = words.get(run["state"], "missed")
    for threshold in missed:
        text += f"\n    {threshold_text(threshold)}: it was {value_text(threshold['metric'], threshold['value'])}"
    return text


def _difference(difference: Difference) -> str:
    before, after = (value_text(difference.metric, value) for value in (difference.before, difference.after))
    return f"{difference.run}: {difference.subject}@{difference.window} {difference.metric}: {before} → {after}"
