"""Writes `docs/protocol/*.schema.json` from the message types.

`python -m bridge.signaling.websocket.messages.schema docs/protocol`
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from bridge.signaling.websocket.messages.client import ClientMessage
from bridge.signaling.websocket.messages.server import ServerMessage

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DOCUMENTS: dict[str, tuple[Any, str]] = {
    "client-message.schema.json": (ClientMessage, "A message from a client to the bridge"),
    "server-message.schema.json": (ServerMessage, "A message from the bridge to a client"),
}
"""File name to message type and title."""


def schema(file_name: str) -> dict[str, Any]:
    """The JSON Schema document (draft 2020-12) of that file name."""
    messages, title = DOCUMENTS[file_name]
    (root,), components = msgspec.json.schema_components([messages], ref_template="#/$defs/{name}")
    for definition in components.values():
        if definition.get("type") == "object":
            # Ours to be strict about on both sides: clients are told to ignore what they do not know, but the bridge
            # never sends what is not written down.
            definition["additionalProperties"] = False
    # Each message is told by its constant `type`; OpenAPI's `discriminator` adds nothing and is no part of JSON Schema.
    return {"$schema": DIALECT, "title": title, "anyOf": root["anyOf"], "$defs": components}


def text(file_name: str) -> str:
    """The file's content."""
    return json.dumps(schema(file_name), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Writes the documents into the folder named by the first argument."""
    directory = Path(sys.argv[1])
    for file_name in DOCUMENTS:
        directory.joinpath(file_name).write_text(text(file_name), encoding="utf-8")


if __name__ == "__main__":
    main()
