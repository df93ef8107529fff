"""What the settings say of where the bridge keeps things."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.configuration import SettingsError
from bridge.settings import Settings, StorageSettings
from bridge.storage.database import Place
from bridge.storage.sqlite import SqlitePlace

if TYPE_CHECKING:
    from bridge.storage.postgresql import Server

NODE_FILE = "bridge.sqlite3"
"""In the data directory: what this bridge alone writes to, such as its audit log."""
SHARED_FILE = "invitations.sqlite3"
"""In the data directory: what any bridge of a deployment may use. Names stand in it, which are gone when an invitation
is, while the log is kept for years and handed on; hence a file of its own."""
SHARED_SCHEMA = "bridge"
PARAMETERS = ("host", "port", "dbname", "user", "channel_binding", "require_auth")
"""Of libpq, which `storage.url` may hold."""
_SUCH_AS = "such as postgresql://bridge@db.example/bridge"


class Storage:
    """Files in the data directory, or schemas of the server that `storage.url` names."""

    def __init__(self, settings: Settings) -> None:
        """Connects to nothing yet. Raises `SettingsError`."""
        self._data = settings.data.directory
        self.server = None if settings.storage.url is None else _server(settings.storage, settings.storage.url)

    def node(self, node: str) -> Place:
        """Where the bridge of that id (`SealChecker.node`) keeps what is its own."""
        if self.server is None:
            return SqlitePlace(self._data / NODE_FILE)
        from bridge.storage.postgresql import PostgresPlace

        return PostgresPlace(self.server, f"{SHARED_SCHEMA}_{node}")

    def shared(self) -> Place:
        """Where all bridges of a deployment keep what any of them may use."""
        if self.server is None:
            return SqlitePlace(self._data / SHARED_FILE, erase=True)
        from bridge.storage.postgresql import PostgresPlace

        return PostgresPlace(self.server, SHARED_SCHEMA)


def _server(settings: StorageSettings, url: str) -> Server:
    # Not imported where SQLite is used.
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    from bridge.storage.postgresql import Server

    try:
        parameters = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except psycopg.ProgrammingError:
        # What libpq says of it quotes it, and there may be a password in it.
        raise _wrong("This cannot be read as a URL.", "url", _SUCH_AS) from None
    for name in parameters:
        if name == "password":
            raise _wrong("A password does not stand in the URL.", "url", "name storage.password_file or password_env")
        if name not in PARAMETERS:
            raise _wrong(f"{name!r} cannot be set in the URL.", "url", f"known here: {', '.join(PARAMETERS)}")
    if not all(port == "" or port.isdecimal() for port in parameters.get("port", "").split(",")):
        # Not quoted either: a password with a "/" in it is taken for one.
        raise _wrong("The port in the URL is no number.", "url", _SUCH_AS)
    if "@" in parameters.get("dbname", ""):
        # The rest of such a password, where it begins with digits.
        raise _wrong("The dbname in the URL has an @ in it.", "url", _SUCH_AS)
    for name in ("host", "dbname"):
        if not parameters.get(name):
            raise _wrong(f"The URL names no {name}.", "url", _SUCH_AS)
    return Server({**parameters, **_tls(settings, parameters["host"])}, _password(settings))


def _tls(settings: StorageSettings, hosts: str) -> dict[str, str]:
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise _wrong("storage.tls_certificate and storage.tls_key go together.", "tls_key")
    if settings.tls_ca is None:
        if settings.tls_certificate is not None:
            raise _wrong("A certificate of ours goes with the server's.", "tls_ca", "name the authority of its own")
        if settings.tls and not all(_is_here(host) for host in hosts.split(",")):
            raise SettingsError(
                "missing_setting",
                "The database is on another machine, and nothing says whose certificate it has.",
                field="storage.tls_ca",
                hint="name its authority's certificate, or set storage.tls to false if the line is protected",
            )
        return {"sslmode": "disable"}
    if not settings.tls:
        raise _wrong("storage.tls is false, and storage.tls_ca is set.", "tls")
    chosen = {"sslmode": "verify-full", "sslrootcert": str(settings.tls_ca), "ssl_min_protocol_version": "TLSv1.2"}
    if settings.tls_certificate is not None and settings.tls_key is not None:
        chosen |= {"sslcert": str(settings.tls_certificate), "sslkey": str(settings.tls_key)}
    for name, path in (
        ("tls_ca", settings.tls_ca),
        ("tls_certificate", settings.tls_certificate),
        ("tls_key", settings.tls_key),
    ):
        _readable(path, name)
    return chosen


def _password(settings: StorageSettings) -> Callable[[], str | None]:
    file, variable = settings.password_file, settings.password_env
    if file is not None and variable is not None:
        raise _wrong("There is at most one of storage.password_file and storage.password_env.", "password_file")
    if variable is not None:
        if not os.environ.get(variable):
            raise _wrong("The variable is empty or not set.", "password_env")
        return lambda: os.environ.get(variable)
    if file is None:
        return lambda: None
    _readable(file, "password_file")
    return lambda: file.read_text(encoding="utf-8").strip()


def _readable(path: Path | None, name: str) -> None:
    try:
        if path is not None:
            path.read_bytes()
    except OSError as error:
        raise _wrong(f"{path}: {error.strerror}.", name) from None


def _is_here(host: str) -> bool:
    """Whether it is this machine: a folder with a Unix socket, or loopback."""
    if host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _wrong(message: str, name: str, hint: str | None = None) -> SettingsError:
    return SettingsError("invalid_setting", message, field=f"storage.{name}", hint=hint)
