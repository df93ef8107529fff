"""The command `bridge apikey`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bridge.audit import Entry
from bridge.auth.api_keys import SCOPES, ApiKeys
from bridge.auth.key_file import new_key_id
from bridge.data_directory import make_data_directory, need_data_directory
from bridge.errors import BridgeError
from bridge.operating.command import Note

LISTED = "`bridge apikey list` shows them."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes besides settings."""
    parser.add_argument("action", choices=["create", "list", "revoke"])
    parser.add_argument("--id", metavar="ID", help="with revoke: which, as `bridge apikey list` names it")
    parser.add_argument("--tenant", metavar="TENANT", help="with create: whose rooms it opens")
    parser.add_argument("--label", default="", metavar="TEXT", help="with create: what it is for")
    parser.add_argument(
        "--scope",
        action="append",
        default=[],
        choices=SCOPES,
        help="with create: what it opens besides rooms; recordings: to list, export and delete them; test-legs: to "
        "have programs join",
    )


def manage(options: argparse.Namespace, data: Path, note: Note, served: Sequence[str]) -> Iterator[str]:
    """Makes, lists or revokes API keys; the lines to print. Raises `BridgeError` or `OSError`.

    `served` are the tenants that a key can be for.
    """
    keys = ApiKeys(data)
    if options.action != "create":
        need_data_directory(data)
    if options.action == "revoke" and options.id is None:
        raise BridgeError("no_id", "`bridge apikey revoke` wants an id.", field="--id", hint=LISTED)
    if options.action == "list":
        for key in keys.list():
            lets_in = "active" if key.tenant in served else "no tenant"
            state = lets_in if key.revoked_at is None else "revoked"
            made = time.strftime("%Y-%m-%d", time.gmtime(key.created_at))
            scopes = ",".join(key.scopes) or "-"
            yield f"{key.id}  {made}  {state:<9}  {key.tenant:<24}  {scopes:<12}  {key.label}"
    elif options.action == "revoke":
        key = keys.get(options.id)
        # The log first: what would leave no trace does not happen.
        note(Entry("api_key_revoked", key.tenant, actor="operator", details={"key": key.id}))
        keys.revoke(key.id)
        yield f"{key.id} lets nobody in any more"
    else:
        if options.tenant not in served:
            raise BridgeError(
                "unknown_tenant",
                f"--tenant {options.tenant or ''!r}: expected one of: {', '.join(served)}.",
                hint="See tokens.issuers.",
            )
        make_data_directory(data)
        key_id = new_key_id()
        details = {"key": key_id, **({"scopes": ",".join(options.scope)} if options.scope else {})}
        note(Entry("api_key_created", options.tenant, actor="operator", details=details))
        yield keys.create(options.tenant, options.label, key_id=key_id, scopes=options.scope)[1]
