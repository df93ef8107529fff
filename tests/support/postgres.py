"""A real PostgreSQL server of Debian's on a Unix socket of its own, which the tests start and end by its process id."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from bridge.storage.postgresql import Server
from tests.support.patience import PATIENCE
from tests.support.processes import working_in

_CONFIGURATION = """
listen_addresses = ''
unix_socket_permissions = 0777
shared_buffers = 16MB
max_connections = 60
max_wal_size = 128MB
# A process that is killed loses nothing by it: what was written is the kernel's. Only a machine could.
fsync = off
full_page_writes = off
logging_collector = off
log_min_messages = fatal
"""


def programs() -> Path:
    """Where Debian keeps the server's programs. Raises `FileNotFoundError`."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise FileNotFoundError("PostgreSQL is not installed: scripts/system-packages test")
    return found[-1].parent


@dataclass(frozen=True)
class SmallDisk:
    """A file system that can be filled."""

    folder: Path

    def fill(self) -> None:
        """Leaves not a byte on it."""
        with (self.folder / "filler").open("ab", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(bytes(4096))

    def clear(self) -> None:
        """Gives it back what `fill` took."""
        (self.folder / "filler").unlink()


@dataclass
class Cluster:
    """A server with a superuser `postgres` and a role `bridge`, which owns databases and may do nothing else."""

    folder: Path
    owner: str | None
    """The user that it runs as, where that is not the tests' own; it refuses to run as root."""
    port: int = 5432
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def start(self, *options: str) -> None:
        """Starts it, and returns when it answers. `options` are settings such as "ssl=on"."""
        command = [str(programs() / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder)]
        command += ["-p", str(self.port), *(part for option in options for part in ("-c", option))]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, user=self.owner, cwd="/")
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(self.url("postgres", "postgres")).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise AssertionError((self.folder / "log").read_text(errors="replace")[-4000:]) from None
                time.sleep(0.02)

    def stop(self) -> None:
        """Ends it as an administrator would who does not wait for others (fast shutdown). Idempotent."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Ends it and all its processes at once, as when the power is cut (SIGKILL). Idempotent."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
            self.process.wait(PATIENCE)
        # They hold its shared memory, without which no other can start. Once it has ended, nobody starts another one.
        while left := working_in(self.folder / "data"):
            for process in left if number == signal.SIGKILL else ():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, number)
            time.sleep(0.01)
        self.process = None

    def url(self, database: str, user: str = "bridge") -> str:
        """As in `storage.url`."""
        return f"postgresql://{user}@/{database}?host={self.folder}&port={self.port}"

    def database(self, tablespace: str = "pg_default") -> str:
        """Makes a database that is empty, and gives its name."""
        name = f"bridge{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} OWNER bridge TABLESPACE {tablespace}")
        return name

    @contextlib.contextmanager
    def small_disk(self, size: int) -> Iterator[SmallDisk]:
        """A tablespace on a file system of its own, of `size` bytes. What is in it has to be dropped before the end.

        Raises `PermissionError` where none can be mounted.
        """
        if os.geteuid() != 0:
            raise PermissionError("to mount a file system takes root")
        folder = self.folder / f"disk{next(self._numbers)}"
        folder.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700,uid={self.owner or 0}", "tmpfs", folder],
            capture_output=True,
            text=True,
        )
        if mounted.returncode != 0:
            raise PermissionError(mounted.stderr.strip())
        try:
            self.sql(f"CREATE TABLESPACE {folder.name} LOCATION '{folder}'")
            try:
                yield SmallDisk(folder)
            finally:
                self.sql(f"DROP TABLESPACE {folder.name}")
        finally:
            subprocess.run(["umount", folder], check=True)

    @contextlib.contextmanager
    def standby(self) -> Iterator[Cluster]:
        """Another server that follows this one, and may take over: `promote`."""
        folder = Path(tempfile.mkdtemp(prefix="pg-", dir=self.folder.parent))
        folder.chmod(0o755)
        if self.owner is not None:
            shutil.chown(folder, self.owner)
        copied = subprocess.run(
            [
                *(str(programs() / "pg_basebackup"), "-D", str(folder / "data"), "-h", str(self.folder)),
                *("-p", str(self.port), "-U", "postgres", "--write-recovery-conf", "--checkpoint=fast", "--no-sync"),
            ],
            user=self.owner,
            cwd="/",
            capture_output=True,
            text=True,
        )
        follower = Cluster(folder, self.owner, self.port)
        try:
            assert copied.returncode == 0, copied.stderr
            follower.start()
            yield follower
        finally:
            follower.stop()
            shutil.rmtree(folder, ignore_errors=True)

    def promote(self) -> None:
        """Takes over: returns when it takes writes."""
        self.sql("SELECT pg_promote()")

    def server(self, database: str) -> Server:
        """How the bridge reaches it."""
        return Server({"host": str(self.folder), "port": str(self.port), "dbname": database, "user": "bridge"})

    def sql(self, statement: str, database: str = "postgres") -> None:
        """Runs a statement as the superuser."""
        with psycopg.connect(self.url(database, "postgres"), autocommit=True) as connection:
            connection.execute(statement)


@contextlib.contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A new server, gone at the end with all that was in it."""
    # A short path, as a socket's is of 107 bytes at most; in memory, which many small writes are quick in.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp"))
    folder.chmod(0o755)
    owner = None
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres").pw_name
        shutil.chown(folder, owner)
    cluster = Cluster(folder, owner)
    try:
        made = subprocess.run(
            [
                *(str(programs() / "initdb"), "-D", str(folder / "data"), "-U", "postgres", "-A", "trust"),
                *("--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C"),
            ],
            user=owner,
            cwd="/",
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, made.stderr
        with (folder / "data" / "postgresql.conf").open("a") as configuration:
            configuration.write(_CONFIGURATION)
        cluster.start()
        cluster.sql("CREATE ROLE bridge LOGIN")
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
