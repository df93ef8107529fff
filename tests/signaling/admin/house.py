"""A whole bridge with its operators, and a browser at it that does what the page does."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from http.cookies import SimpleCookie
from ipaddress import ip_address
from typing import Any

import httpx

from bridge.app import Application
from bridge.auth.operator_keys import OperatorKeys
from bridge.configuration import Address
from bridge.settings import AdminSettings, DataSettings, HttpSettings, MediaSection, Settings
from bridge.signaling.admin.cookie import COOKIE, PENDING_COOKIE

_numbers = itertools.count(1)
ALL = replace(AdminSettings(), enabled=True)


def client(base: str) -> httpx.AsyncClient:
    """Without the certificates that loopback needs none of: to load them takes longer than a request."""
    return httpx.AsyncClient(base_url=base, verify=False)


@dataclass
class Browser:
    """Keeps the operator's cookie as browsers do on loopback, where `Secure` may be cleartext, and the CSRF token."""

    base: str
    cookie: str | None = None
    csrf: str | None = None
    headers: dict[str, str] = field(default_factory=lambda: {"Sec-Fetch-Site": "same-origin"})
    address: str = field(default_factory=lambda: str(ip_address("127.0.0.1") + next(_numbers)))
    """What a proxy says of where it is: another for each, so that none uses up the attempts of the others."""
    pending: str | None = None
    """The cookie of a sign-in under way at a provider."""

    async def ask(self, method: str, path: str, **body: Any) -> httpx.Response:
        """As the page does."""
        headers = {"X-Forwarded-For": self.address, **self.headers}
        if self.csrf is not None:
            headers["X-CSRF-Token"] = self.csrf
        held = {COOKIE: self.cookie, PENDING_COOKIE: self.pending}
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in held.items() if value)
        async with client(self.base) as http:
            response = await http.request(method, path, json=body, headers=headers)
        for header in response.headers.get_list("set-cookie"):
            ((name, morsel),) = SimpleCookie(header).items()
            assert (morsel["secure"], morsel["httponly"], morsel["path"], morsel["domain"]) == (True, True, "/", "")
            assert morsel["samesite"] == {COOKIE: "Strict", PENDING_COOKIE: "Lax"}[name]
            if name == COOKIE:
                self.cookie = morsel.value or None
            else:
                self.pending = morsel.value or None
        return response

    async def sign_in(self, key: str) -> httpx.Response:
        """By that key."""
        response = await self.ask("POST", "/admin/session", key=key)
        if response.status_code == 200:
            self.csrf = response.json()["csrf"]
        return response

    async def look(self, query: str = "") -> dict[str, Any]:
        """What the page shows."""
        response = await self.ask("GET", f"/admin/overview{query}")
        assert response.status_code == 200, response.text
        shown: dict[str, Any] = response.json()
        return shown


@dataclass
class House:
    """A bridge and its operators' keys."""

    application: Application
    keys: OperatorKeys

    @property
    def base(self) -> str:
        """Where HTTP is."""
        return f"http://127.0.0.1:{self.application.http_port}"

    def browser(self) -> Browser:
        """A new one."""
        return Browser(self.base)

    async def signed_in(self, *rights: str) -> Browser:
        """One that an operator of these rights has signed in with."""
        browser = self.browser()
        assert (await browser.sign_in(self.keys.create("Night shift", rights=rights)[1])).status_code == 200
        return browser


def settings_of(data: Any, admin: AdminSettings = ALL) -> Settings:
    """Of a bridge on free ports."""
    return Settings(
        http=HttpSettings(Address("127.0.0.1", 0), trusted_proxies=("127.0.0.1",)),
        media=replace(MediaSection(), listen=(Address("127.0.0.1", 0),)),
        data=DataSettings(data),
        admin=admin,
    )
