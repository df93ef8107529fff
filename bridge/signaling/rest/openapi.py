"""The OpenAPI 3.1 document, made from the operations and the types of their bodies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bridge.signaling.rest.bodies import Name, Problem
from bridge.signaling.rest.generators import for_generators
from bridge.signaling.rest.paging import DEFAULT_LIMIT, MAX_CURSOR, MAX_LIMIT

_REF = "#/components/schemas/{name}"

_PATH_PARAMETERS: dict[str, dict[str, Any]] = {
    "room": msgspec.json.schema(Name),
    "participant": {"type": "string", "minLength": 1, "maxLength": 64},
    "kind": {"type": "string", "enum": ["recording", "video"]},
    "queue": msgspec.json.schema(Name),
    "invitation": {"type": "string", "minLength": 1, "maxLength": 64},
    "recording": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "test_leg": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
    "stream": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,63}$"},
}
_FILTERS: dict[str, dict[str, Any]] = {
    "room": {**msgspec.json.schema(Name), "description": "Of this room only."},
    "type": {"type": "string", "maxLength": 64, "description": "Of this type only."},
    "record": {"type": "string", "enum": ["call", "session"], "description": "Of this kind only."},
    "from": {"type": "string", "description": "Of what ended then or later: a date, or an instant of RFC 3339."},
    "to": {"type": "string", "description": "Of what ended before then."},
    "format": {
        "type": "string",
        "enum": ["webm", "mp4"],
        "default": "webm",
        "description": "Of pictures and sounds.",
    },
}
_PAGING: list[dict[str, Any]] = [
    {
        "name": "limit",
        "in": "query",
        "description": "How many there are on a page at most.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    },
    {
        "name": "cursor",
        "in": "query",
        "description": "`next_cursor` of the page before.",
        "schema": {"type": "string", "maxLength": MAX_CURSOR},
    },
]
_IDEMPOTENCY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Another text for each request. The same again, within a day, gets the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that the API does."""

    id: str
    method: str
    path: str
    summary: str
    status: int
    """Of success."""
    answer: type | None = None
    body: type | None = None
    paged: bool = False
    filters: tuple[str, ...] = ()
    """Query parameters of its own: most narrow a list."""
    media_types: tuple[str, ...] = ()
    """Of an answer that is no JSON."""
    refusals: tuple[int, ...] = ()
    """Statuses besides those that every operation has."""

    @property
    def query_parameters(self) -> tuple[str, ...]:
        """All that its query may hold."""
        return (*(each["name"] for each in _PAGING if self.paged), *self.filters)


def document(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    """The OpenAPI document of `operations`."""
    types = [type_ for each in operations for type_ in (each.answer, each.body) if type_ is not None]
    _, components = msgspec.json.schema_components([*types, Problem], ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "The bridge", "version": version, "summary": "What vendors' servers may ask of the bridge."},
        "paths": paths,
        "components": {
            "schemas": {name: for_generators(schema) for name, schema in components.items()},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key, or a signed vendor token."}
            },
        },
        "security": [{"key": []}],
    }


def _described(operation: Operation) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in _PATH_PARAMETERS.items()
        if f"{{{name}}}" in operation.path
    ]
    if operation.paged:
        parameters += _PAGING
    parameters += [{"name": name, "in": "query", "schema": _FILTERS[name]} for name in operation.filters]
    if operation.method == "POST":
        parameters.append(_IDEMPOTENCY)
    done: dict[str, Any] = {"description": "Done."}
    if operation.answer is not None:
        done["content"] = {"application/json": {"schema": _ref(operation.answer)}}
    elif operation.media_types:
        done["content"] = {
            media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in operation.media_types
        }
    refused = {
        "description": "Refused.",
        "content": {"application/problem+json": {"schema": _ref(Problem)}},
    }
    statuses = sorted({400, 401, 429, 503, *operation.refusals})
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {str(operation.status): done, **{str(status): refused for status in statuses}},
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _ref(operation.body)}},
        }
    return described


def _ref(type_: type) -> dict[str, str]:
    return {"$ref": _REF.format(name=type_.__name__)}
