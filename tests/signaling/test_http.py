"""The HTTP server and what hangs in it beside the doors: probes, metrics, the page; and clients that dawdle."""

from __future__ import annotations

import asyncio
import gzip
import re
from pathlib import Path

import httpx
import pytest

from bridge.signaling import protocols
from bridge.signaling.body import BODY_TIMEOUT
from bridge.signaling.mark import Logo, Mark
from bridge.signaling.web import PAGES, default_web_directory
from tests.signaling.house import House, open_house
from tests.support.patience import PATIENCE


async def raw(house: House) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", house.server.port)


async def ended(reader: asyncio.StreamReader) -> bool:
    """Whether the server ended the connection, in whichever way, without an answer."""
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True


@pytest.fixture
def web(tmp_path: Path) -> Path:
    for path, text in {
        "client/index.html": "<!doctype html>",
        "client/main.js": "export {};",
        "client/.secret": "x",
        "sdk/src/index.js": "export {};",
        "sdk/node_modules/x/index.js": "export {};",
        "secret.txt": "x",
    }.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


async def test_probes_and_metrics() -> None:
    async with open_house() as house, httpx.AsyncClient(base_url=house.url, timeout=PATIENCE) as http:
        assert (await http.get("/healthz")).json()["status"] == "ok"
        checks = {"event_loop": True, "workers": True, "told": True}
        assert (await http.get("/readyz")).json() == {"status": "ok", "checks": checks}
        house.health.told = False
        degraded = await http.get("/readyz")
        assert (degraded.status_code, degraded.json()["status"]) == (200, "degraded")
        house.health.workers = False
        failing = await http.get("/readyz")
        assert (failing.status_code, failing.json()["checks"]["workers"]) == (503, False)
        metrics = await http.get("/metrics")
        assert metrics.text == "bridge_rooms 3\n"
        assert metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert metrics.headers["x-content-type-options"] == "nosniff"
        assert "server" not in metrics.headers


async def test_metrics_are_not_for_strangers() -> None:
    async with (
        open_house(metrics_for="192.0.2.0/24") as house,
        httpx.AsyncClient(base_url=house.url, timeout=PATIENCE) as http,
    ):
        refused = await http.get("/metrics")
        assert (refused.status_code, refused.json()["code"]) == (403, "not_granted")
        assert (await http.get("/healthz")).status_code == 200


async def test_unknown_paths_and_methods_are_problems() -> None:
    async with open_house() as house, httpx.AsyncClient(base_url=house.url, timeout=PATIENCE) as http:
        unknown = await http.get("/nothing")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
        wrong = await http.post("/healthz")
        assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
        assert "GET" in wrong.headers["allow"]


async def test_a_path_with_a_slash_too_many_is_not_there_and_says_so() -> None:
    async with open_house() as house, httpx.AsyncClient(base_url=house.url) as http:
        # No redirect: behind a proxy that ends TLS it would lead to http://, and a page's preflight may not follow it.
        for method in ("POST", "OPTIONS", "GET"):
            refused = await http.request(method, "/whip/room/")
            assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
            assert "slash" in refused.json()["hint"]
        assert "two slashes" in (await http.get("/v1//rooms")).json()["hint"]
        assert "openapi.json" in (await http.get("/v1/room")).json()["hint"]
        assert "hint" not in (await http.get("/whip")).json()


async def test_a_browser_is_led_to_the_page_that_was_meant_or_told_in_words() -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    mark = Mark(name="Legekontoret", support="Ring 22 33 44 55")
    async with (
        open_house(web=default_web_directory(), mark=mark) as house,
        httpx.AsyncClient(base_url=house.url, headers=browser, timeout=PATIENCE) as http,
    ):
        for path, page in {
            "/join/": "../join",
            "/Join": "join",
            "/join//": "../../join",
            "/JOIN.html?a=b": "join?a=b",
            "/index.html": "./",
            "/signin//": "../../signin",
        }.items():
            led = await http.get(path)
            assert (led.status_code, led.headers["location"]) == (307, page), path
            assert (
                str(led.next_request and led.next_request.url).split("?")[0].endswith(page.lstrip("./").split("?")[0])
            )
        for path in ("/jion", "/a/b/c", "/join/x", "/v1", "/whip"):
            told = await http.get(path)
            assert (told.status_code, told.headers["content-type"]) == (404, "text/html; charset=utf-8"), path
            assert "Her er det ingen side" in told.text
            assert "Ring 22 33 44 55" in told.text
            assert "frame-ancestors 'none'" in told.headers["content-security-policy"]
            (style,) = re.findall(r'<link rel="stylesheet" href="([^"]+)"', told.text)
            assert (await http.get(str(told.url.join(style)))).headers["content-type"].startswith("text/css")
        assert (await http.get("/v1/nothing")).json()["code"] == "not_found"
        assert (await http.post("/join/")).json()["code"] == "not_found"
        for accepts in ("application/json", "*/*"):
            refused = await http.get("/join/", headers={"Accept": accepts})
            assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


async def test_the_websockets_path_says_that_it_is_for_websockets() -> None:
    async with open_house() as house, httpx.AsyncClient(base_url=house.url) as http:
        for method in ("GET", "POST"):
            # So it comes through a proxy that does not pass the upgrade on.
            refused = await http.request(method, "/v1/signal")
            assert (refused.status_code, refused.json()["code"]) == (426, "upgrade_required")
            assert (refused.headers["upgrade"], refused.headers["connection"]) == ("websocket", "Upgrade")
            assert "proxy" in refused.json()["hint"]


async def test_an_exception_nobody_expected_is_an_incident() -> None:
    async with open_house() as house, httpx.AsyncClient(base_url=house.url, timeout=PATIENCE) as http:

        def explode() -> dict[str, bool]:
            raise RuntimeError("a bug with a secret in it")

        house.health.live = explode  # type: ignore[method-assign]
        failed = await http.get("/healthz")
        assert (failed.status_code, failed.json()["code"]) == (500, "internal_error")
        assert failed.headers["content-type"] == "application/problem+json"
        assert "secret" not in failed.text


async def test_the_page_and_the_sdk_are_served_with_a_strict_policy(web: Path) -> None:
    async with open_house(web=web) as house, httpx.AsyncClient(base_url=house.url, timeout=PATIENCE) as http:
        for path in ("/join", "/client/main.js", "/sdk/src/index.js"):
            served = await http.get(path)
            assert served.status_code == 200, path
            policy = served.headers["content-security-policy"]
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert served.headers["referrer-policy"] == "no-referrer"
            assert served.headers["x-content-type-options"] == "nosniff"
            assert served.headers["cache-control"] == "no-cache"
        script = await http.get("/client/main.js")
        assert "javascript" in script.headers["content-type"]
        again = await http.get("/client/main.js", headers={"If-None-Match": script.headers["etag"]})
        assert again.status_code == 304


async def test_who_types_the_hosts_name_reads_where_to_come_in() -> None:
    mark = Mark("Legekontoret", "Ring 22 33 44 55", None)
    async with (
        open_house(web=default_web_directory(), mark=mark) as house,
        httpx.AsyncClient(base_url=house.url) as http,
    ):
        page = await http.get("/")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert [f'<section lang="{language}">' in page.text for language in ("nb", "nn", "en")] == [True] * 3
        assert '<div class="brand"><div>Legekontoret</div></div>' in page.text
        assert "Ring 22 33 44 55" in page.text
        # Nothing runs on it, and nothing comes from elsewhere.
        assert "<script" not in page.text
        assert "//" not in page.text
        assert (await http.post("/")).status_code == 405


async def test_the_operators_mark_is_in_the_page_and_its_logo_can_run_nothing(web: Path) -> None:
    (web / "client" / "index.html").write_text("<!doctype html><head></head>")
    mark = Mark("Legekontoret", "", Logo(b"<svg/>", "image/svg+xml"))
    async with open_house(web=web, mark=mark) as house, httpx.AsyncClient(base_url=house.url, timeout=PATIENCE) as http:
        page = await http.get("/join")
        assert '<meta name="service-name" content="Legekontoret">' in page.text
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        again = await http.get("/join", headers={"If-None-Match": f'"other", W/{page.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")
        logo = await http.get("/logo")
        assert (logo.content, logo.headers["content-type"]) == (b"<svg/>", "image/svg+xml")
        policy = logo.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "sandbox;" in policy
        assert "script-src" not in policy
        assert logo.headers["x-content-type-options"] == "nosniff"
        assert (await http.head("/logo")).status_code == 200
        assert (await http.post("/logo")).status_code == 405
    async with open_house(web=web) as house, httpx.AsyncClient(base_url=house.url, timeout=PATIENCE) as http:
        assert (await http.get("/logo")).status_code == 404


async def test_one_worker_may_compile_what_comes_compressed(web: Path) -> None:
    worker, packages = web / "client" / "blur" / "worker.js", web / "packages" / "files"
    for folder in (worker.parent, packages):
        folder.mkdir(parents=True)
    worker.write_text("import('./processor.js')")
    (packages / "litert.wasm.gz").write_bytes(gzip.compress(b"\0asm", mtime=0))
    async with open_house(web=web) as house, httpx.AsyncClient(base_url=house.url, timeout=PATIENCE) as http:
        policy = (await http.get("/client/blur/worker.js")).headers["content-security-policy"]
        assert "script-src 'self' 'wasm-unsafe-eval';" in policy
        assert "connect-src 'self'" in policy
        served = await http.get("/packages/litert.wasm")
        assert (served.content, served.headers["content-encoding"]) == (b"\0asm", "gzip")
        assert served.headers["content-type"] == "application/wasm"
        assert "unsafe" not in served.headers["content-security-policy"]
        again = await http.get("/packages/litert.wasm", headers={"If-None-Match": served.headers["etag"]})
        assert again.status_code == 304
        for path in ("/packages/", "/packages/missing.js", "/packages/.lock"):
            assert (await http.get(path)).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/client/.secret",
        "/client/../secret.txt",
        "/client/%2e%2e/secret.txt",
        "/sdk/node_modules/x/index.js",
        "/client/",
    ],
)
async def test_nothing_else_is_served(web: Path, path: str) -> None:
    async with open_house(web=web) as house:
        reader, writer = await raw(house)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        async with asyncio.timeout(PATIENCE):
            answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 404")


async def test_without_web_files_the_bridge_still_serves(tmp_path: Path) -> None:
    async with (
        open_house(web=tmp_path / "missing") as house,
        httpx.AsyncClient(base_url=house.url, timeout=PATIENCE) as http,
    ):
        for path in ("/join", "/client/main.js"):
            assert (await http.get(path)).status_code == 404


def test_web_files_are_found_in_a_checkout() -> None:
    assert (default_web_directory() / PAGES["/join"]).is_file()


async def test_a_header_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocols, "HEADER_TIMEOUT", 0.01)
    async with open_house() as house:
        for beginning in (b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"):
            reader, writer = await raw(house)
            writer.write(beginning)
            async with asyncio.timeout(PATIENCE):
                assert await ended(reader)
            writer.close()


@pytest.mark.parametrize(
    ("version", "hosts", "status"),
    [
        ("1.1", ["x"], 200),
        ("1.1", ["bridge.example:8443"], 200),
        ("1.1", ["[2001:db8::1]:8443"], 200),
        ("1.1", [""], 200),
        ("1.0", [], 200),
        ("1.1", [], 400),
        ("1.1", ["x", "x"], 400),
        ("1.0", ["x", "y"], 400),
        ("1.1", ["x/../y"], 400),
        ("1.1", ["x, y"], 400),
    ],
)
async def test_a_request_names_one_host(version: str, hosts: list[str], status: int) -> None:
    async with open_house() as house:
        reader, writer = await raw(house)
        named = "".join(f"Host: {host}\r\n" for host in hosts)
        writer.write(f"GET /healthz HTTP/{version}\r\n{named}Connection: close\r\n\r\n".encode())
        async with asyncio.timeout(PATIENCE):
            answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 %d " % status)


async def test_a_header_without_end_is_cut_off() -> None:
    async with open_house() as house:
        _, writer = await raw(house)
        writer.write(b"GET /healthz HTTP/1.1\r\n")
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(ConnectionError):
                await pad_without_end(writer)
        writer.close()


async def pad_without_end(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"X-Padding: " + b"x" * 8192 + b"\r\n")
        await writer.drain()


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert BODY_TIMEOUT > 0
    monkeypatch.setattr("bridge.signaling.body.BODY_TIMEOUT", 0.01)
    async with open_house() as house:
        reader, writer = await raw(house)
        writer.write(
            b"POST /whip/room HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\nContent-Length: 100\r\n"
            b"Authorization: Bearer room cart\r\n\r\n0 au"
        )
        async with asyncio.timeout(PATIENCE):
            status = await reader.readline()
        writer.close()
        assert b" 408 " in status
        assert len(house.calls) == 0


async def test_a_body_without_declared_length_is_bounded_too() -> None:
    async with open_house() as house, httpx.AsyncClient(base_url=house.url, timeout=PATIENCE) as http:

        async def chunks() -> object:
            for _ in range(300):
                yield b"x" * 1024

        refused = await http.post(
            "/whip/room",
            headers={"Content-Type": "application/sdp", "Authorization": "Bearer room cart"},
            content=chunks(),  # type: ignore[arg-type]
        )
        assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")


UPGRADE_TO_HTTP_2 = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
"""What Java's own client says over cleartext, with whatever it asks (RFC 7540, 3.2)."""


def request(extra: bytes, body: bytes) -> bytes:
    return (
        b"POST /whip/room HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\nAuthorization: Bearer room cart\r\n"
        + extra
        + b"\r\n"
        + body
    )


async def answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The status line and the body of the next response of a connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return head.partition(b"\r\n")[0], await reader.readexactly(int(length.partition(b":")[2]))


@pytest.mark.parametrize(
    ("extra", "body"),
    [
        (b"Content-Length: 7\r\n", b"0 audio"),
        (b"Transfer-Encoding: chunked\r\n", b"4\r\n0 au\r\n3\r\ndio\r\n0\r\n\r\n"),
    ],
    ids=["length", "chunks"],
)
@pytest.mark.parametrize("pieces", ["whole", "header first", "byte by byte"])
async def test_a_request_that_offers_another_protocol_is_served_by_this_one(
    extra: bytes, body: bytes, pieces: str
) -> None:
    whole = request(UPGRADE_TO_HTTP_2 + extra, body)
    cuts = {
        "whole": [whole],
        "header first": [whole[: -len(body)], body],
        "byte by byte": [whole[at : at + 1] for at in range(len(whole))],
    }
    async with open_house() as house:
        reader, writer = await raw(house)
        # Twice, since the connection goes on.
        for _ in range(2):
            for piece in cuts[pieces]:
                writer.write(piece)
                await writer.drain()
            async with asyncio.timeout(PATIENCE):
                status, described = await answer(reader)
            # The media plane of these tests answers an offer by itself.
            assert (status.split()[1], described) == (b"201", b"0 audio")
        writer.close()


async def test_requests_that_offer_another_protocol_may_follow_each_other_at_once() -> None:
    async with open_house() as house:
        reader, writer = await raw(house)
        once = b"GET /nowhere HTTP/1.1\r\nHost: x\r\n" + UPGRADE_TO_HTTP_2 + b"\r\n"
        writer.write(once * 3)
        async with asyncio.timeout(PATIENCE):
            answers = [await answer(reader) for _ in range(3)]
        writer.close()
        assert [status.split()[1] for status, _ in answers] == [b"404"] * 3


async def test_garbage_of_strangers_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with open_house() as house:
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", house.server.port)
            writer.write(b"\0 nonsense\r\n\r\n")
            async with asyncio.timeout(PATIENCE):
                assert (await reader.read()).startswith(b"HTTP/1.1 400")
            writer.close()
    # Another test of this process may have been the one whose garbage is told.
    assert sum("Invalid HTTP request" in record.getMessage() for record in caplog.records) <= 1
