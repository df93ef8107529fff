"""The command as a shell runs it: a real process, its output and its exit code."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from ssl import SSLContext, create_default_context

import jwt
import pytest

from bridge.auth import ClaimRules, TokenVerifier, development_issuer
from bridge.cli import COMMANDS, main
from bridge.room import DEFAULT_ROLES
from bridge.standard_output import READER_GONE
from loadtest.ports import free_port
from tests.support.patience import PATIENCE

ROOT = Path(__file__).parents[1]
PRODUCTION = """
[[tokens.issuers]]
issuer = "vendor"
tenant = "vendor"
keys = [{ algorithm = "HS256", secret_file = "secret" }]
"""


def clean_environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
    return kept | {"PYTHONPATH": str(ROOT)} | changes


def bridge(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bridge.cli", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, env=clean_environment(**environment), timeout=PATIENCE, check=False
    )


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a failed command says."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("bridge: ")
    return line


@contextmanager
def serving(*arguments: str | Path, lines: int) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A running `bridge serve` and the first lines that it printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge.cli", "serve", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        printed = [process.stdout.readline() for _ in range(lines)]
        assert all(printed), process.stderr.read()
        yield process, printed
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def dev(data: Path, host: str = "127.0.0.1") -> list[str | Path]:
    return [
        "--dev",
        "--http",
        f"{host}:{free_port()}",
        "--media",
        f"127.0.0.1:{free_port()}",
        "--data",
        data,
    ]


LINES_OF_LINKS = 12
"""A heading and five links, each with an empty line behind it."""


def test_a_token_is_printed_and_nothing_else(tmp_path: Path) -> None:
    development_issuer(tmp_path)  # the first start of a bridge makes the key
    done = bridge(
        *("token", "--data", tmp_path, "--room", "time-1", "--identity", "kari", "--role", "fastlege"),
        *("--ttl", "5m", "--name", "Kari Nordmann", "--grant", "subscribe", "--grant", "chat"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", done.stdout)
    rules = ClaimRules("bridge", 3600, 30, DEFAULT_ROLES)
    claims = asyncio.run(TokenVerifier([development_issuer(tmp_path)], rules).verify(done.stdout.strip()))
    assert (claims.tenant, claims.room, claims.identity, claims.name) == ("dev", "time-1", "kari", "Kari Nordmann")
    assert claims.grants == {"subscribe", "chat"}
    times = jwt.decode(done.stdout.strip(), options={"verify_signature": False})
    assert times["exp"] - times["iat"] == 300


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"--role": "konge"}, "role"),
        ({"--ttl": "2h"}, "3600 seconds"),
        ({"--ttl": "soon"}, "--ttl 'soon'"),
        ({"--ttl": "0s"}, "--ttl '0s'"),
        ({"--grant": "fly"}, "grants[0]"),
        ({"--room": "a/b"}, "room"),
        ({"--identity": ""}, "sub"),
        ({"--config": "/nowhere.toml"}, "/nowhere.toml"),
        ({"--data": "/dev/null/data"}, "/dev/null/data"),
    ],
)
def test_a_token_that_would_be_refused_is_not_printed(tmp_path: Path, changes: dict[str, str], said: str) -> None:
    options = {"--data": str(tmp_path), "--room": "r", "--identity": "i", "--role": "fastlege"} | changes
    assert said in refused(bridge("token", *(part for option in options.items() for part in option)))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("version",),
        ("token", "--room", "r", "--identity", "i", "--role", "fastlege"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_what_is_small_loads_nothing_of_what_is_large(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    data = ("--data", tmp_path) if arguments[0] == "token" else ()
    done = bridge(*arguments, *data, PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "bridge.errors" in loaded
    assert not loaded & {"bridge._core", "bridge.app", "bridge.sfu", "bridge.signaling", "bridge.storage"}
    assert not loaded & {"aiortc", "av", "httpx", "numpy", "psycopg", "starlette", "uvloop", "OpenSSL"}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_says_what_it_takes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    said = capsys.readouterr().out
    assert said.startswith(f"usage: bridge {command} ")
    assert COMMANDS[command][1:] in " ".join(said.split())


def test_a_command_that_does_not_exist_is_answered_with_those_that_do() -> None:
    done = bridge("tokens")
    assert done.returncode == 2
    assert "invalid choice: 'tokens'" in done.stderr
    assert all(command in done.stderr for command in COMMANDS)


def test_development_prints_links_serves_and_ends_on_request(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(*dev(data), lines=LINES_OF_LINKS) as (process, printed):
        links = dict(line.split() for line in printed[2::2])
        assert list(links) == ["fastlege", "pasient", "tolk", "parorende", "spesialist"]
        base, _, token = links["pasient"].partition("/join#")
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", base)
        rules = ClaimRules("bridge", 3600, 30, DEFAULT_ROLES)
        claims = asyncio.run(TokenVerifier([development_issuer(data)], rules).verify(token))
        assert (claims.room, claims.role) == ("test", "pasient")

        with urllib.request.urlopen(f"{base}/readyz") as answer:
            assert answer.status == 200
        with urllib.request.urlopen(f"{base}/metrics") as answer:
            assert b"bridge_worker_packets_total" in answer.read()

        listed = bridge("rooms", "--data", data, "--json")
        assert (listed.returncode, json.loads(listed.stdout)) == (0, [])
        assert "participants" in bridge("rooms", "--data", data).stdout
        assert "no such room" in refused(bridge("rooms", "report", "dev/none", "--data", data))
        assert "wants a room" in refused(bridge("rooms", "report", "--data", data))

        assert "Another bridge runs" in refused(bridge("serve", *dev(data)))

        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        log = [json.loads(line) for line in process.stderr]
    assert [entry["message"] for entry in log[-2:]] == ["The bridge is asked to end", "The bridge has ended"]
    assert "No bridge runs" in refused(bridge("rooms", "--data", data))


def test_beyond_loopback_development_turns_on_tls(tmp_path: Path) -> None:
    with serving(*dev(tmp_path, "127.0.0.2"), lines=LINES_OF_LINKS) as (_, printed):
        assert "http://127.0.0.2:" in printed[2]
    # 0.0.0.0 is for everyone, so it is in TLS, and the links name addresses that others can reach.
    with serving(*dev(tmp_path, "0.0.0.0"), lines=LINES_OF_LINKS) as (_, printed):
        url = printed[2].split()[1].partition("/join#")[0]
        assert url.startswith("https://")
        assert "0.0.0.0" not in url
        with urllib.request.urlopen(f"{url}/healthz", context=trusting(tmp_path)) as answer:
            assert answer.status == 200


def trusting(data: Path) -> SSLContext:
    return create_default_context(cafile=data / "development-certificate.pem")


def test_insecure_keeps_cleartext_on_any_address(tmp_path: Path) -> None:
    with serving(*dev(tmp_path, "0.0.0.0"), "--insecure", lines=LINES_OF_LINKS) as (_, printed):
        url = printed[2].split()[1].partition("/join#")[0]
        assert url.startswith("http://")
        with urllib.request.urlopen(f"{url}/healthz") as answer:
            assert answer.status == 200


def test_production_refuses_what_only_development_may_do(tmp_path: Path) -> None:
    config = tmp_path / "bridge.toml"
    config.write_text("")
    assert "tokens.issuers" in refused(bridge("serve", "--config", config))
    assert "--dev only" in refused(bridge("serve", "--config", config, "--insecure"))
    config.write_text(PRODUCTION)
    assert "cleartext" in refused(bridge("serve", "--config", config, "--http", "0.0.0.0:0"))
    # The development key of a bridge that was tried out, copied into a configuration in earnest.
    bridge("token", "--data", tmp_path, "--room", "r", "--identity", "i", "--role", "fastlege")
    (tmp_path / "development.key").rename(tmp_path / "secret")
    assert "development key" in refused(bridge("serve", "--config", config, "--data", tmp_path))


@pytest.mark.parametrize("command", ["serve", "check"])
def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path, command: str) -> None:
    (tmp_path / "chain.pem").write_text("not a certificate")
    (tmp_path / "key.pem").write_text("not a key")
    (tmp_path / "secret").write_text("a secret of the vendor that is long enough")
    config = tmp_path / "bridge.toml"
    config.write_text(PRODUCTION + '[http]\ntls_certificate = "chain.pem"\ntls_key = "key.pem"\n')
    done = bridge(command, "--config", config, "--data", tmp_path, "--http", "127.0.0.1:0", "--media", "127.0.0.1:0")
    assert done.returncode == (1 if command == "check" else 2)
    assert f"{tmp_path / 'chain.pem'} and" in done.stdout + done.stderr
    (tmp_path / "key.pem").unlink()
    assert "key.pem: No such file" in refused(bridge("serve", "--config", config, "--data", tmp_path))


def test_a_database_that_is_not_there_is_no_wrong_setting(tmp_path: Path) -> None:
    # After a power cut it may come up later than the bridge, which the unit starts again after this code only.
    url = f"postgresql://bridge@127.0.0.1:{free_port()}/bridge"
    done = bridge("serve", *dev(tmp_path), BRIDGE_STORAGE_URL=url)
    assert done.returncode == 75
    assert done.stderr.splitlines()[-1].startswith("bridge: The audit log in PostgreSQL at 127.0.0.1")
    assert "Traceback" not in done.stderr
    unit = (Path(__file__).parents[1] / "deploy" / "bridge.service").read_text()
    assert "RestartPreventExitStatus=2\n" in unit


def test_production_does_not_know_the_development_issuer(tmp_path: Path) -> None:
    (tmp_path / "bridge.toml").write_text(PRODUCTION)
    (tmp_path / "secret").write_text("a secret of the vendor that is long enough")
    http = f"127.0.0.1:{free_port()}"
    token = bridge("token", "--data", tmp_path, "--room", "r", "--identity", "i", "--role", "fastlege").stdout.strip()
    config = str(tmp_path / "bridge.toml")
    arguments = ["--config", config, "--data", str(tmp_path), "--http", http, "--media", f"127.0.0.1:{free_port()}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge.cli", "serve", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(),
    )
    assert process.stderr is not None
    try:
        assert any("is ready" in line for line in process.stderr)
        request = urllib.request.Request(
            f"http://{http}/whip/r",
            data=b"v=0\r\n",
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"},
        )
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        with caught.value as answer:
            assert json.load(answer)["code"] == "token_unknown_issuer"
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.parametrize("option", ["--http", "--media"])
def test_an_address_in_use_is_named(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        arguments = dev(tmp_path)
        arguments[arguments.index(option) + 1] = address
        done = bridge("serve", *arguments)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("bridge: ")
    assert address in done.stderr.splitlines()[-1]
    assert f"with {option} or" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_check_says_what_is_well_and_what_is_not(tmp_path: Path) -> None:
    good = bridge("check", "--dev", "--data", tmp_path, "--http", "127.0.0.1:0", "--media", "127.0.0.1:0")
    assert good.returncode == 0, good.stdout
    assert "This machine can run the bridge" in good.stdout
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        bad = bridge("check", "--data", tmp_path, "--http", address, "--media", "127.0.0.1:0")
    assert bad.returncode == 1
    [http] = [line for line in bad.stdout.splitlines() if "HTTP port" in line]
    assert http.startswith("fail")
    assert address in http
    # Production, and nobody who may come in.
    assert re.search(r"fail\s+settings", bad.stdout)


def test_settings_that_are_wrong_are_one_line(tmp_path: Path) -> None:
    assert "'listen'" in refused(bridge("rooms", BRIDGE_HTTP_LISTEM="x"))
    assert "--http: http.listen = 'x'" in refused(bridge("serve", "--http", "x"))


def test_a_reader_that_has_seen_enough_is_no_failure() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "bridge.cli", "version"]
    environment = clean_environment()
    environment.pop("PYTHONUNBUFFERED", None)
    done = subprocess.run(
        command, stdout=writer, stderr=subprocess.PIPE, env=environment, timeout=PATIENCE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (READER_GONE, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk at hand")
def test_a_full_disk_is_one_line() -> None:
    command = [sys.executable, "-m", "bridge.cli", "version"]
    environment = clean_environment()
    environment.pop("PYTHONUNBUFFERED", None)
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, env=environment, timeout=PATIENCE, check=False
        )
    assert (done.returncode, done.stderr) == (2, b"bridge: No space left on device\n")


def test_no_locale_keeps_it_from_saying_what_there_is_to_say(tmp_path: Path) -> None:
    latin = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    where = ("--data", tmp_path / "Blåbær ØL", "--http", "127.0.0.1:0", "--media", "127.0.0.1:0")
    done = bridge("check", "--dev", *where, **latin)
    assert "Traceback" not in done.stderr
    assert "This machine" in done.stdout


@pytest.mark.parametrize("command", ["apikey list", "operator list", "operator revoke --id x", "recordings list"])
def test_a_data_directory_that_is_not_there_is_named(tmp_path: Path, command: str) -> None:
    missing = tmp_path / "Blåbær og ØL"
    assert f"There is no data directory {missing}." in refused(bridge(*command.split(), "--data", missing))
    assert not missing.exists()


def test_keys_are_for_vendors_that_are_served_and_say_so_when_one_is_no_more(tmp_path: Path) -> None:
    config, where = tmp_path / "bridge.toml", ("--data", tmp_path / "data", "--config", tmp_path / "bridge.toml")
    config.write_text(PRODUCTION)
    assert "expected one of: vendor. (" in refused(bridge("apikey", "create", "--tenant", "vendr", *where))
    assert bridge("apikey", "create", "--tenant", "vendor", *where).returncode == 0
    assert "  active " in bridge("apikey", "list", *where).stdout
    config.write_text(PRODUCTION.replace('tenant = "vendor"', 'tenant = "another"'))
    assert "  no tenant  vendor " in bridge("apikey", "list", *where).stdout


def test_a_development_key_that_was_made_for_a_token_is_told(tmp_path: Path) -> None:
    ask = ("token", "--data", tmp_path, "--room", "r", "--identity", "i", "--role", "tolk")
    assert bridge(*ask).stderr.startswith(f"bridge: made a development key in {tmp_path}: ")
    assert bridge(*ask).stderr == ""


def test_version() -> None:
    assert re.fullmatch(r"bridge \d+\.\d+\.\d+\S*\n", bridge("version").stdout)


def test_an_unknown_command_is_a_usage_error() -> None:
    done = bridge("drian")
    assert done.returncode == 2
    assert "usage: bridge" in done.stderr


def test_the_control_plane_loads_no_codec() -> None:
    """What decodes belongs into legs, which may crash; and it would make each start slower."""
    code = "import sys, bridge.app, bridge.development; print({'av', 'numpy', 'PIL', 'aiortc'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("arguments", [["drain", "--off"], ["drain", "now"], ["rooms", "report", "room", "another"]])
def test_what_a_command_does_not_take_is_answered_with_what_it_takes(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    said = capsys.readouterr().err
    assert said.startswith(f"usage: bridge {arguments[0]} ")
    assert f"unrecognized arguments: {arguments[-1]}" in said


def test_options_may_stand_before_and_behind_what_they_are_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for order in (["--data", str(tmp_path), "room"], ["room", "--data", str(tmp_path)]):
        assert main(["rooms", "report", *order]) == 2
        assert "No bridge runs with the data directory" in capsys.readouterr().err
