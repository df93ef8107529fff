"""The command, as its users run it: a process, signals, what it prints and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE

ROOT = Path(__file__).parents[2]
NAMESPACES = Path("/run/netns")

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/dev/net/tun").exists(), reason="a namespace needs root and TUN devices"
)


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "loadtest", "emulate", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline().strip()


def end(process: subprocess.Popen[str], number: int = signal.SIGINT) -> str:
    process.send_signal(number)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    return said


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """A UDP echo server of the host, on all its addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("0.0.0.0", 0))

        def serve() -> None:
            while (received := server.recvfrom(2000))[0] != b"end":
                server.sendto(*received)

        thread = threading.Thread(target=serve)
        thread.start()
        port = server.getsockname()[1]
        yield "127.0.0.1", port
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"end", ("127.0.0.1", port))
        thread.join(PATIENCE)


def test_the_relay_says_where_it_listens_and_at_the_end_what_went_through(
    echo: tuple[str, int], tmp_path: Path
) -> None:
    file = tmp_path / "statistics.json"
    process = start(
        "--listen", "127.0.0.1:0", "--to", f"127.0.0.1:{echo[1]}", "--down", "delay=5ms", "--json", str(file)
    )
    words = first_line(process).split()
    assert words[:2] == ["listening", "on"]
    host, port = words[2].rstrip(",").split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.sendto(b"hello", (host, int(port)))
        assert client.recv(2000) == b"hello"
    process.send_signal(signal.SIGUSR1)
    assert first_line(process).split() == ["down", "up"]
    said = end(process)
    assert "packets delivered" in said
    assert "the emulator was late by" in said
    statistics = json.loads(file.read_text())
    assert statistics["links"] == statistics["down"]["delivered"] == statistics["up"]["delivered"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--listen", "127.0.0.1:0"], "expected --listen HOST:PORT and --to HOST:PORT, or --netns NAME"),
        (["--listen", "here", "--to", "127.0.0.1:9"], "--listen: 'here': expected an address such as 127.0.0.1:3478"),
        (["--listen", "127.0.0.1:0", "--to", "127.0.0.1:9", "--down", "los=3%"], "did you mean 'loss'?"),
        (["--listen", "127.0.0.1:0", "--to", "127.0.0.1:9", "--link", "no.yaml"], "no.yaml: there is no such file"),
        (["--listen", "127.0.0.1:0", "--to", "127.0.0.1:9", "--for", "60"], "--for: '60': expected a duration"),
        (["--listen", "127.0.0.1:0", "--to", "127.0.0.1:9", "true"], "a command is run in a namespace"),
        (["--netns", "a b"], "namespace 'a b': expected 1 to 32 letters"),
    ],
)
def test_what_is_asked_for_wrongly_is_one_line_and_exit_code_2(arguments: list[str], said: str) -> None:
    process = start(*arguments)
    _, output = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert said in output
    assert "Traceback" not in output


def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        process = start("--listen", address, "--to", "127.0.0.1:9")
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert f"cannot listen on {address}" in said


ASK = """
import socket, sys
asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asking.settimeout(120)
asking.sendto(b"hello", (sys.argv[1], int(sys.argv[2])))
sys.exit(7 if asking.recv(100) == b"hello" else 1)
"""


@needs_root
def test_a_command_in_a_namespace_reaches_the_host_through_the_link(echo: tuple[str, int]) -> None:
    name = f"lt{os.getpid()}a"
    # The host's address is known only from within: the other end of the default route.
    script = 'exec "$0" -c "$1" "$(ip route show default | cut -d" " -f3)" "$2"'
    ask = ["sh", "-c", script, sys.executable, ASK, str(echo[1])]
    process = start("--netns", name, "--down", "delay=20ms", "--", *ask)
    _, said = process.communicate(timeout=PATIENCE)
    # The command's own exit code.
    assert process.returncode == 7, said
    assert not (NAMESPACES / name).exists()


@needs_root
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_namespace_device_or_process_is_left_behind(number: signal.Signals) -> None:
    name = f"lt{os.getpid()}b{number}"
    process = start("--netns", name)
    host = first_line(process).split()[-1]
    assert (NAMESPACES / name).exists()
    assert host in addresses()
    inside = subprocess.Popen(["ip", "netns", "exec", name, "sleep", "600"])
    try:
        process.send_signal(number)
        process.communicate(timeout=PATIENCE)
        # After SIGKILL somebody else cleans up, a moment later.
        gone = threading.Event()
        for _ in range(round(PATIENCE / 0.05)):
            if not (NAMESPACES / name).exists():
                break
            gone.wait(0.05)
        assert not (NAMESPACES / name).exists()
        assert host not in addresses()
        # What somebody else started in the namespace is theirs.
        assert inside.poll() is None
    finally:
        inside.kill()
        inside.wait()


@needs_root
def test_an_interrupt_ends_the_command_and_all_it_started() -> None:
    name = f"lt{os.getpid()}c"
    process = start("--netns", name, "--", "sh", "-c", "trap '' TERM; setsid sleep 600 & echo started; wait; sleep 600")
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=True).stdout.split()
    assert pids
    end(process)
    assert not [pid for pid in pids if runs(pid)]
    assert not (NAMESPACES / name).exists()


@needs_root
def test_a_name_that_is_taken_is_left_alone() -> None:
    name = f"lt{os.getpid()}d"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        process = start("--netns", name)
        _, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == 2
        assert f"there is a namespace '{name}' already" in said
        assert (NAMESPACES / name).exists()
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


def runs(pid: str) -> bool:
    """Whether a process does anything still: one that has ended may wait for its parent to ask."""
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def addresses() -> str:
    return subprocess.run(["ip", "-4", "address"], capture_output=True, text=True, check=True).stdout
