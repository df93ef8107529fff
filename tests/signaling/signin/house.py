"""A whole bridge with its providers, and a browser at it that does what the page does."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx
import jwt

from bridge.app import Application
from bridge.auth import DEVELOPMENT_ISSUER, development_secret
from bridge.settings import Settings, load_settings
from tests.auth.oidc.counterpart import Counterpart
from tests.support.patience import PATIENCE

COOKIE = "__Host-bridge"


def settings_of(
    data: Path, port: int, *counterparts: Counterpart, more: str = "", frame_ancestors: Sequence[str] = ()
) -> Settings:
    """Settings of a bridge on that port, registered at these providers."""
    lines = [
        "[http]",
        f'listen = "127.0.0.1:{port}"',
        f"frame_ancestors = {json.dumps(list(frame_ancestors))}",
        "[media]",
        'listen = ["127.0.0.1:0"]',
        "[data]",
        'directory = "data"',
        "[signin]",
        f'public_url = "http://127.0.0.1:{port}"',
    ]
    for each in counterparts:
        (data / f"{each.kind}.pem").write_bytes(each.key.key.as_pem(private=True))
        lines += [
            "[[signin.providers]]",
            f'id = "{each.kind}"',
            f'kind = "{each.kind}"',
            f'title = "{each.kind}"',
            f'issuer = "{each.issuer}"',
            f'client_id = "{each.client_id}"',
            f'key_file = "{each.kind}.pem"',
            'key_id = "bridge-1"',
            *(['roles = ["fastlege", "helsepersonell"]'] if each.kind == "helseid" else []),
        ]
    (data / "bridge.toml").write_text("\n".join([*lines, more]))
    return load_settings(data / "bridge.toml", environment={})


@dataclass
class Vendor:
    """The server of the vendor `dev`."""

    base: str
    data: Path

    def token(self, **changes: Any) -> str:
        """What it says who it is by."""
        now = int(time.time())
        claims = {"iss": DEVELOPMENT_ISSUER, "aud": "bridge/vendor", "iat": now, "exp": now + 60, **changes}
        headers = {"typ": "bridge-vendor+jwt"}
        return jwt.encode(claims, development_secret(self.data, create=False), algorithm="HS256", headers=headers)

    async def ask(self, **body: Any) -> httpx.Response:
        """POSTs an invitation."""
        headers = {"Authorization": f"Bearer {self.token()}"}
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            return await client.post(f"{self.base}/v1/invitations", json=body, headers=headers)

    async def invite(self, **body: Any) -> str:
        """The code of a new link."""
        response = await self.ask(**{"room": "time-1", "lifetime": 600, **body})
        assert response.status_code == 201, response.text
        link: str = response.json()["link"]
        assert link.startswith(f"{self.base}/signin#")
        return link.partition("#")[2]


@dataclass
class Browser:
    """Keeps the bridge's cookie as browsers do on loopback, where `Secure` may be cleartext, and the CSRF token."""

    base: str
    cookie: str | None = None
    csrf: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str) -> httpx.Response:
        """GETs a path or a URL of the bridge."""
        async with httpx.AsyncClient(base_url=self.base, timeout=PATIENCE) as client:
            return self._keep(await client.get(path, headers=self._headers()))

    async def post(self, path: str, **body: Any) -> httpx.Response:
        """POSTs JSON as the page does."""
        headers = {"Sec-Fetch-Site": "same-origin", **({"X-CSRF-Token": self.csrf} if self.csrf else {})}
        async with httpx.AsyncClient(base_url=self.base, timeout=PATIENCE) as client:
            return self._keep(await client.post(path, json=body, headers=self._headers() | headers | self.headers))

    async def open(self, code: str) -> dict[str, Any]:
        """Opens a link."""
        response = await self.post("/signin/invitation", code=code)
        assert response.status_code == 200, response.text
        return await self.look()

    async def look(self) -> dict[str, Any]:
        """What the page has to show."""
        state: dict[str, Any] = (await self.get("/signin/session")).json()
        self.csrf = state["csrf"]
        return state

    def _headers(self) -> dict[str, str]:
        return {"Cookie": f"{COOKIE}={self.cookie}"} if self.cookie else {}

    def _keep(self, response: httpx.Response) -> httpx.Response:
        for header in response.headers.get_list("set-cookie"):
            # Python's own reader does not know the attribute before 3.14.
            morsel = SimpleCookie(header.removesuffix("; Partitioned"))[COOKIE]
            assert (morsel["secure"], morsel["httponly"], morsel["path"]) == (True, True, "/")
            assert not morsel["domain"]
            self.cookie = morsel.value or None
        return response


@dataclass
class House:
    """All of it."""

    application: Application
    base: str
    vendor: Vendor

    def browser(self) -> Browser:
        """A new one."""
        return Browser(self.base)
