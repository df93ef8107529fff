import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.auth import mint
from bridge.errors import BridgeError
from bridge.observability import configure_logging
from bridge.observability.redaction import REDACTED, redact
from bridge.signaling.incidents import internal_error

TOKEN = mint(
    b"x" * 32, issuer="dev", audience="bridge", room="r", identity="01017012345", role="pasient", issued_at=0, ttl=1
)
PRIVATE = [
    TOKEN,
    TOKEN[: len(TOKEN) // 2],
    f"https://bridge.example/join#{TOKEN}",
    "/join#whatever-opens-a-room",
    "/signin#whatever-opens-an-invitation",
    f"Authorization: Bearer {TOKEN}",
    "bearer: Bearer abc123",
    "192.0.2.17",
    "192.0.2.17:51234",
    "('203.0.113.9', 40000)",
    "2001:db8::17",
    "[2001:db8:0:1:2:3:4:5]:3478",
    "fe80::1%eth0",
    "::ffff:192.0.2.1",
    "01017012345",
    "010170 12345",
    "01017012345abcdef",
    "kari.nordmann@example.no",
]
HARMLESS = [
    "worker 1 listens",
    "room legevisitt/time-1 closed",
    "bridge.room.rooms::Rooms",
    "std::net",
    "took 12.5 ms",
    "version 0.1.0",
    "2026-11-23T01:00:00.123Z",
    "12:34:56",
    "sha-256 fingerprint",
    "port 3478",
    "a :: b",
    "listens on [::]:3478",
    "recording a17812099901bcdef0123456789abcde",
    "message_id msg_0123456789abcdefa17812099901bcde",
]


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    text = io.StringIO()
    yield text
    root.handlers[:], root.level = before
    logging.captureWarnings(False)


@pytest.mark.parametrize("text", PRIVATE)
def test_personal_data_is_taken_out(text: str) -> None:
    redacted = redact(f"before {text} after")
    assert REDACTED in redacted
    for secret in ("eyJ", "192.0.2", "203.0.113", "2001", "fe80", "010170", "kari", "whatever", "abc123"):
        assert secret not in redacted
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_stays(text: str) -> None:
    assert redact(text) == text


def test_an_incident_is_found_in_the_log_whatever_its_digits(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda size: "1" * (2 * size - 1) + "a")
    configure_logging("error", "json", stream)
    told = internal_error("here")
    assert json.loads(stream.getvalue())["incident"] in str(told)


@given(
    st.ip_addresses().filter(lambda ip: str(ip) != "::"),
    st.sampled_from(["{}", "({})", "'{}'", "client {}, gone", "[{}]:80", "peer={}"]),
)
def test_no_address_survives(ip: Any, around: str) -> None:
    assert REDACTED in redact(around.format(ip))


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("text", PRIVATE)
def test_nothing_private_reaches_the_log_by_any_way(stream: io.StringIO, form: str, text: str) -> None:
    configure_logging("debug", form, stream)
    log = logging.getLogger("bridge.test")
    log.info(text)
    log.info("of %s", text)
    log.info("extra", extra={"detail": text, "listed": [text], "identity": "Kari", "token": "opens"})
    try:
        try:
            raise KeyError(text)
        except KeyError as error:
            raise ValueError(f"of {text}") from error
    except ValueError:
        log.exception("It failed")
    logging.getLogger("uvicorn.error").warning("from %s", text)
    logging.getLogger("uvicorn.access").info("from %s", text)
    warnings.warn(f"about {text}", stacklevel=1)
    written = stream.getvalue()
    assert "ValueError" in written
    assert text not in written
    for secret in ("eyJ", "192.0.2", "203.0.113", "2001:", "fe80", "010170", "ari", "whatever", "abc123", "opens"):
        assert secret not in written.replace("warnings", "")


def test_a_record_is_one_json_object_with_its_ids(stream: io.StringIO) -> None:
    configure_logging("info", "json", stream)
    logging.getLogger("bridge.test").info("Room %s\nclosed", "a/b", extra={"worker": 1, "room": "a/b"})
    [line] = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert entry.pop("time").endswith("Z")
    assert entry == {
        "level": "info",
        "logger": "bridge.test",
        "message": "Room a/b\nclosed",
        "worker": 1,
        "room": "a/b",
    }


def test_an_exception_says_where_and_which_code_but_not_what_it_quotes(stream: io.StringIO) -> None:
    configure_logging("info", "json", stream)

    def log_failure(act: Callable[[], object]) -> dict[str, Any]:
        try:
            act()
        except Exception:
            logging.getLogger("bridge.test").exception("It failed")
        entry: dict[str, Any] = json.loads(stream.getvalue().splitlines()[-1])["exception"]
        return entry

    def refuse() -> None:
        raise BridgeError("room_full", "The room is full.")

    entry = log_failure(refuse)
    assert (entry["type"], entry["code"]) == ("BridgeError", "room_full")
    assert entry["at"][-1].endswith(" refuse")
    ages: dict[str, int] = {}
    assert log_failure(lambda: ages["Kari"])["type"] == "KeyError"
    assert log_failure(Path("/nowhere/kari").read_bytes)["errno"] == 2
    assert "ari" not in stream.getvalue()


def test_text_keeps_to_one_line_per_record(stream: io.StringIO) -> None:
    configure_logging("info", "text", stream)
    logging.getLogger("bridge.test").warning("first\n2026 ERROR forged", extra={"code": "x\ny"})
    assert len(stream.getvalue().splitlines()) == 1


def test_the_level_is_that_of_the_bridge_and_libraries_only_warn(stream: io.StringIO) -> None:
    configure_logging("warning", "text", stream)
    logging.getLogger("bridge.test").info("quiet")
    logging.getLogger("library").info("quiet")
    logging.getLogger("library").warning("loud")
    assert "quiet" not in stream.getvalue()
    assert "loud" in stream.getvalue()
