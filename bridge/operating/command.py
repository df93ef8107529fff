"""The commands `bridge operator` and `bridge drain`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bridge.audit import Entry
from bridge.auth.key_file import new_key_id
from bridge.auth.operator_keys import RIGHTS, OperatorKeys
from bridge.data_directory import make_data_directory, need_data_directory
from bridge.errors import BridgeError
from bridge.observability import AdminClient

Note = Callable[[Entry], None]
"""Writes an administrator's act into the audit log. Raises `AuditError`."""

LISTED = "`bridge operator list` shows them."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `bridge operator` takes besides settings."""
    parser.add_argument("action", choices=["create", "list", "revoke"])
    parser.add_argument("--id", metavar="ID", help="with revoke: which, as `bridge operator list` names it")
    parser.add_argument("--label", default="", metavar="TEXT", help="with create: whose it is")
    parser.add_argument(
        "--right",
        action="append",
        default=[],
        choices=RIGHTS,
        help="with create: what it allows besides looking; drain: to have the bridge take no new calls",
    )


def manage(options: argparse.Namespace, data: Path, note: Note) -> Iterator[str]:
    """Makes, lists or revokes operator keys; the lines to print. Raises `BridgeError` or `OSError`."""
    keys = OperatorKeys(data)
    if options.action != "create":
        need_data_directory(data)
    if options.action == "revoke" and options.id is None:
        raise BridgeError("no_id", "`bridge operator revoke` wants an id.", field="--id", hint=LISTED)
    if options.action == "list":
        for key in keys.list():
            state = "active" if key.revoked_at is None else "revoked"
            made = time.strftime("%Y-%m-%d", time.gmtime(key.created_at))
            yield f"{key.id}  {made}  {state:<8}  {','.join(key.rights) or '-':<8}  {key.label}"
    elif options.action == "revoke":
        key = keys.get(options.id)
        # The log first: what would leave no trace does not happen.
        note(Entry("operator_key_revoked", actor="operator", details={"key": key.id}))
        keys.revoke(key.id)
        yield f"{key.id} lets nobody in any more"
    else:
        make_data_directory(data)
        key_id = new_key_id()
        details = {"key": key_id, **({"rights": ",".join(options.right)} if options.right else {})}
        note(Entry("operator_key_created", actor="operator", details=details))
        yield keys.create(options.label, key_id=key_id, rights=options.right)[1]


def drain(data: Path, *, undo: bool) -> str:
    """Has the running bridge drain, or take calls again; says so in a sentence. Raises `AdminError`."""
    client = AdminClient(data)
    client.ask("drain", "off" if undo else "on")
    if undo:
        return "The bridge takes new calls again."
    rooms = len(client.ask("rooms"))
    return f"The bridge takes no new calls. Open rooms: {rooms}; `bridge rooms` shows them."
