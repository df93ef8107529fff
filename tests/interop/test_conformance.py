"""`bridge conformance` tells a client that speaks the protocol from one that does not."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets

from bridge.cli import main
from bridge.conformance.examiner import Examination, examine
from bridge.conformance.report import Verdict, as_text
from loadtest.ports import free_port
from tests.support.bridge import BRIDGE, Bridge
from tests.support.media import RED, ColourTrack, ToneTrack
from tests.support.participant import Participant
from tests.support.patience import PATIENCE


@asynccontextmanager
async def examining(bridge: Bridge, *options: str) -> AsyncIterator[tuple[str, Process]]:
    """The command, and the URL of its door."""
    command = ["conformance", bridge.ws_url, "--listen", f"127.0.0.1:{free_port()}", "--json", *options]
    process = await asyncio.create_subprocess_exec(str(BRIDGE), *command, stdout=PIPE, stderr=PIPE)
    assert process.stderr is not None
    try:
        said = (await asyncio.wait_for(process.stderr.readline(), PATIENCE)).decode()
        yield next(word for word in said.split() if word.startswith("ws://")), process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def verdicts(process: Process) -> tuple[int | None, dict[str, tuple[str, str]]]:
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert out, err.decode()
    report: dict[str, Any] = json.loads(out)
    found = {each["check"]: (each["verdict"], each["detail"]) for each in report["checks"]}
    assert report["conforms"] == (process.returncode == 0)
    return process.returncode, found


async def answer_questions(client: Participant) -> None:
    """What the user of a client does who is asked for consent, to a recording and to video."""
    asked = await client.notice(lambda said: said["type"] == "consent_asked")
    await client.request("answer_consent", consent_id=asked["consent"]["id"], consents=True)
    await client.notice(lambda said: said["type"] == "room_changed" and said["room"]["video_consent"])
    await client.request("answer_video_consent", text_version="1", consents=True)


async def test_a_client_that_speaks_the_protocol_conforms(bridge: Bridge, room: str) -> None:
    peer = bridge.token(room, "echo")
    async with examining(bridge, "--peer-token", peer) as (url, process):
        client = Participant(url, bridge.token(room, "kari"))
        client.holds_to_description = False
        await client.join()
        await client.publish(ToneTrack(RED), ColourTrack(RED))
        await answer_questions(client)
        await client.signalling_lost()
        await client.come_back()
        code, found = await verdicts(process)
        await client.vanish()
    assert {check: verdict for check, verdict in found.items() if verdict[0] != "passed"} == {}
    assert code == 0


async def test_a_client_that_does_not_speak_it_is_told_where(bridge: Bridge, room: str) -> None:
    token, door = bridge.token(room, "kari"), asyncio.Queue[str]()
    waits = Examination(arrival=60.0, media=0.5, settle=1.0, comeback=1.0)
    examining = asyncio.create_task(examine(bridge.ws_url, "127.0.0.1", 0, on_ready=door.put_nowait, examination=waits))
    async with websockets.connect(f"{await door.get()}?token=eyJ") as client:
        for message in (
            {"type": "join", "id": 1, "token": token},
            {"type": "ping", "id": 2, "colour": "red"},
            {"type": "publish", "id": 3, "offer": "no description", "sources": []},
        ):
            await client.send(json.dumps(message))
        # It ends the connection as soon as an error comes that it did not cause.
        async for text in client:
            message = json.loads(text)
            if message["type"] == "error" and "reply_to" not in message:
                break
    findings = (await examining).findings
    failed = {check: found.detail for check, found in findings.items() if found.verdict is Verdict.FAILED}
    assert set(failed) == {"token_in_message", "valid_requests", "accepted", "error_survived"}
    assert "colour" in failed["valid_requests"]
    assert failed["accepted"].startswith("'publish' was refused: sdp_invalid")
    unseen = {check for check, found in findings.items() if found.verdict is Verdict.NOT_SEEN}
    consent = {"consent_asked", "recording_told", "consent_taken_back", "video_consent"}
    assert unseen == {"publish", "subscribe", *consent, "resume", "stops"}


async def everything(client: websockets.ClientConnection) -> AsyncIterator[dict[str, Any]]:
    """Each message, until the connection is lost."""
    with contextlib.suppress(websockets.ConnectionClosed):
        async for text in client:
            yield json.loads(text)


async def test_a_client_that_handles_no_consent_is_told_so(bridge: Bridge, room: str) -> None:
    """It takes any word of a recording for a question, and answers none by its id."""
    token, door = bridge.token(room, "kari"), asyncio.Queue[str]()
    waits = Examination(arrival=60.0, media=0.5, answer=1.0, settle=1.0, comeback=1.0)
    examining = asyncio.create_task(examine(bridge.ws_url, "127.0.0.1", 0, on_ready=door.put_nowait, examination=waits))
    async with websockets.connect(await door.get()) as client:
        await client.send(json.dumps({"type": "join", "id": 1, "token": token}))
        numbers = itertools.count(2)
        refused = []
        async for message in everything(client):
            if message["type"] == "room_changed":
                answer = {"type": "answer_consent", "id": next(numbers), "consent_id": "mine", "consents": True}
                await client.send(json.dumps(answer))
            elif message["type"] == "error" and "reply_to" in message:
                refused.append(message["code"])
    findings = (await examining).findings
    failed = {check: found.detail for check, found in findings.items() if found.verdict is Verdict.FAILED}
    assert set(failed) == {"accepted", "consent_asked", "resume"}
    assert failed["consent_asked"] == "It answered another question than the one that it was asked."
    assert findings["consent_taken_back"].verdict is Verdict.PASSED
    assert findings["video_consent"].detail == "It publishes no camera."
    assert set(refused) == {"consent_not_asked"}


async def test_a_client_that_never_answers_would_hold_up_recordings(bridge: Bridge, room: str) -> None:
    token, door = bridge.token(room, "kari"), asyncio.Queue[str]()
    waits = Examination(arrival=60.0, media=0.5, answer=1.0, settle=0.5, comeback=1.0)
    examining = asyncio.create_task(examine(bridge.ws_url, "127.0.0.1", 0, on_ready=door.put_nowait, examination=waits))
    async with websockets.connect(await door.get()) as client:
        await client.send(json.dumps({"type": "join", "id": 1, "token": token}))
        recording = [said["room"]["recording"] async for said in everything(client) if "room" in said]
    findings = (await examining).findings
    assert findings["consent_asked"].verdict is Verdict.FAILED
    assert "a recording would wait" in findings["consent_asked"].detail
    assert findings["recording_told"].verdict is Verdict.PASSED
    assert recording == ["off", "asking", "off", "asking", "off"]


async def test_who_joins_anew_instead_of_coming_back_is_found_out(bridge: Bridge, room: str) -> None:
    token, door = bridge.token(room, "kari"), asyncio.Queue[str]()
    waits = Examination(arrival=60.0, media=0.5, answer=1.0, settle=1.0, comeback=30.0)
    examining = asyncio.create_task(examine(bridge.ws_url, "127.0.0.1", 0, on_ready=door.put_nowait, examination=waits))
    url = await door.get()
    while not examining.done():
        # It never stops to come back, either.
        with contextlib.suppress(websockets.WebSocketException, OSError):
            async with websockets.connect(url) as client:
                await client.send(json.dumps({"type": "join", "id": 1, "token": token}))
                async for _ in client:
                    pass
        await asyncio.sleep(0)
    findings = examining.result().findings
    assert findings["resume"].verdict is Verdict.FAILED
    assert "'join'" in findings["resume"].detail
    assert (findings["stops"].verdict, findings["stops"].detail) == (Verdict.FAILED, "It connected again.")
    assert "FAIL  stops" in as_text(examining.result())


@pytest.mark.parametrize(
    "arguments", [["https://bridge.example"], ["ws://127.0.0.1:1", "--listen", "0.0.0.0:1"], ["ws://x", "--wait", "x"]]
)
def test_what_cannot_be_examined_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conformance", *arguments]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert said.startswith("bridge: ")


async def test_an_echo_that_is_not_let_in_is_told_before_any_client_comes(bridge: Bridge) -> None:
    async with examining(bridge, "--peer-token", "no-token") as (_, process):
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert (process.returncode, out) == (2, b"")
    assert err.decode().splitlines()[-1].startswith("bridge: --peer-token: This is not a signed token.")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ws://{here}/nowhere", "it answers HTTP 403. (The door is wss://HOST/v1/signal"),
        ("wss://{here}/v1/signal", "what answers there speaks no TLS"),
        ("ws://127.0.0.1:1/v1/signal", "connection refused"),
        ("ws://bridge.invalid/v1/signal", "there is no host of that name"),
        ("ws://127.0.0.1:99999/v1/signal", "names no host and port"),
    ],
)
def test_a_door_that_is_none_is_told_before_any_client_is_asked_to_come(
    bridge: Bridge, url: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["conformance", url.format(here=bridge.http_address), "--listen", f"127.0.0.1:{free_port()}"]) == 2
    [told] = capsys.readouterr().err.splitlines()
    assert said in told
