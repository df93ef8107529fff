"""Roles, what each may do and how it enters. The operator's `roles.toml` sets both; a token may only narrow them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from bridge.errors import BridgeError


class Grant(StrEnum):
    """One thing that a participant may do.

    Whoever tries what takes a grant that it has not is answered with `not_granted`, which names the grant.
    """

    PUBLISH_CAMERA = "publish_camera"
    PUBLISH_MICROPHONE = "publish_microphone"
    PUBLISH_SCREEN = "publish_screen"
    SUBSCRIBE = "subscribe"
    CHAT = "chat"
    CAPTION = "caption"
    """Write what is said, for those who do not hear it."""
    HOST = "host"
    """Let in, refuse, remove, mute others, lock and end."""
    INVITE = "invite"
    """Have a link made for somebody who is to come. Whoever has the grant `host` may, too."""
    PROPOSE = "propose"
    """Propose somebody whom hosts then invite or not."""
    RECORD = "record"
    """Ask the others for their consent to a recording."""
    STILL = "still"
    """Ask somebody for a still picture of their camera."""


class Entrance(StrEnum):
    """Where somebody who joins finds themselves."""

    DIRECT = "direct"
    """In the room."""
    LOBBY = "lobby"
    """In front of it, until a host lets them in."""


class View(StrEnum):
    """How somebody gets the pictures of the others."""

    SEPARATE = "separate"
    """Each on its own."""
    COMPOSED = "composed"
    """All in one: for a room system, which shows one."""
    AUTO = "auto"
    """As their line allows."""


@dataclass(frozen=True, slots=True)
class Role:
    """What the operator says of a role."""

    grants: frozenset[str]
    enters: Entrance
    may_host: bool = False
    """Whether a host may hand its office over to this role."""
    consents: bool = True
    """Whether a recording waits for this role's consent: a room system and the recorder itself are no persons."""
    view: View | None = None
    """How it gets the pictures of the others unless its client says so; None for each on its own."""


_MEDIA = frozenset({Grant.PUBLISH_CAMERA, Grant.PUBLISH_MICROPHONE, Grant.SUBSCRIBE})
_PERSON = _MEDIA | {Grant.CHAT, Grant.PROPOSE}
_GUEST = _PERSON | {Grant.PUBLISH_SCREEN}
_HOST = _GUEST | {Grant.CAPTION, Grant.HOST, Grant.RECORD, Grant.STILL}


def _role(
    grants: frozenset[Grant],
    enters: Entrance = Entrance.LOBBY,
    *,
    may_host: bool = False,
    consents: bool = True,
    view: View | None = None,
) -> Role:
    return Role(frozenset(grant.value for grant in grants), enters, may_host, consents, view)


DEFAULT_ROLES: Mapping[str, Role] = {
    **{
        role: _role(_HOST, Entrance.DIRECT, may_host=True)
        for role in ("fastlege", "legevaktlege", "spesialist", "helsepersonell")
    },
    "pasient": _role(_GUEST | {Grant.RECORD}),
    "parorende": _role(_GUEST),
    "tolk": _role(_PERSON | {Grant.CAPTION}),
    "dovetolk": _role(_GUEST | {Grant.CAPTION}),
    "nav": _role(_GUEST),
    "assistent": _role(_GUEST),
    "rom": _role(_MEDIA | {Grant.PUBLISH_SCREEN}, Entrance.DIRECT, consents=False, view=View.COMPOSED),
    "opptak": _role(frozenset({Grant.SUBSCRIBE}), Entrance.DIRECT, consents=False),
}
"""The roles where the operator has no file; the same as in `configs/roles.toml`, where they are explained."""


class RoleError(BridgeError):
    """The roles file says something that cannot be meant. Codes: `unknown_grant`, `invalid_role`."""


def parse_roles(document: Mapping[str, Any]) -> dict[str, Role]:
    """Reads the parsed `roles.toml`, a table per role as `Role` has it. Raises `RoleError` naming the place."""
    roles = {name: _parse_role(name, table) for name, table in document.items()}
    if not roles:
        raise RoleError("invalid_role", "There has to be at least one role.")
    return roles


def _parse_role(name: str, table: object) -> Role:
    if not isinstance(table, Mapping):
        raise RoleError("invalid_role", "A role is a table.", field=name)
    unknown = set(table) - {"grants", "enters", "may_host", "consents", "view"}
    if unknown or not isinstance(table.get("grants"), list):
        raise RoleError(
            "invalid_role",
            "A role has a list `grants`, and may have `enters`, `may_host`, `consents` and `view`.",
            field=".".join([name, *sorted(unknown)[:1]]),
        )
    enters = table.get("enters", Entrance.LOBBY.value)
    if enters not in list(Entrance):
        raise RoleError("invalid_role", 'It is "lobby" or "direct".', field=f"{name}.enters")
    view = table.get("view")
    if view is not None and view not in list(View):
        raise RoleError("invalid_role", 'It is "separate", "composed" or "auto".', field=f"{name}.view")
    for flag in ("may_host", "consents"):
        if not isinstance(table.get(flag, True), bool):
            raise RoleError("invalid_role", "It is true or false.", field=f"{name}.{flag}")
    grants = frozenset(_grant(name, index, value) for index, value in enumerate(table["grants"]))
    return Role(
        grants,
        Entrance(enters),
        table.get("may_host", False),
        table.get("consents", True),
        None if view is None else View(view),
    )


def _grant(role: str, index: int, value: object) -> str:
    known = [grant.value for grant in Grant]
    if value in known:
        return str(value)
    near = get_close_matches(str(value), known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Grants are: {', '.join(known)}."
    raise RoleError("unknown_grant", f"There is no grant {value!r}.", field=f"{role}.grants[{index}]", hint=hint)
