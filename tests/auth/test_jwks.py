import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from bridge.auth import JwksFile, JwksUrl, KeyMaterialError, TokenError, jwks_fetch
from bridge.auth.jwks_fetch import MAX_SET_BYTES, fetch_url
from tests.auth.vendor import signed, verifier
from tests.support.dripping import dripping_server
from tests.support.patience import PATIENCE

KEYS = {kid: ec.generate_private_key(ec.SECP256R1()) for kid in ("old", "new")}


def key_set(*kids: str) -> bytes:
    entries = [{**ECAlgorithm.to_jwk(KEYS[kid].public_key(), as_dict=True), "kid": kid} for kid in kids]
    return json.dumps({"keys": entries}).encode()


class Vendor:
    """A vendor's key set on a clock that the test turns."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.body = key_set("old")
        self.error: Exception | None = None
        self.fetches = 0
        self.source = JwksUrl("https://vendor.example/jwks", "ES256", clock=lambda: self.now, fetch=self.fetch)

    async def fetch(self, url: str) -> bytes:
        self.fetches += 1
        if self.error is not None:
            raise self.error
        return self.body

    async def kids(self, kid: str | None) -> list[str | None]:
        return [key.kid for key in await self.source.find(kid)]


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


async def test_the_set_is_fetched_when_first_needed_and_then_kept(vendor: Vendor) -> None:
    assert await vendor.kids("old") == ["old"]
    assert await vendor.kids(None) == ["old"]
    assert vendor.fetches == 1


async def test_an_unknown_kid_fetches_the_set_anew(vendor: Vendor) -> None:
    await vendor.kids("old")
    vendor.body = key_set("old", "new")
    vendor.now += 10.0
    assert await vendor.kids("new") == ["new"]
    assert await vendor.kids("old") == ["old"]
    assert await vendor.kids(None) == []
    assert vendor.fetches == 2


async def test_strangers_cannot_make_the_bridge_fetch_often(vendor: Vendor) -> None:
    for stranger in range(100):
        assert await vendor.kids(str(stranger)) == []
    assert vendor.fetches == 1


async def test_callers_at_once_share_one_fetch(vendor: Vendor) -> None:
    found = await asyncio.gather(*(vendor.kids("old") for _ in range(20)))
    assert found == [["old"]] * 20
    assert vendor.fetches == 1


async def test_a_caller_that_gives_up_does_not_take_the_fetch_from_the_others() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def fetch(url: str) -> bytes:
        started.set()
        await go_on.wait()
        return key_set("old")

    source = JwksUrl("https://vendor.example/jwks", "ES256", fetch=fetch)
    impatient = asyncio.create_task(source.find("old"))
    patient = asyncio.create_task(source.find("old"))
    await started.wait()
    impatient.cancel()
    go_on.set()
    assert [key.kid for key in await patient] == ["old"]


async def test_an_aged_set_is_fetched_in_the_background_and_forgets_withdrawn_keys(vendor: Vendor) -> None:
    await vendor.kids("old")
    vendor.body = key_set("new")
    vendor.now += 601.0
    assert await vendor.kids("old") == ["old"]
    # An unknown kid waits for the fetch that is under way.
    assert await vendor.kids("new") == ["new"]
    assert vendor.fetches == 2
    vendor.now += 11.0
    assert await vendor.kids("old") == []


@pytest.mark.parametrize("failure", [OSError("out of reach"), b"", b"<html>", b'{"keys": []}', b"[" * 100_000])
async def test_while_the_set_is_out_of_reach_the_old_one_serves_for_a_day(
    vendor: Vendor, failure: Exception | bytes
) -> None:
    await vendor.kids("old")
    if isinstance(failure, bytes):
        vendor.body = failure
    else:
        vendor.error = failure
    vendor.now += 86_000.0
    assert await vendor.kids("old") == ["old"]
    vendor.now += 500.0
    with pytest.raises(TokenError) as caught:
        await vendor.kids("old")
    assert caught.value.code == "token_keys_unavailable"


async def test_a_token_signed_by_a_rotated_key_is_accepted(vendor: Vendor) -> None:
    by = verifier(vendor.source)
    assert (await by.verify(signed(KEYS["old"], "ES256", kid="old"))).identity == "kari"
    vendor.body = key_set("new")
    vendor.now += 60.0
    assert (await by.verify(signed(KEYS["new"], "ES256", kid="new"))).identity == "kari"
    with pytest.raises(TokenError) as caught:
        await by.verify(signed(KEYS["old"], "ES256", kid="old"))
    assert caught.value.code == "token_unknown_key"


async def test_a_changed_file_is_read_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(key_set("old"))
    source = JwksFile(path, "ES256")
    assert [key.kid for key in await source.find("old")] == ["old"]
    path.write_bytes(key_set("old", "new"))
    assert [key.kid for key in await source.find("new")] == ["new"]
    path.write_bytes(b"half wri")
    assert [key.kid for key in await source.find("new")] == ["new"]
    assert "cannot be read" in caplog.text


def test_a_file_that_is_no_set_is_refused_at_start(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(b"{}")
    with pytest.raises(KeyMaterialError):
        JwksFile(path, "ES256")
    with pytest.raises(OSError, match="nothing"):
        JwksFile(tmp_path / "nothing", "ES256")


@contextmanager
def web_server(status: int, body: bytes, **headers: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/jwks"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def test_a_set_is_fetched_over_http() -> None:
    with web_server(200, key_set("old")) as url:
        assert await fetch_url(url) == key_set("old")


async def test_failures_redirects_and_floods_are_errors() -> None:
    with web_server(500, b"") as url, pytest.raises(OSError, match="500"):
        await fetch_url(url)
    with web_server(302, b"", Location="http://127.0.0.1:1/") as url, pytest.raises(OSError, match="302"):
        await fetch_url(url)
    with web_server(200, b" " * (MAX_SET_BYTES + 1)) as url, pytest.raises(OSError, match="too large"):
        await fetch_url(url)


async def test_a_server_that_drips_is_given_up_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte came within the time of one read: the fetch never ended, and with it nobody's wait for the keys."""
    monkeypatch.setattr(jwks_fetch, "FETCH_TIMEOUT", 0.3)

    async with dripping_server() as url, asyncio.timeout(PATIENCE):
        with pytest.raises(TimeoutError):
            await fetch_url(f"{url}/jwks")
