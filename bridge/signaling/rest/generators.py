"""The schemas of bodies in words that generators of clients understand.

What msgspec writes is right, but openapi-generator ends at `anyOf` with a `null` in it, and openapi-typescript takes
whatever has a `default` for something that is always there, so that each request would have to give all of it.
"""

from __future__ import annotations

from typing import Any

_NULL = {"type": "null"}


def for_generators(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with a `type` wherever there can be one, and with defaults told in words."""
    told = {key: _inner(value) for key, value in schema.items()}
    if "anyOf" in told:
        told = _joined(told)
    elif "enum" in told and "type" not in told:
        told["type"] = "string"
    default = told.pop("default", None)
    if default not in (None, ""):
        text = "true" if default is True else "false" if default is False else default
        told["description"] = " ".join(filter(None, (told.get("description"), f"Without it: {text}.")))
    return told


def _inner(value: Any) -> Any:
    if isinstance(value, dict):
        # A property may be called `default` or `enum`: names are told from keywords by what holds them.
        return for_generators(value) if _is_schema(value) else {key: _inner(each) for key, each in value.items()}
    return [_inner(each) for each in value] if isinstance(value, list) else value


def _is_schema(value: dict[str, Any]) -> bool:
    return any(isinstance(value.get(key), str | list) for key in ("type", "enum", "anyOf", "$ref"))


def _joined(schema: dict[str, Any]) -> dict[str, Any]:
    """`anyOf` as one schema with several types, where the parts allow for it."""
    parts = [part for part in schema["anyOf"] if part != _NULL]
    null = ["null"] if len(parts) < len(schema["anyOf"]) else []
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if len(parts) == 1 and "type" in parts[0]:
        joined = {**parts[0], **rest, "type": [parts[0]["type"], *null]}
        if "enum" in joined and null:
            joined["enum"] = [*joined["enum"], None]
        return joined
    if all(set(part) == {"type"} for part in parts):
        # A list of several types is a class of its own to openapi-generator, which then cannot read it in a list.
        kinds = ", ".join([*(part["type"] for part in parts), *null])
        return {"description": f"Of these types: {kinds}.", **rest}
    return schema
