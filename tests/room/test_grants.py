import tomllib
from pathlib import Path
from typing import Any

import pytest

from bridge.room import DEFAULT_ROLES, Entrance, Grant, RoleError, parse_roles

DOCUMENTED = Path(__file__).parents[2] / "configs" / "roles.toml"


def test_the_documented_file_is_the_default() -> None:
    assert parse_roles(tomllib.loads(DOCUMENTED.read_text())) == DEFAULT_ROLES


TABLE = """
                direct  host  screen  chat  propose  record  consents
fastlege        yes     yes   yes     yes   yes      yes     yes
legevaktlege    yes     yes   yes     yes   yes      yes     yes
spesialist      yes     yes   yes     yes   yes      yes     yes
helsepersonell  yes     yes   yes     yes   yes      yes     yes
pasient         no      no    yes     yes   yes      yes     yes
parorende       no      no    yes     yes   yes      no      yes
tolk            no      no    no      yes   yes      no      yes
dovetolk        no      no    yes     yes   yes      no      yes
nav             no      no    yes     yes   yes      no      yes
assistent       no      no    yes     yes   yes      no      yes
rom             yes     no    yes     no    no       no      no
opptak          yes     no    no      no    no       no      no
"""
"""What each role may do where the operator says nothing else."""


def test_each_role_may_what_the_table_says() -> None:
    heading, *rows = TABLE.split("\n")[1:-1]
    for name, *cells in (row.split() for row in rows):
        role = DEFAULT_ROLES[name]
        may = {
            "direct": role.enters is Entrance.DIRECT,
            "host": Grant.HOST in role.grants,
            "screen": Grant.PUBLISH_SCREEN in role.grants,
            "chat": Grant.CHAT in role.grants,
            "propose": Grant.PROPOSE in role.grants,
            "record": Grant.RECORD in role.grants,
            "consents": role.consents,
        }
        said = dict(zip(heading.split(), (cell == "yes" for cell in cells), strict=True))
        assert (name, may) == (name, said)
    assert len(rows) == len(DEFAULT_ROLES)


def test_a_recorder_sends_nothing() -> None:
    assert DEFAULT_ROLES["opptak"].grants == {"subscribe"}


def test_the_office_of_host_stays_with_health_personnel() -> None:
    hosts = {name for name, role in DEFAULT_ROLES.items() if Grant.HOST in role.grants}
    assert {name for name, role in DEFAULT_ROLES.items() if role.may_host} == hosts


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
