"""The OpenAPI 3.1 document, made of the types that are sent and answered and of one table of operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from bridge.signaling.rest import resources
from bridge.signaling.rest.parameters import DEFAULT_LIMIT, MAX_LIMIT

REFERENCE = "#/components/schemas/{name}"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    name: str
    summary: str
    answer: type | None
    status: int = 200
    body: type | None = None
    query: tuple[str, ...] = ()
    refusals: tuple[int, ...] = ()
    """Besides those that every operation has."""


OPERATIONS = (
    Operation("get", "/v1/rooms", "listRooms", "Rooms that are open", resources.Rooms, query=("after", "limit")),
    Operation("get", "/v1/rooms/{room}", "getRoom", "One room", resources.Room, refusals=(404,)),
    Operation("delete", "/v1/rooms/{room}", "endRoom", "End the call for everyone", None, 204, refusals=(404,)),
    Operation(
        "get",
        "/v1/rooms/{room}/participants",
        "listParticipants",
        "Who is in a room, and who waits",
        resources.Participants,
        refusals=(404,),
    ),
    Operation(
        "delete",
        "/v1/rooms/{room}/participants/{participant}",
        "removeParticipant",
        "Take someone out, who may not come back by the same token",
        None,
        204,
        refusals=(404,),
    ),
    Operation(
        "post",
        "/v1/tokens",
        "createToken",
        "A join token",
        resources.Token,
        201,
        resources.TokenRequest,
        refusals=(408, 413, 415),
    ),
    Operation(
        "get",
        "/v1/events",
        "readEvents",
        "What happened, from a cursor on",
        resources.Events,
        query=("after", "limit"),
        refusals=(410,),
    ),
)

_QUERY: dict[str, dict[str, Any]] = {
    "after": {"schema": {"type": "string"}, "description": "`next` of the answer before."},
    "limit": {"schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}},
}
_PATH: dict[str, dict[str, Any]] = {
    "room": {"schema": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$"}},
    "participant": {"schema": {"type": "string", "minLength": 1}},
}
_EVERYWHERE = (400, 401, 429, 500, 503)
"""Refusals that any operation may answer with."""


def document(version: str) -> dict[str, Any]:
    """The document, for the bridge of this version."""
    types = [cls for operation in OPERATIONS for cls in (operation.answer, operation.body) if cls is not None]
    schemas, components = msgspec.json.schema_components([*types, resources.Problem], ref_template=REFERENCE)
    of_type = dict(zip([*types, resources.Problem], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, of_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "The bridge", "version": version, "description": "The API of vendors' servers."},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "vendor": {"type": "http", "scheme": "bearer", "description": "An API key, or a vendor's own token."}
            },
        },
        "security": [{"vendor": []}],
    }


def _operation(operation: Operation, schemas: dict[type, dict[str, Any]]) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done."}
    if operation.answer is not None:
        done["content"] = {"application/json": {"schema": schemas[operation.answer]}}
    refused = {
        "description": "A refusal: `code` says which.",
        "content": {"application/problem+json": {"schema": schemas[resources.Problem]}},
    }
    responses = {str(operation.status): done}
    responses |= {str(status): refused for status in sorted({*_EVERYWHERE, *operation.refusals})}
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": responses,
    }
    parameters = [
        {"name": name, "in": "path", "required": True, **_PATH[name]}
        for name in _PATH
        if f"{{{name}}}" in operation.path
    ]
    parameters += [{"name": name, "in": "query", **_QUERY[name]} for name in operation.query]
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas[operation.body]}},
        }
    return described
