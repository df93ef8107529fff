"""The processes of test legs, with a door that is none in the place of the bridge's."""

from __future__ import annotations

import json
import os
import ssl
from pathlib import Path

import pytest
import websockets
from websockets.asyncio.server import serve

from bridge.configuration import Address, SettingsError
from bridge.development_certificate import development_certificate
from bridge.errors import BridgeError
from bridge.transcode.test_legs import runner
from tests.support.patience import PATIENCE
from tests.support.processes import children


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their processes come after all others: beside browsers on every core, they start for half a minute and more."""
    monkeypatch.setattr(runner, "START_SECONDS", PATIENCE)


@pytest.mark.parametrize(
    ("listen", "tls", "url"),
    [
        (Address("0.0.0.0", 0), False, "ws://127.0.0.1:8080/v1/signal"),
        (Address("::", 443), True, "wss://[::1]:8080/v1/signal"),
        (Address("192.0.2.7", 80), False, "ws://192.0.2.7:8080/v1/signal"),
    ],
)
def test_the_door_is_reached_where_it_listens(listen: Address, tls: bool, url: str) -> None:
    assert runner.own_door(listen, 8080, tls=tls) == url


def test_a_folder_of_clips_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        runner.TestLegs(runner.TestLegSettings(clips=tmp_path / "nowhere"), lambda: "", None)
    assert refused.value.field == "legs.test_clips"


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", ".", "", "inner", "inner/film.webm"])
def test_a_name_leads_out_of_the_folder_nowhere(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").touch()
    (tmp_path / "clips" / "inner").mkdir(parents=True)
    (tmp_path / "clips" / "inner" / "film.webm").touch()
    legs = runner.TestLegs(runner.TestLegSettings(clips=tmp_path / "clips"), lambda: "", None)
    with pytest.raises(BridgeError, match="no such clip"):
        legs.check(name)


async def refuse(socket: websockets.ServerConnection) -> None:
    """A door that lets nobody in."""
    asked = json.loads(await socket.recv())
    assert (asked["type"], asked["token"]) == ("join", "a token")
    await socket.send(json.dumps({"type": "error", "reply_to": asked["id"], "code": "banned", "message": "Not you."}))
    await socket.wait_closed()


async def start(legs: runner.TestLegs) -> None:
    await legs.start("1", "clinic/room", "clock", None, identity="test-leg-1", token="a token", seconds=60)


async def test_what_the_door_refuses_is_told_and_no_process_stays() -> None:
    async with serve(refuse, "127.0.0.1", 0) as door:
        legs = runner.TestLegs(
            runner.TestLegSettings(), lambda: f"ws://127.0.0.1:{door.sockets[0].getsockname()[1]}", None
        )
        # Of these, some may end meanwhile: which tests were here before, is for the workers' pace to say.
        before = children(os.getpid())
        with pytest.raises(BridgeError) as refused:
            await start(legs)
        assert (refused.value.code, refused.value.message) == ("banned", "Not you.")
        assert legs.in_room("clinic/room") == []
        assert not {*children(os.getpid())} - {*before}


@pytest.mark.parametrize(("shown", "code"), [("own", "banned"), ("others", "test_leg_failed")])
async def test_only_the_bridges_own_certificate_is_believed(tmp_path: Path, shown: str, code: str) -> None:
    files = {}
    for name in ("own", "others"):
        (tmp_path / name).mkdir()
        files[name] = development_certificate(tmp_path / name, [])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files[shown])
    async with serve(refuse, "127.0.0.1", 0, ssl=context) as door:
        port = door.sockets[0].getsockname()[1]
        legs = runner.TestLegs(runner.TestLegSettings(), lambda: f"wss://127.0.0.1:{port}", files["own"][0])
        with pytest.raises(BridgeError) as refused:
            await start(legs)
        assert refused.value.code == code
