"""The command `bridge rooms`."""

from __future__ import annotations

import argparse
import base64
import json
import zipfile
from pathlib import Path

from bridge.commands.options import add_settings, read_settings
from bridge.errors import BridgeError
from bridge.observability import AdminClient


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    add_settings(parser)
    parser.add_argument(
        "action", nargs="?", choices=["report"], help="report: write what the connections of ROOM did lately"
    )
    parser.add_argument("room", nargs="?", metavar="ROOM", help="as `bridge rooms` names it")
    parser.add_argument("--output", type=Path, metavar="FILE", help="with report: the archive (default: report.zip)")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    """Lists the rooms, or writes a report on one."""
    if options.action == "report":
        return _report(options)
    rooms = AdminClient(read_settings(options).data.directory).ask("rooms")
    if options.json:
        print(json.dumps(rooms, indent=2))
        return 0
    print(f"{'room':<48}{'participants':>14}{'waiting':>9}{'connected':>11}{'sources':>9}{'legs':>6}{'test legs':>11}")
    for room in rooms:
        counts = (
            f"{room['participants']:>14}{room['waiting']:>9}{room['connected']:>11}{room['sources']:>9}"
            f"{len(room['legs']):>6}{room['test_legs']:>11}"
        )
        print(f"{room['room']:<48}{counts}")
    return 0


def _report(options: argparse.Namespace) -> int:
    if options.room is None:
        raise BridgeError("no_room", "`bridge rooms report` wants a room.", hint="`bridge rooms` lists them.")
    records = AdminClient(read_settings(options).data.directory).ask("report", options.room)
    if records is None:
        raise BridgeError(
            "unknown_room", "There is no such room, or nobody is in it.", hint="`bridge rooms` lists them."
        )
    output = options.output or Path("report.zip")
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in records:
            name = f"{each['session']}-{each['connection']}.flight"
            archive.writestr(name, base64.b64decode(each["record"]))
    print(f"{len(records)} flight records written to {output}")
    return 0
