"""The command `bridge recordings`."""

from __future__ import annotations

import argparse
from pathlib import Path

from bridge.audit import Entry
from bridge.audit import command as audit_log
from bridge.commands.options import add_settings, need_action, read_settings
from bridge.data_directory import need_data_directory
from bridge.errors import BridgeError
from bridge.recordings import (
    choose_stream,
    default_output,
    export_to,
    open_store,
    recordings_as_json,
    recordings_as_table,
    with_development_key,
)
from bridge.settings import Settings
from bridge.transcode.recording import CONTAINERS, RecordingInfo, new_key_line

_CONTAINER = "webm"
_TAKERS = {
    "recording": ("export", "delete", "new-key"),
    "stream": ("export",),
    "format": ("export",),
    "output": ("export",),
    "json": ("list",),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    add_settings(parser)
    parser.add_argument(
        "action",
        nargs="?",
        default="list",
        choices=["list", "export", "delete", "rotate", "new-key"],
        help="rotate: lock all recordings with the first key of the key file; new-key: print a line for that file",
    )
    parser.add_argument("recording", nargs="?", metavar="ID", help="the recording; with new-key, the key's id")
    parser.add_argument("--stream", metavar="NAME", help="with export (default: the only one that is no time line)")
    parser.add_argument(
        "--format",
        choices=CONTAINERS,
        help=f"with export: mp4 for VP9, AV1 and Opus, which are put into it as they are (default: {_CONTAINER})",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="with export (default: ID-NAME.webm, .mp4 or .jsonl)"
    )
    parser.add_argument("--json", action="store_true", help="with list: as JSON")


def run(options: argparse.Namespace) -> int:
    """Does what is asked with the recordings, or makes a key."""
    action: str = options.action
    need_action(options, "recordings", _TAKERS)
    if action in ("export", "delete", "new-key") and options.recording is None:
        raise BridgeError("no_recording", f"`bridge recordings {action}` wants an id.", field="ID")
    if action == "new-key":
        print(new_key_line(options.recording))
        return 0
    settings = read_settings(options)
    need_data_directory(settings.data.directory)
    store = open_store(with_development_key(settings, create=False))
    if action == "list":
        print(recordings_as_json(store.recordings()) if options.json else recordings_as_table(store.recordings()))
    elif action == "export":
        info = store.info(options.recording)
        stream = choose_stream(info, options.stream)
        container = options.format or _CONTAINER
        output = options.output or default_output(info, stream, container)
        # The log first: what would leave no trace does not happen.
        _note(settings, "recording_exported", info, stream=stream.name)
        written = export_to(store, info.id, stream.name, output, container)
        print(f"{written} bytes written to {output}")
    elif action == "delete":
        info = store.info(options.recording)
        # Nor must what is refused stand in the log as done.
        store.need_ended(info.id)
        _note(settings, "recording_deleted", info)
        store.delete(info.id)
        print("deleted: its key first, then the rest")
    else:
        print(f"{len(list(store.rotate()))} recordings are now locked with the first key of the key file")
    return 0


def _note(settings: Settings, kind: str, info: RecordingInfo, **details: str) -> None:
    """Writes down what is about to be done, as by REST. Raises `BridgeError`, `OSError`: then it is not done."""
    entry = Entry(kind, info.tenant, info.room, actor="operator", details={"recording_id": info.id, **details})
    audit_log.note(settings, entry)
