"""The command `bridge`. `bridge --help` lists what it does.

What goes wrong is one line on standard error and exit code 2; `bridge check` exits with 1 if this machine is not fit,
`bridge audit verify` if the log is not whole, `bridge conformance` if the client does not conform.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Protocol, cast

from bridge import standard_output
from bridge.errors import BridgeError, StorageError

WRONG = 2
"""The exit code: the command could not do what it was asked to. Others belong to their commands."""

COMMANDS: Mapping[str, str] = {
    "serve": "run the bridge",
    "token": "print a join token signed by the development key, and nothing else",
    "check": "say whether this machine can run the bridge, and how to mend it",
    "rooms": "list the rooms of the running bridge, or report on one",
    "recordings": "list recordings, give one out, delete one, exchange keys",
    "records": "write out what calls and sessions in them came to",
    "test-leg": "join a room as an echo or a clock, or play a file into it",
    "conformance": "examine your own client: it connects to a bridge through this command",
    "audit": "check that the audit log is whole, or write it out as JSON lines",
    "storage": "move what a stopped bridge keeps to the server of storage.url",
    "apikey": "make, list or revoke the API keys of vendors' servers",
    "operator": "make, list or revoke the keys of those who run the bridge",
    "drain": "have the running bridge take no new calls",
    "version": "print the version",
}
"""Each is a module of `bridge.commands`."""


class _Command(Protocol):
    """What such a module has."""

    def add_arguments(self, parser: argparse.ArgumentParser, /) -> None: ...

    def run(self, options: argparse.Namespace, /) -> int: ...


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    standard_output.speak_utf8()
    given = sys.argv[1:] if arguments is None else arguments
    try:
        options = _parse(given)
        code: int = options.run(options)
        standard_output.flush()
    except BrokenPipeError:
        standard_output.give_up()
        return standard_output.READER_GONE
    except BridgeError as error:
        print(f"bridge: {error}", file=sys.stderr)
    except StorageError as error:
        print(f"bridge: the database cannot be used: {error}", file=sys.stderr)
    except OSError as error:
        standard_output.give_up()
        print(f"bridge: {_describe(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        # Before or after the part of `serve` that takes the signal as a request to end.
        print("bridge: interrupted", file=sys.stderr)
    else:
        return code
    return WRONG


def _parse(given: Sequence[str]) -> argparse.Namespace:
    """What is asked for, with what carries it out in `run`. Ends the process where it is asked for wrongly."""
    parser = argparse.ArgumentParser(prog="bridge", description="Joins different video systems in one call.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, what in COMMANDS.items():
        commands.add_parser(name, help=what)
    # Only this one: the whole of the bridge takes a second to load.
    name, *more = given or [""]
    if name not in COMMANDS:
        return parser.parse_args(given)
    command = cast(_Command, import_module(f"bridge.commands.{name.replace('-', '_')}"))
    what = COMMANDS[name]
    own = argparse.ArgumentParser(prog=f"bridge {name}", description=what[0].upper() + what[1:] + ".")
    command.add_arguments(own)
    own.set_defaults(run=command.run)
    # As one parser of its own, it says what this command takes, not what all do; `export --output FILE ID` is as good
    # as `export ID --output FILE`.
    return own.parse_intermixed_args(more)


def _describe(error: OSError) -> str:
    """What the system said, with the file or address if it named one."""
    text = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {text}" if error.filename is not None else text


if __name__ == "__main__":
    sys.exit(main())
