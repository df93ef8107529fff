"""What may stand in storage.url and beside it, and what is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.configuration import SettingsError
from bridge.settings import load_settings
from bridge.storage import SqlitePlace, Storage

REMOTE = "postgresql://bridge@db.example/bridge"
LOCAL = "postgresql://bridge@/bridge?host=/run/postgresql"


def storage(data: Path, **options: str) -> Storage:
    given = {"data.directory": str(data), **{f"storage.{name}": text for name, text in options.items()}}
    return Storage(load_settings(environment={}, options={key: ("test", text) for key, text in given.items()}))


def test_files_of_the_data_directory_are_the_default(tmp_path: Path) -> None:
    chosen = storage(tmp_path)
    assert chosen.node("any") == SqlitePlace(tmp_path / "bridge.sqlite3")
    assert chosen.shared() == SqlitePlace(tmp_path / "invitations.sqlite3", erase=True)


def test_each_node_has_a_schema_and_invitations_are_shared(tmp_path: Path) -> None:
    chosen = storage(tmp_path, url=LOCAL)
    assert chosen.node("one").name == "PostgreSQL at /run/postgresql, database bridge, schema bridge_one"
    assert chosen.shared().name.endswith("schema bridge")


def test_another_machine_is_reached_by_tls_unless_the_operator_says_else(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("")
    verified = storage(tmp_path, url=REMOTE, tls_ca=str(authority)).server
    assert verified is not None
    assert (verified.parameters["sslmode"], verified.parameters["sslrootcert"]) == ("verify-full", str(authority))
    for options in ({"url": REMOTE, "tls": "false"}, {"url": LOCAL}, {"url": "postgresql://b@127.0.0.1:1,[::1]/b"}):
        server = storage(tmp_path, **options).server
        assert server is not None
        assert server.parameters["sslmode"] == "disable"


def test_a_password_is_read_for_each_connection_and_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("first\n")
    server = storage(tmp_path, url=LOCAL, password_file=str(file)).server
    assert server is not None
    assert server.password() == "first"
    file.write_text("second\n")
    assert server.password() == "second"
    assert "second" not in repr(server)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"url": "mysql://bridge@db.example/bridge"}, "storage.url"),
        ({"url": "postgresql://bridge@db.example:port/bridge"}, "storage.url"),
        ({"url": "postgresql://bridge:secret@db.example/bridge"}, "storage.url"),
        ({"url": "postgresql://bridge:%secret@db.example/bridge"}, "storage.url"),
        ({"url": "postgresql://bridge:secret%00@db.example/bridge"}, "storage.url"),
        ({"url": "postgresql://bridge:secret/9@db.example/bridge"}, "storage.url"),
        ({"url": "postgresql://bridge:9/secret@db.example/bridge"}, "storage.url"),
        ({"url": f"{REMOTE}?sslmode=disable"}, "storage.url"),
        ({"url": "postgresql:///bridge"}, "storage.url"),
        ({"url": "postgresql://db.example"}, "storage.url"),
        ({"url": REMOTE}, "storage.tls_ca"),
        ({"url": "postgresql://b@127.0.0.1,db.example/b"}, "storage.tls_ca"),
        ({"url": REMOTE, "tls_ca": "/none"}, "storage.tls_ca"),
        ({"url": REMOTE, "tls": "false", "tls_ca": "/none"}, "storage.tls"),
        ({"url": REMOTE, "tls_certificate": "/none"}, "storage.tls_key"),
        ({"url": LOCAL, "password_file": "/none"}, "storage.password_file"),
        ({"url": LOCAL, "password_env": "NO_SUCH_VARIABLE"}, "storage.password_env"),
        ({"url": LOCAL, "password_env": "A", "password_file": "/none"}, "storage.password_file"),
    ],
)
def test_what_does_not_hold_together_is_refused_by_its_name(
    tmp_path: Path, options: dict[str, str], field: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        storage(tmp_path, **options)
    assert refused.value.field == field
    assert "secret" not in str(refused.value)
