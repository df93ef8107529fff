from pathlib import Path
from threading import Thread

import pytest

from bridge.auth.api_keys import ApiKeyFile
from bridge.errors import BridgeError


def test_keys_are_kept_as_digests_for_their_owner_only(tmp_path: Path) -> None:
    key = ApiKeyFile(tmp_path).create("vendor", clock=lambda: 1.9)
    [kept] = ApiKeyFile(tmp_path).all()
    _, key_id, secret = key.split("_", 2)
    assert (kept.id, kept.tenant, kept.created_at) == (key_id, "vendor", 1)
    file = tmp_path / "api-keys.json"
    assert secret not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_running_reader_sees_what_commands_change(tmp_path: Path) -> None:
    reader, command = ApiKeyFile(tmp_path), ApiKeyFile(tmp_path)
    assert reader.all() == []
    key_id = command.create("vendor").split("_")[1]
    assert reader.find(key_id) is not None
    command.revoke(key_id)
    assert reader.find(key_id) is None
    with pytest.raises(BridgeError, match="no such key") as caught:
        command.revoke(key_id)
    assert caught.value.code == "api_key_not_found"


def test_commands_at_the_same_time_lose_no_key(tmp_path: Path) -> None:
    threads = [Thread(target=ApiKeyFile(tmp_path).create, args=("vendor",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ApiKeyFile(tmp_path).all()) == 8


@pytest.mark.parametrize("text", ["", "[", "{}", '[{"id": 1}]', "[null]"])
def test_a_broken_file_is_said_to_be_broken(tmp_path: Path, text: str) -> None:
    (tmp_path / "api-keys.json").write_text(text)
    with pytest.raises(BridgeError) as caught:
        ApiKeyFile(tmp_path).find("x")
    assert caught.value.code == "api_keys_unusable"
