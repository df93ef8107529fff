"""Keys that a development bridge prints. They stand in clear in the data directory; production takes none of them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bridge.auth.api_keys import ApiKeys
from bridge.auth.key_file import HashedKey, KeyFile, new_key_id
from bridge.auth.operator_keys import OperatorKeys
from bridge.errors import BridgeError

OPERATOR_KEY = "operator-key"
API_KEY = "sandbox-api-key"
"""Of the data directory, like `OPERATOR_KEY`: a key in clear."""


def printed_key(
    keys: KeyFile[Any],
    path: Path,
    make: Callable[[str], tuple[HashedKey, str]],
    note: Callable[[str], None],
) -> str:
    """The key whose text `path` holds: the same at each start, unless it was revoked; then `make` makes one of an id.

    `note` writes down before that that a key of this id is made. Raises what it raises, `BridgeError` or `OSError`.
    """
    text = _read(path)
    if keys.find(text) is not None:
        return text
    key_id = new_key_id()
    # The log first: what would leave no trace does not happen.
    note(key_id)
    _, text = make(key_id)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"{text}\n")
    return text


def refuse_printed_keys(data: Path) -> None:
    """Raises `BridgeError` (`development_key`) where a key that stands in clear in a data directory lets in."""
    known: tuple[tuple[str, str, KeyFile[Any]], ...] = (
        (OPERATOR_KEY, "operator", OperatorKeys(data)),
        (API_KEY, "apikey", ApiKeys(data)),
    )
    for file, command, keys in known:
        key = keys.find(_read(data / file))
        if key is not None:
            raise BridgeError(
                "development_key",
                f"The data directory was a development bridge's: the key in its file {file} still lets in.",
                field="data.directory",
                hint=f"`bridge {command} revoke --id {key.id}`, or name another directory",
            )


def _read(path: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return path.read_text(encoding="ascii", errors="replace").strip()
    return ""
