"""`bridge operator` and `bridge drain`, as a shell runs them, at a bridge that runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bridge.app import Application
from bridge.auth.operator_keys import OperatorKeys
from bridge.cli import main
from tests.signaling.admin.house import settings_of


def test_keys_are_made_shown_once_listed_and_revoked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(tmp_path / "data")]
    assert main(["operator", "create", *data, "--label", "Night shift", "--right", "drain"]) == 0
    text = capsys.readouterr().out.strip()
    key = OperatorKeys(tmp_path / "data").find(text)
    assert key is not None
    assert key.rights == ("drain",)
    stored = (tmp_path / "data" / "operator-keys.json").read_text()
    assert text not in stored
    # The secret part may hold underscores of its own.
    assert text.partition(f"_{key.id}_")[2] not in stored
    assert main(["operator", "list", *data]) == 0
    listed = capsys.readouterr().out
    assert f"{key.id}  " in listed
    assert "active    drain     Night shift" in listed
    assert main(["operator", "revoke", *data, "--id", key.id]) == 0
    assert OperatorKeys(tmp_path / "data").find(text) is None
    assert main(["operator", "revoke", *data, "--id", "nobody"]) == 2
    assert "There is no such operator key" in capsys.readouterr().err
    assert main(["audit", "export", *data]) == 0
    entries = capsys.readouterr().out
    assert "operator_key_created" in entries
    assert "operator_key_revoked" in entries
    assert text not in entries
    (tmp_path / "data" / "operator-keys.json").write_text("damaged")
    assert main(["operator", "list", *data]) == 2
    assert "operator-keys.json: This file holds no operator keys" in capsys.readouterr().err


async def test_the_running_bridge_is_drained_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(tmp_path / "data")]
    assert await asyncio.to_thread(main, ["drain", *data]) == 2
    assert "No bridge runs" in capsys.readouterr().err
    application = Application(settings_of(tmp_path / "data"), development=True)
    await application.start()
    try:
        assert await asyncio.to_thread(main, ["drain", *data]) == 0
        assert capsys.readouterr().out.startswith("The bridge takes no new calls. Open rooms: 0")
        assert application._rooms.intake.draining
        assert await asyncio.to_thread(main, ["drain", *data, "--undo"]) == 0
        assert not application._rooms.intake.draining
    finally:
        await application.close()
