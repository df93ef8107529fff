"""The description of the REST API, as generators of clients read it.

openapi-generator 7.10 (Python) ended at `anyOf` with a `null` in it; openapi-typescript 7 demanded whatever has a
default of each request. openapi-python-client takes both.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.signaling.rest.generators import for_generators
from tests.signaling.test_rest import Vendors


def schemas(part: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document, its own parts included."""
    if isinstance(part, dict):
        yield part
        for each in part.values():
            yield from schemas(each)
    elif isinstance(part, list):
        for each in part:
            yield from schemas(each)


async def test_generators_understand_it(tmp_path: Path) -> None:
    vendors = Vendors(tmp_path)
    transport = httpx.ASGITransport(app=vendors.app)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as http:
            document = (await http.get("/v1/openapi.json")).json()
    finally:
        await vendors.close()
    components = document["components"]["schemas"]
    assert not [part for part in schemas(components) if "default" in part and "type" in part]
    for part in schemas(document):
        assert {"type": "null"} not in part.get("anyOf", []), part
        if isinstance(part.get("enum"), list):
            assert "type" in part, part
    request = components["TokenRequest"]
    assert sorted(request["required"]) == ["identity", "role"]
    assert request["properties"]["enters"] == {"type": ["string", "null"], "enum": ["direct", "lobby", None]}
    assert request["properties"]["ttl"]["description"].endswith("Without it: 600.")
    streams = document["paths"]["/v1/recordings/{recording}/streams/{stream}"]["get"]["responses"]["200"]["content"]
    assert streams["video/webm"] == {"schema": {"type": "string", "format": "binary"}}


@pytest.mark.parametrize(
    ("schema", "plain"),
    [
        ({"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}, {"type": ["string", "null"]}),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, {"description": "Of these types: string, integer."}),
        ({"enum": ["a"]}, {"enum": ["a"], "type": "string"}),
        ({"type": "boolean", "default": False}, {"type": "boolean", "description": "Without it: false."}),
        ({"anyOf": [{"$ref": "#/a"}, {"type": "null"}]}, {"anyOf": [{"$ref": "#/a"}, {"type": "null"}]}),
        (
            {"type": "object", "properties": {"default": {"type": "string"}, "enum": {"enum": ["a"]}}},
            {
                "type": "object",
                "properties": {"default": {"type": "string"}, "enum": {"enum": ["a"], "type": "string"}},
            },
        ),
    ],
)
def test_a_schema_means_the_same(schema: dict[str, Any], plain: dict[str, Any]) -> None:
    assert for_generators(schema) == plain
