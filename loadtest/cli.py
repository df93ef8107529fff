"""The command `bridge-loadtest`, also `python -m loadtest`.

What was asked for wrongly is one line on standard error and exit code 2.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from bridge import standard_output
from loadtest.errors import InputError

WRONG = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    standard_output.speak_utf8()
    try:
        options = _parser().parse_args(arguments)
        command: Callable[[argparse.Namespace], int] = options.run
        code = command(options)
        standard_output.flush()
        return code
    except BrokenPipeError:
        # Such as `head`, which has seen enough.
        standard_output.give_up()
        return standard_output.READER_GONE
    except InputError as error:
        print(f"bridge-loadtest: {error}", file=sys.stderr)
    except OSError as error:
        standard_output.give_up()
        # A file that cannot be read or written, a full disk.
        place = "" if error.filename is None else f"{error.filename}: "
        print(f"bridge-loadtest: {place}{error.strerror or error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("bridge-loadtest: interrupted", file=sys.stderr)
    return WRONG


def _parser() -> argparse.ArgumentParser:
    # What the commands need takes a second to load, in which they may be interrupted, too: not before `main`.
    from loadtest import emulate, flight, run, trace
    from loadtest.swarm import command as swarm
    from loadtest.sweep import command as sweep

    parser = argparse.ArgumentParser(prog="bridge-loadtest", description="Load and bad lines, against any bridge.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    run.add_command(commands)
    emulate.add_command(commands)
    swarm.add_command(commands)
    sweep.add_command(commands)
    trace.add_command(commands)
    flight.add_commands(commands)
    return parser
