"""Ports that several processes ask for at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ASK = "from loadtest.ports import free_port; print(*(free_port() for _ in range(20)))"


def test_each_is_given_once_and_none_that_the_system_gives_to_anybody() -> None:
    asking = [subprocess.Popen([sys.executable, "-c", ASK], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    given = [int(port) for process in asking for port in process.communicate()[0].split()]
    assert len(set(given)) == len(given) == 80
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert not [port for port in given if first <= port <= last]
