import tomllib
from pathlib import Path
from typing import Any

import pytest

from bridge.room import DEFAULT_ROLES, Entrance, Grant, RoleError, parse_roles

DOCUMENTED = Path(__file__).parents[2] / "configs" / "roles.toml"


def test_the_documented_file_is_the_default() -> None:
    assert parse_roles(tomllib.loads(DOCUMENTED.read_text())) == DEFAULT_ROLES


def test_hosts_are_health_personnel_only() -> None:
    hosts = {name for name, role in DEFAULT_ROLES.items() if Grant.HOST in role.grants}
    assert hosts == {"fastlege", "legevaktlege", "spesialist", "helsepersonell"}


def test_an_interpreter_shares_no_screen_and_a_recorder_sends_nothing() -> None:
    assert Grant.PUBLISH_SCREEN not in DEFAULT_ROLES["tolk"].grants
    assert DEFAULT_ROLES["opptak"].grants == {"subscribe"}


def test_all_but_hosts_and_machines_wait_in_the_lobby() -> None:
    direct = {name for name, role in DEFAULT_ROLES.items() if role.enters is Entrance.DIRECT}
    assert direct == {"fastlege", "legevaktlege", "spesialist", "helsepersonell", "rom", "opptak"}
    assert not DEFAULT_ROLES["pasient"].may_host


@pytest.mark.parametrize(
    ("document", "field", "hint"),
    [
        ({}, None, None),
        ({"nurse": 1}, "nurse", None),
        ({"nurse": {}}, "nurse", None),
        ({"nurse": {"grants": "chat"}}, "nurse", None),
        ({"nurse": {"grants": [], "color": "red"}}, "nurse.color", None),
        ({"nurse": {"grants": [], "enters": "window"}}, "nurse.enters", None),
        ({"nurse": {"grants": [], "may_host": "yes"}}, "nurse.may_host", None),
        ({"nurse": {"grants": ["chat", "subscibe"]}}, "nurse.grants[1]", "Did you mean 'subscribe'?"),
        ({"nurse": {"grants": [7]}}, "nurse.grants[0]", None),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(document: dict[str, Any], field: str | None, hint: str | None) -> None:
    with pytest.raises(RoleError) as caught:
        parse_roles(document)
    assert caught.value.field == field
    assert hint is None or caught.value.hint == hint
