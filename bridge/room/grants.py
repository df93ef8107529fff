"""Roles and what each may do. The operator's `roles.toml` sets a role's grants; a token may only narrow them."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from bridge.errors import BridgeError


class Grant(StrEnum):
    """One thing that a participant may do.

    The publish and subscribe grants are enforced by the room and the doors. `chat`, `host` and `record` are decided
    here and shown to everyone in the roster; what they open is checked by the function that needs them.
    """

    PUBLISH_CAMERA = "publish_camera"
    PUBLISH_MICROPHONE = "publish_microphone"
    PUBLISH_SCREEN = "publish_screen"
    SUBSCRIBE = "subscribe"
    CHAT = "chat"
    HOST = "host"
    """Admit, remove, mute others, lock and end."""
    RECORD = "record"
    """Ask the others for their consent to a recording."""


_MEDIA = frozenset({Grant.PUBLISH_CAMERA, Grant.PUBLISH_MICROPHONE, Grant.SUBSCRIBE})
_HOST = _MEDIA | {Grant.PUBLISH_SCREEN, Grant.CHAT, Grant.HOST, Grant.RECORD}
_GUEST = _MEDIA | {Grant.PUBLISH_SCREEN, Grant.CHAT}

DEFAULT_ROLES: Mapping[str, frozenset[str]] = {
    role: frozenset(grant.value for grant in grants)
    for role, grants in {
        "fastlege": _HOST,
        "legevaktlege": _HOST,
        "spesialist": _HOST,
        "helsepersonell": _HOST,
        "pasient": _GUEST | {Grant.RECORD},
        "parorende": _GUEST,
        "tolk": _MEDIA | {Grant.CHAT},
        "dovetolk": _GUEST,
        "nav": _GUEST,
        "assistent": _GUEST,
        "rom": _MEDIA | {Grant.PUBLISH_SCREEN},
        "opptak": frozenset({Grant.SUBSCRIBE}),
    }.items()
}
"""The roles where the operator has no file; the same as in `configs/roles.toml`, where they are explained."""


class RoleError(BridgeError):
    """The roles file says something that cannot be meant. Codes: `unknown_grant`, `invalid_role`."""


def parse_roles(document: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Reads the parsed `roles.toml`: a table per role with a list `grants`. Raises `RoleError` naming the place."""
    roles: dict[str, frozenset[str]] = {}
    for name, table in document.items():
        if not isinstance(table, Mapping) or set(table) != {"grants"} or not isinstance(table["grants"], list):
            raise RoleError("invalid_role", "A role is a table with one key, a list of grants.", field=name)
        roles[name] = frozenset(_grant(name, index, value) for index, value in enumerate(table["grants"]))
    if not roles:
        raise RoleError("invalid_role", "There has to be at least one role.")
    return roles


def _grant(role: str, index: int, value: object) -> str:
    known = [grant.value for grant in Grant]
    if value in known:
        return str(value)
    near = get_close_matches(str(value), known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Grants are: {', '.join(known)}."
    raise RoleError("unknown_grant", f"There is no grant {value!r}.", field=f"{role}.grants[{index}]", hint=hint)
