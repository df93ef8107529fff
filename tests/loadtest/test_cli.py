"""The command as a whole."""

import subprocess
import sys

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
