"""Structured logs on standard error: one JSON object (or one line of text) per record, ids but no personal data.

Of an exception its type and the places in the code are written, and of its text only what a `BridgeError` says by its
code: exceptions quote the values that they stumbled over.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import TextIO

from bridge.errors import BridgeError
from bridge.observability.redaction import PRIVATE_KEYS, REDACTED, redact

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
"""Attributes of every record; all others came by `extra`."""

MAX_FRAMES = 30
"""Frames of a traceback that are written, the innermost ones."""


def configure_logging(level: str, form: str, stream: TextIO | None = None) -> None:
    """Sends all logs of this process to `stream` (standard error) at `level`, as "json" or "text"."""
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    # Libraries speak up when something is wrong; what they say on other days is about their clients.
    logging.getLogger("bridge").setLevel(level.upper())
    logging.captureWarnings(True)


def loggable(record: logging.LogRecord) -> dict[str, object]:
    """What came by `extra`, fit to be written."""
    extra = {key: value for key, value in vars(record).items() if key not in _STANDARD and not key.startswith("_")}
    return {key: REDACTED if key in PRIVATE_KEYS else _fit(value) for key, value in extra.items()}


def _fit(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value))


def _places(error: BaseException) -> list[str]:
    """Where it was raised, outermost first."""
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def _exception(error: BaseException) -> dict[str, object]:
    """What may be said of it."""
    written: dict[str, object] = {"type": type(error).__qualname__}
    if isinstance(error, BridgeError):
        written["code"] = error.code
    if isinstance(error, OSError) and error.errno is not None:
        written["errno"] = error.errno
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        written["cause"] = type(cause).__qualname__
    return written


class JsonFormatter(logging.Formatter):
    """`{"time", "level", "logger", "message", …extra, "exception"}`; time in UTC with milliseconds."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        entry: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        entry |= {key: value for key, value in loggable(record).items() if key not in entry}
        if record.exc_info and record.exc_info[1] is not None:
            entry["exception"] = {**_exception(record.exc_info[1]), "at": _places(record.exc_info[1])}
        return json.dumps(entry, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """The same for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and one per frame of an exception."""
        # Line ends in a value must not look like a record of their own.
        message = redact(record.getMessage()).replace("\n", "\\n")
        fields = "".join(f" {key}={value!r}" for key, value in loggable(record).items())
        line = f"{_time(record)} {record.levelname:<7} {record.name}: {message}{fields}"
        if record.exc_info and record.exc_info[1] is not None:
            places = "".join(f"\n    {place}" for place in _places(record.exc_info[1]))
            line += f" {_exception(record.exc_info[1])}{places}"
        return line


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
