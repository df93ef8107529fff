"""Both kinds of databases, for tests that hold for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.audit import SealingKey
from bridge.storage import Place, SqlitePlace
from bridge.storage.choice import NODE_FILE, SHARED_FILE, SHARED_SCHEMA
from bridge.storage.postgresql import PostgresPlace, Server
from tests.support.postgres import Cluster, running_cluster


class Places:
    """Where the bridge of a data directory keeps what: in files of it, or on a server."""

    def __init__(self, server: Server | None = None) -> None:
        self.server = server

    @property
    def arguments(self) -> list[str]:
        """Of another process that is to use the same: to be given to `Places.of`."""
        return [] if self.server is None else list(self.server.parameters.values())

    @classmethod
    def of(cls, arguments: list[str]) -> Places:
        """See `arguments`."""
        return cls(Server(dict(zip(("host", "port", "dbname", "user"), arguments, strict=True))) if arguments else None)

    def node(self, data: Path) -> Place:
        """Its own."""
        if self.server is None:
            return SqlitePlace(data / NODE_FILE)
        return PostgresPlace(self.server, f"{SHARED_SCHEMA}_{SealingKey.load(data).checker.node}")

    def shared(self, data: Path) -> Place:
        """What others use too; here nobody else does."""
        if self.server is None:
            return SqlitePlace(data / SHARED_FILE, erase=True)
        return PostgresPlace(self.server, f"shared_{SealingKey.load(data).checker.node}")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One server for all tests of a worker; whoever stops it starts it again."""
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def on_postgres(cluster: Cluster) -> Places:
    """A database of that server, with a schema for each data directory."""
    return Places(cluster.server(cluster.database()))


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def places(request: pytest.FixtureRequest) -> Places:
    """Either."""
    if request.param == "sqlite":
        return Places()
    found: Places = request.getfixturevalue("on_postgres")
    return found
