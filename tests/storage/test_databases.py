"""The port to databases: the same of each, and what is a server's own."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from bridge.development_certificate import development_certificate
from bridge.machine_check import Status, check_machine
from bridge.settings import load_settings
from bridge.storage import NewerVersionError, Storage, StorageError, in_thread, in_time, threads
from bridge.storage.postgresql import PostgresPlace
from loadtest.ports import free_port
from tests.support.patience import PATIENCE
from tests.support.places import Places
from tests.support.postgres import Cluster
from tests.support.processes import working_in

FIRST = "CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY, size INTEGER NOT NULL, body BLOB, at REAL)"
SECOND = "ALTER TABLE things ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey'; CREATE INDEX by_size ON things (size)"


def test_values_come_back_as_they_were(places: Places, tmp_path: Path) -> None:
    database = places.node(tmp_path).connect()
    database.migrate("things", [FIRST])
    row = ("Øystein % ? 🙂", 2**63 - 1, bytes(range(256)), 0.1)
    database.execute("INSERT INTO things VALUES (?, ?, ?, ?)", row)
    database.execute("INSERT INTO things VALUES (?, ?, ?, ?)", ("none", -1, None, None))
    assert database.execute("SELECT * FROM things ORDER BY size DESC").rows == [row, ("none", -1, None, None)]
    assert database.execute("UPDATE things SET size = 0").count == 2
    # In the order of code points, whatever the machine's language.
    assert database.execute("SELECT name FROM things WHERE name > ? ORDER BY name", ("a",)).count == 2
    database.close()
    with pytest.raises(StorageError):
        database.execute("SELECT 1")


def test_tables_are_taken_step_by_step_and_stores_have_versions_of_their_own(places: Places, tmp_path: Path) -> None:
    place = places.node(tmp_path)
    old = place.connect()
    old.migrate("things", [FIRST])
    old.execute("INSERT INTO things (name, size) VALUES ('old', 1)")
    old.close()
    new = place.connect()
    new.migrate("things", [FIRST, SECOND])
    new.migrate("things", [FIRST, SECOND])
    assert new.execute("SELECT name, colour FROM things").rows == [("old", "grey")]
    assert (new.version("things"), new.version("others")) == (2, 0)
    with pytest.raises(NewerVersionError):
        new.migrate("things", [FIRST])
    # A step that fails changes nothing.
    with pytest.raises(StorageError):
        new.migrate("things", [FIRST, SECOND, "DELETE FROM things; CREATE TABLE things (a TEXT)"])
    assert new.execute("SELECT count(*) FROM things").rows == [(1,)]
    new.close()


def test_transactions_of_a_place_run_one_after_the_other(places: Places, tmp_path: Path) -> None:
    place = places.node(tmp_path)
    first = place.connect()
    first.migrate("things", [FIRST])
    first.execute("INSERT INTO things (name, size) VALUES ('count', 0)")

    def count(_: int) -> None:
        database = place.connect(durable=False)
        for _ in range(10):
            with database.transaction():
                [(size,)] = database.execute("SELECT size FROM things").rows
                database.execute("UPDATE things SET size = ?", (size + 1,))
        database.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(count, range(4)))
    snapshot = place.snapshot()
    assert list(snapshot.stream("SELECT size FROM things")) == [(40,)]
    first.execute("UPDATE things SET size = 0")
    assert list(snapshot.stream("SELECT size FROM things")) == [(40,)]
    with pytest.raises(StorageError):
        snapshot.execute("DELETE FROM things")
    snapshot.close()
    with pytest.raises(StorageError), first.transaction():  # noqa: PT012 - the error is the last thing in it
        first.execute("UPDATE things SET size = 7")
        first.execute("no SQL")
    assert first.execute("SELECT size FROM things").rows == [(0,)]
    first.close()


def test_an_error_tells_nothing_of_what_is_in_the_rows(places: Places, tmp_path: Path) -> None:
    database = places.node(tmp_path).connect()
    database.migrate("things", [FIRST])
    name = "Kari"
    database.execute("INSERT INTO things (name, size) VALUES (?, 1)", (name,))
    for statement in ("INSERT INTO things (name, size) VALUES (?, 1)", "INSERT INTO things (name) VALUES (?)"):
        with pytest.raises(StorageError) as refused:
            database.execute(statement, (name,))
        assert name not in "".join(traceback.format_exception(refused.value))
    database.close()


def test_bridges_that_begin_at_once_make_their_tables_once(on_postgres: Places) -> None:
    assert on_postgres.server is not None
    place = PostgresPlace(on_postgres.server, "begun_at_once")

    def begin(_: int) -> int:
        database = place.connect()
        database.migrate("things", [FIRST, SECOND])
        version = database.version("things")
        database.close()
        return version

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(begin, range(4))) == [2] * 4


def test_what_reads_only_asks_for_a_server_that_takes_writes_first(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, asked, connect = cluster.server(cluster.database()), [], psycopg.connect

    def asking(conninfo: str, **options: Any) -> psycopg.Connection[Any]:
        if "target_session_attrs" in conninfo:
            asked.append(conninfo_to_dict(conninfo)["target_session_attrs"])
        return connect(conninfo, **options)

    monkeypatch.setattr("psycopg.connect", asking)
    place = PostgresPlace(server, "read")
    assert not place.exists()
    assert asked == ["read-write"]
    # As a standby is, where nothing else can be reached.
    cluster.sql(f"ALTER DATABASE {server.parameters['dbname']} SET default_transaction_read_only = on")
    assert not place.exists()
    assert asked == ["read-write", "read-write", "any"]


def test_a_role_that_may_make_nothing_is_found_by_the_check(cluster: Cluster, tmp_path: Path) -> None:
    name = cluster.database()

    def check() -> tuple[Status, str]:
        given = {"storage.url": cluster.url(name), "data.directory": str(tmp_path)}
        settings = load_settings(environment={}, options={key: ("test", text) for key, text in given.items()})
        [found] = [each for each in check_machine(settings, development=True) if each.name == "database"]
        return found.status, found.detail

    # The server of the tests has fsync off.
    status, detail = check()
    assert (status, "socket: fsync is off" in detail) == (Status.WARN, True)
    cluster.sql(f"ALTER DATABASE {name} OWNER TO postgres")
    status, detail = check()
    assert (status, "CREATE" in detail) == (Status.FAIL, True)
    # The server may still be at ending the connection of the check.
    cluster.sql(f"DROP DATABASE {name} WITH (FORCE)")
    status, detail = check()
    assert (status, "does not exist" in detail) == (Status.FAIL, True)


def test_a_server_is_known_by_its_certificate_and_knows_the_bridge_by_a_password(
    cluster: Cluster, tmp_path: Path
) -> None:
    name = cluster.database()
    cluster.sql("CREATE ROLE remote LOGIN PASSWORD 'right'")
    cluster.sql(f"ALTER DATABASE {name} OWNER TO remote")
    ca, key = development_certificate(tmp_path, ["127.0.0.1"])
    for made, file in ((ca, "server.crt"), (key, "server.key")):
        path = cluster.folder / "data" / file
        path.write_bytes(made.read_bytes())
        path.chmod(0o600)
        if cluster.owner is not None:
            shutil.chown(path, cluster.owner)
    hba = cluster.folder / "data" / "pg_hba.conf"
    usual_hba = hba.read_bytes()
    hba.write_text("local all all trust\nhostssl all remote 127.0.0.1/32 scram-sha-256\n")
    usual, cluster.port = cluster.port, free_port()
    cluster.stop()
    try:
        cluster.start("listen_addresses=127.0.0.1", "ssl=on")
        (tmp_path / "other").mkdir()
        other, _ = development_certificate(tmp_path / "other", ["127.0.0.1"])
        password = tmp_path / "password"
        url = f"postgresql://remote@127.0.0.1:{cluster.port}/{name}"

        def reach(trusted: Path, secret: str) -> str:
            password.write_text(secret)
            given = {"storage.url": url, "storage.tls_ca": str(trusted), "storage.password_file": str(password)}
            settings = load_settings(environment={}, options={key: ("test", text) for key, text in given.items()})
            server = Storage(settings).server
            assert server is not None
            return server.examine().line

        assert reach(ca, "right\n") == "TLS"
        for trusted, secret, why in ((ca, "wrong", "password"), (other, "right", "certificate")):
            with pytest.raises(StorageError, match=why):
                reach(trusted, secret)
    finally:
        cluster.stop()
        # Other tests have the same server.
        hba.write_bytes(usual_hba)
        cluster.port = usual
        cluster.start()


async def test_a_database_that_hangs_leaves_the_loops_own_threads_to_others() -> None:
    answered = threading.Event()
    waiting = [asyncio.ensure_future(in_thread(answered.wait, timeout=PATIENCE)) for _ in range(100)]
    # So that all of them have asked.
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(PATIENCE):
            assert await asyncio.to_thread(lambda: 1) == 1
        assert not any(each.done() for each in waiting)
    finally:
        answered.set()
        assert all(await asyncio.gather(*waiting))


async def test_who_asks_a_server_that_hangs_is_answered(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped as a whole it takes connections and answers nothing, so that no timeout of its own ends anything."""
    monkeypatch.setattr(threads, "ANSWER_SECONDS", 0.2)
    database = PostgresPlace(cluster.server(cluster.database()), "one").connect()
    database.execute("SELECT 1")
    processes = working_in(cluster.folder / "data")
    begun: list[int] = []

    def ask(number: int) -> None:
        begun.append(number)
        database.execute("SELECT 1")

    try:
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        # More than there are threads: those that were not begun are not done when it answers again.
        for number in range(2 * threads.THREADS):
            with pytest.raises(StorageError, match="no answer came"):
                await in_time(ask, number)
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)
    monkeypatch.setattr(threads, "ANSWER_SECONDS", PATIENCE)
    assert (await in_time(database.execute, "SELECT 2")).rows == [(2,)]
    assert begun == list(range(threads.THREADS))
    database.close()
