"""A real bridge keeps its log, and the command looks through it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import sqlite3
import subprocess
import time
from pathlib import Path

import httpx
import pytest
import websockets

from bridge.auth import DEVELOPMENT_ISSUER, development_secret, mint
from bridge.storage.choice import NODE_FILE
from tests.support.bridge import BRIDGE, Bridge, eventually, running_bridge
from tests.support.patience import PATIENCE
from tests.support.postgres import Cluster


def run(command: str, data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BRIDGE), command, "--data", str(data), *arguments], capture_output=True, text=True)


def audit(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run("audit", data, *arguments)


async def test_the_log_of_a_killed_bridge_is_whole_and_a_changed_one_is_not(tmp_path: Path) -> None:
    with running_bridge(tmp_path) as bridge:
        # Before the door is knocked at: it waits for a token for some seconds only.
        token = bridge.token("time-1", "kari")
        async with websockets.connect(bridge.ws_url) as door:
            await door.send(json.dumps({"type": "join", "id": 1, "token": token}))
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
    # A development bridge makes keys for its sandbox and its operators' page before anybody comes.
    made = ["api_key_created", "operator_key_created"]
    assert kinds[:5] == ["bridge_started", *made, "room_opened", "participant_joined"]
    assert kinds[-1] == "bridge_stopped"
    assert "kari" not in json.dumps(lines)
    with sqlite3.connect(bridge.data / NODE_FILE) as database:
        database.execute("UPDATE entries SET room = 'time-2' WHERE kind = 'participant_joined'")
    database.close()
    verdict = audit(bridge.data, "verify")
    assert verdict.returncode == 1
    assert "Entry 5 was changed, or what stood before it was." in verdict.stdout


def test_a_backup_that_was_made_while_it_ran_is_a_bridge_again(tmp_path: Path) -> None:
    """By the commands of docs/operators.md: the databases come last, as the log goes on meanwhile."""
    (tmp_path / "backup").mkdir()
    with running_bridge(tmp_path / "lives") as bridge:
        excluded = [f"--exclude={name}" for name in ("*.sqlite3*", "*.lock", "lock", "admin.sock")]
        tar = tmp_path / "files.tar"
        subprocess.run(["tar", "-C", bridge.data, *excluded, "-cf", tar, "."], check=True)
        assert run("apikey", bridge.data, "create", "--tenant", "dev", "--label", "later").returncode == 0
        for name in ("bridge", "invitations"):
            with (
                contextlib.closing(sqlite3.connect(bridge.data / f"{name}.sqlite3")) as kept,
                contextlib.closing(sqlite3.connect(tmp_path / "backup" / f"{name}.sqlite3")) as copy,
            ):
                kept.backup(copy)
        assert run("apikey", bridge.data, "create", "--tenant", "dev", "--label", "latest").returncode == 0
    subprocess.run(["tar", "-C", tmp_path / "backup", "-xpf", tar], check=True)
    restored = dataclasses.replace(bridge, data=tmp_path / "backup")
    verdict = audit(restored.data, "verify")
    assert verdict.returncode == 0, verdict.stdout
    restored.start()
    restored.stop()
    verdict = audit(restored.data, "verify")
    assert verdict.returncode == 0, verdict.stdout


def test_there_is_nothing_to_look_through_without_a_bridge(tmp_path: Path) -> None:
    found = audit(tmp_path, "verify")
    assert found.returncode == 2
    assert "Traceback" not in found.stderr


async def test_a_vendor_holds_a_call_by_rest_and_the_log_tells_the_story(tmp_path: Path) -> None:
    with running_bridge(tmp_path) as bridge:
        made = run("apikey", bridge.data, "create", "--tenant", "dev", "--label", "journal")
        assert made.returncode == 0, made.stderr
        key = made.stdout.strip()
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=bridge.url, headers=headers, timeout=PATIENCE) as vendor:
            asked = await vendor.post("/v1/rooms/time-1/tokens", json={"identity": "kari", "role": "fastlege"})
            assert asked.status_code == 201, asked.text
            async with websockets.connect(bridge.ws_url) as door:
                await door.send(json.dumps({"type": "join", "id": 1, "token": asked.json()["token"]}))
                assert json.loads(await door.recv())["type"] == "joined"
                present = (await vendor.get("/v1/rooms/time-1/participants")).json()["participants"]
                assert [each["identity"] for each in present] == ["kari"]
                removed = await vendor.delete(f"/v1/rooms/time-1/participants/{present[0]['id']}")
                assert removed.status_code == 204
            assert (await vendor.get("/v1/openapi.json")).json()["openapi"] == "3.1.0"
            listed = run("apikey", bridge.data, "list").stdout
            assert key not in listed
            key_id = next(line.split()[0] for line in listed.splitlines() if "journal" in line)
            assert run("apikey", bridge.data, "revoke", "--id", key_id).returncode == 0
            assert (await vendor.get("/v1/rooms")).status_code == 401
    assert audit(bridge.data, "verify").returncode == 0
    lines = [json.loads(line) for line in audit(bridge.data, "export").stdout.splitlines()]
    acts = [(line["kind"], line["actor"]) for line in lines if line["type"] == "entry" and line["actor"]]
    by_key = f"api:{key_id}"
    assert acts == [
        ("api_key_created", "operator"),
        ("operator_key_created", "operator"),
        ("api_key_created", "operator"),
        ("token_minted", by_key),
        ("participant_removed_by_vendor", by_key),
        ("api_key_revoked", "operator"),
    ]
    subjects = {line["subject"] for line in lines if line["type"] == "entry" and line["subject"]}
    assert len(subjects) == 1, "one person has one pseudonym"


async def join(bridge: Bridge, room: str, identity: str, doors: contextlib.AsyncExitStack) -> str:
    """What the door answers: `joined`, or the code of the refusal."""
    token = mint(
        development_secret(bridge.data, create=False),
        issuer=DEVELOPMENT_ISSUER,
        audience="bridge",
        room=room,
        identity=identity,
        role="fastlege",
        enters="direct",
        issued_at=time.time(),
        ttl=600.0,
    )
    door = await doors.enter_async_context(websockets.connect(bridge.ws_url))
    await door.send(json.dumps({"type": "join", "id": 1, "token": token}))
    answer = json.loads(await door.recv())
    return str(answer.get("code", answer["type"]))


async def test_a_bridge_on_a_server_outlives_its_loss_and_its_own(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGE_STORAGE_URL", cluster.url(cluster.database()))
    with running_bridge(tmp_path) as bridge:
        vendor = httpx.AsyncClient(
            base_url=bridge.url, headers={"Authorization": f"Bearer {bridge.api_key()}"}, timeout=PATIENCE
        )
        wanted = {"room": "time-1", "role": "tolk", "lifetime": 3600}
        async with vendor, contextlib.AsyncExitStack() as doors:
            assert await join(bridge, "time-1", "kari", doors) == "joined"
            made = (await vendor.post("/v1/invitations", json=wanted)).json()
            cluster.kill()
            # Nothing that leaves no trace.
            refused = await vendor.post("/v1/invitations", json=wanted)
            assert (refused.status_code, refused.json()["code"]) == (503, "invitations_unavailable")
            assert (await vendor.get("/v1/events")).json()["code"] == "events_unavailable"
            # Which it notices by itself, though nobody had anything to write.
            await eventually(lambda: "The audit log cannot be written" in bridge.log.read_text())
            assert await join(bridge, "time-2", "per", doors) == "records_unavailable"
            # A balancer leaves the node in: the others share its database, and who was in a call comes back to it.
            ready = await vendor.get("/readyz")
            assert (ready.status_code, ready.json()["status"], ready.json()["checks"]["audit_writable"]) == (
                200,
                "degraded",
                False,
            )
            assert "bridge_audit_writable 0.0" in (await vendor.get("/metrics")).text
            # The call goes on, and others may come.
            assert await join(bridge, "time-1", "ola", doors) == "joined"
            await asyncio.to_thread(cluster.start)
            async with asyncio.timeout(PATIENCE):
                while (await vendor.get("/v1/events")).status_code != 200:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.1)
                while await join(bridge, "time-2", "per", doors) != "joined":  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.1)
            bridge.kill()
        head = audit(bridge.data, "verify").stdout.split()[-1]
        bridge.start()
        async with httpx.AsyncClient(base_url=bridge.url, headers=vendor.headers, timeout=PATIENCE) as vendor:
            listed = (await vendor.get("/v1/invitations")).json()["invitations"]
            assert [each["id"] for each in listed] == [made["id"]]
            events = (await vendor.get("/v1/events")).json()["events"]
            joined = [each["data"]["identity"] for each in events if each["type"] == "participant.joined"]
            # What was going on when the bridge was killed is over.
            over = [each["data"] for each in events if each["type"] == "room.ended"]
            # That somebody came to time-2 just then may not have been on disk yet.
            assert "time-1" in [each["room"] for each in over if each["reason"] == "interrupted"]
            assert joined[:2] == ["kari", "ola"]
        bridge.stop()
    verdict = audit(bridge.data, "verify", "--head", head)
    assert verdict.returncode == 0, verdict.stdout
    assert run("records", bridge.data, "export").returncode == 0
    assert not list(bridge.data.glob("*.sqlite3*"))
    # Another node's machine has neither the log nor its head, and can examine it with the public key.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert audit(elsewhere, "verify", "--key", str(bridge.data / "audit.pub")).stdout == verdict.stdout
