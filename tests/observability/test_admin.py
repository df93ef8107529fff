import asyncio
import contextlib
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.errors import BridgeError
from bridge.observability import AdminClient, AdminServer
from bridge.observability.admin import AdminError


async def drain(wanted: str) -> bool:
    if wanted != "on":
        raise BridgeError("audit_unavailable", "It cannot be written down.", field="about", hint="Look at the disk.")
    return True


@pytest.fixture
async def data(tmp_path: Path) -> AsyncIterator[Path]:
    # Longer than the address of a Unix socket may be.
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    server = AdminServer(folder, {"rooms": lambda: [{"room": "a/b", "participants": 2}]}, {"drain": drain})
    await server.start()
    yield folder
    await server.close()
    await server.close()
    assert list(folder.iterdir()) == []


async def test_a_question_is_answered(data: Path) -> None:
    answer = await asyncio.to_thread(AdminClient(data).ask, "rooms")
    assert answer == [{"room": "a/b", "participants": 2}]


async def test_a_question_about_something_is_answered_or_refused_with_a_reason(data: Path) -> None:
    assert await asyncio.to_thread(AdminClient(data).ask, "drain", "on") is True
    with pytest.raises(AdminError, match="It cannot be written down") as caught:
        await asyncio.to_thread(AdminClient(data).ask, "drain", "off")
    error = caught.value
    assert (error.code, error.field, error.hint) == ("audit_unavailable", "about", "Look at the disk.")


async def test_the_socket_is_for_its_owner_only(data: Path) -> None:
    assert stat.S_IMODE((data / "admin.sock").stat().st_mode) == 0o600


async def test_an_unknown_question_is_an_error(data: Path) -> None:
    with pytest.raises(AdminError) as caught:
        await asyncio.to_thread(AdminClient(data).ask, "names")
    assert caught.value.code == "bad_answer"


@pytest.mark.parametrize("line", [b"\n", b"[]\n", b'{"ask": []}\n', b"\xff\n", b"x" * 3000 + b"\n"])
async def test_nonsense_harms_nobody(data: Path, line: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data)

    def speak() -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect("admin.sock")
            connection.sendall(line)
            connection.makefile("rb").read()

    # Too long a line is cut off in the middle.
    with contextlib.suppress(ConnectionError):
        await asyncio.to_thread(speak)
    assert await asyncio.to_thread(AdminClient(data).ask, "rooms")


async def test_where_no_bridge_runs_the_client_says_so(tmp_path: Path) -> None:
    with pytest.raises(AdminError, match="No bridge runs") as caught:
        AdminClient(tmp_path).ask("rooms")
    assert caught.value.code == "not_running"
    with pytest.raises(AdminError, match="No bridge runs"):
        AdminClient(tmp_path / "nowhere").ask("rooms")


async def test_what_a_killed_bridge_left_is_replaced(data: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "admin.sock"))
    with pytest.raises(AdminError, match="No bridge runs"):
        AdminClient(tmp_path).ask("rooms")
    server = AdminServer(tmp_path, {"rooms": list})
    await server.start()
    assert await asyncio.to_thread(AdminClient(tmp_path).ask, "rooms") == []
    await server.close()


async def test_another_file_in_its_place_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "admin.sock").write_text("precious")
    with pytest.raises(OSError, match="in use"):
        await AdminServer(tmp_path, {}).start()
    assert (tmp_path / "admin.sock").read_text() == "precious"
