"""What browsers are told about frames, TLS and the session cookie."""

from __future__ import annotations

from pathlib import Path

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.app import Application
from bridge.signaling.http import application
from bridge.signaling.signin.cookie import set_cookie
from loadtest.ports import free_port
from tests.signaling.signin.house import Browser, Vendor, settings_of
from tests.support.patience import PATIENCE


async def ok(_request: Request) -> Response:
    return Response("ok")


async def test_browsers_that_came_by_tls_are_told_to_come_by_tls_only() -> None:
    for hsts, url, told in (
        (31_536_000.0, "https://bridge.example/", "max-age=31536000"),
        (31_536_000.0, "http://bridge.example/", None),
        (0.0, "https://bridge.example/", None),
    ):
        transport = httpx.ASGITransport(application([Route("/", ok)], hsts=hsts))
        async with httpx.AsyncClient(transport=transport, timeout=PATIENCE) as client:
            for path in ("", "missing"):
                headers = (await client.get(f"{url}{path}")).headers
                assert headers.get("strict-transport-security") == told


async def test_vendors_that_the_operator_names_may_show_the_pages_in_frames(tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    settings = settings_of(tmp_path, port, frame_ancestors=["https://vendor.example"])
    bridge = Application(settings, development=True)
    await bridge.start()
    try:
        browser = Browser(base)
        for path in ("/signin", "/join"):
            page = await browser.get(path)
            policy = page.headers["content-security-policy"]
            assert page.status_code == 200
            assert "frame-ancestors https://vendor.example" in policy
            assert "script-src 'self';" in policy
        code = await Vendor(base, settings.data.directory).invite(role="tolk")
        answer = await browser.post("/signin/invitation", code=code)
        assert "SameSite=None; Partitioned" in answer.headers["set-cookie"]
    finally:
        await bridge.close()


def test_the_cookie_is_for_this_host_alone_and_out_of_scripts_reach() -> None:
    response = Response()
    set_cookie(response, "value", embedded=False)
    assert response.headers["set-cookie"] == "__Host-bridge=value; Path=/; Secure; HttpOnly; SameSite=Lax"
