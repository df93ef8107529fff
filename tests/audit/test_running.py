"""A real bridge keeps its log, and the command looks through it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from pathlib import Path

import websockets

from bridge.audit.store import DATABASE
from tests.support.bridge import BRIDGE, running_bridge


def audit(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BRIDGE), "audit", "--data", str(data), *arguments], capture_output=True, text=True)


async def test_the_log_of_a_killed_bridge_is_whole_and_a_changed_one_is_not(tmp_path: Path) -> None:
    with running_bridge(tmp_path) as bridge:
        async with websockets.connect(bridge.ws_url) as door:
            await door.send(json.dumps({"type": "join", "id": 1, "token": bridge.token("time-1", "kari")}))
            assert json.loads(await door.recv())["type"] == "joined"
            verdict = audit(bridge.data, "verify")
            assert (verdict.returncode, verdict.stderr) == (0, "")
            bridge.kill()
    head = audit(bridge.data, "verify").stdout.split()[-1]
    bridge.start()
    bridge.stop()
    verdict = audit(bridge.data, "verify", "--head", head)
    assert verdict.returncode == 0, verdict.stdout
    lines = [json.loads(line) for line in audit(bridge.data, "export").stdout.splitlines()]
    kinds = [line["kind"] for line in lines if line["type"] == "entry"]
    assert kinds[:3] == ["bridge_started", "room_opened", "participant_joined"]
    assert kinds[-1] == "bridge_stopped"
    assert "kari" not in json.dumps(lines)
    with sqlite3.connect(bridge.data / DATABASE) as database:
        database.execute("UPDATE entries SET room = 'time-2' WHERE kind = 'participant_joined'")
    database.close()
    verdict = audit(bridge.data, "verify")
    assert verdict.returncode == 1
    assert "Entry 3 was changed, or what stood before it was." in verdict.stdout


def test_there_is_nothing_to_look_through_without_a_bridge(tmp_path: Path) -> None:
    found = audit(tmp_path, "verify")
    assert found.returncode == 2
    assert "Traceback" not in found.stderr
