"""The command as a whole."""

import os
import subprocess
import sys

import pytest

from bridge.standard_output import READER_GONE
from tests.support.patience import PATIENCE

HURRIED = """
import runpy, sys

class Interrupted:
    def find_spec(self, name, path=None, target=None):
        # Whoever presses Ctrl-C while the commands load.
        if name == "loadtest.run":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
sys.argv = ["loadtest", "run", "scenario.yaml"]
runpy.run_module("loadtest", run_name="__main__")
"""


def test_an_interrupt_while_it_loads_is_one_line() -> None:
    done = subprocess.run([sys.executable, "-c", HURRIED], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "bridge-loadtest: interrupted\n")


@pytest.mark.parametrize("buffered", [True, False])
def test_a_reader_that_has_seen_enough_is_no_error(buffered: bool) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "loadtest", "trace", "3g", "--length", "600s"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    if not buffered:
        environment["PYTHONUNBUFFERED"] = "1"
    done = subprocess.run(
        command, stdout=writer, stderr=subprocess.PIPE, env=environment, timeout=PATIENCE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (READER_GONE, b"")
