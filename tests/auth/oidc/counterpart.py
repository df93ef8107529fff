"""The certified `oidc-provider`, run as ID-porten and as HelseID, and the few things that a browser does at it."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
from joserfc.jwk import RSAKey

from bridge.auth.oidc import SigningKey
from loadtest.ports import free_port
from tests.support.patience import PATIENCE

FOLDER = Path(__file__).resolve().parents[2] / "openid"
REDIRECT_URI = "https://bridge.example/signin/callback"
SECRET = "a secret that only the tests know"


@dataclass
class Counterpart:
    """A running provider, and the bridge as it is registered there."""

    kind: str
    issuer: str
    key: SigningKey = field(repr=False)
    client_id: str = "bridge"

    def settings(self, table: str, identifier: str, title: str, folder: Path) -> str:
        """What an operator writes of it into a settings file in `folder`, where its key is put, too.

        `table` is `signin.providers` or `admin.providers`; tables below it may follow.
        """
        key = folder / f"{self.kind}.pem"
        key.write_bytes(self.key.key.as_pem(private=True))
        values = {"id": identifier, "kind": self.kind, "title": title, "issuer": self.issuer}
        values |= {"client_id": self.client_id, "key_file": key.name, "key_id": "bridge-1"}
        return "\n".join([f"[[{table}]]", *(f'{name} = "{value}"' for name, value in values.items()), ""])


AUDIENCE = "nhn:bridge"
"""Of access tokens for the bridge."""
PORTAL_URI = "https://portal.example/callback"


@dataclass
class Portal:
    """A vendor's portal, registered at the provider beside the bridge."""

    provider: Counterpart

    def sign_in(
        self, person: str, level: str, exchange: str | None = None, scope: str = "bridge:join", **form: str
    ) -> dict[str, Any]:
        """Signs somebody in there, and exchanges the access token if it is told where; see tests/openid/portal.mjs."""
        setup = {
            "issuer": self.provider.issuer,
            "client_id": "portal",
            "jwk": self.provider.key.key.as_dict(private=True),
            "redirect_uri": PORTAL_URI,
            "resource": f"urn:audience:{AUDIENCE}",
            "scope": f"openid {scope}",
            "person": person,
            "level": level,
            "exchange": exchange,
            "form": form,
        }
        node = which("node")
        assert node is not None
        command = [node, "portal.mjs", json.dumps(setup)]
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result


@contextlib.contextmanager
def running_provider(
    kind: str, redirect_uri: str = REDIRECT_URI, *, auth_method: str = "private_key_jwt", **client: Any
) -> Iterator[Counterpart]:
    """Starts one, and ends it by closing its standard input."""
    port = free_port()
    private = RSAKey.generate_key(2048, {"kid": "bridge-1"})
    key = SigningKey(private, "RS256", "bridge-1")
    registered: dict[str, Any] = {
        "client_id": "bridge",
        "redirect_uris": [redirect_uri],
        "post_logout_redirect_uris": [urljoin(redirect_uri, "/signin")],
        "token_endpoint_auth_method": auth_method,
        "backchannel_logout_uri": "http://127.0.0.1:9/",
        "backchannel_logout_session_required": True,
        **client,
    }
    if auth_method == "private_key_jwt":
        registered["jwks"] = {"keys": [private.as_dict(private=False)]}
        registered["token_endpoint_auth_signing_alg"] = "RS256"
    else:
        registered["client_secret"] = SECRET
    if kind == "helseid":
        registered |= {"dpop_bound_access_tokens": True, "require_pushed_authorization_requests": True}
    portal = {**registered, "client_id": "portal", "redirect_uris": [PORTAL_URI], "post_logout_redirect_uris": []}
    setup = {"kind": kind, "port": port, "clients": [registered, portal]}
    node = which("node")
    assert node is not None
    process = subprocess.Popen(
        [node, "op.mjs", json.dumps(setup)], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        while line and line.strip() != "ready":
            line = process.stdout.readline()
        assert line, "the provider did not start"
        yield Counterpart(kind, f"http://127.0.0.1:{port}", key)
    finally:
        process.stdin.close()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


class Person:
    """Somebody with a browser: follows redirects, keeps the provider's cookies, fills in its login page."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(follow_redirects=False, timeout=PATIENCE)

    async def __aenter__(self) -> Person:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def sign_in(self, url: str, person: str, level: str, *, cancel: bool = False) -> dict[str, str]:
        """Signs in at the provider that `url` leads to; returns the parameters that it sends back to the bridge."""
        return dict(parse_qsl(urlsplit(await self.back_from(url, person, level, cancel=cancel)).query))

    async def back_from(self, url: str, person: str, level: str, *, cancel: bool = False) -> str:
        """As `sign_in`; the URL that the provider sends the browser back to."""
        home = urlsplit(url).netloc
        for _ in range(10):
            response = await self._client.get(url)
            if response.status_code == 200 and "/login/" in url:
                form = {"person": person, "level": level, **({"cancel": "yes"} if cancel else {})}
                response = await self._client.post(url, data=form)
            assert response.status_code in (302, 303), f"{response.status_code}: {_words(response.text)}"
            url = urljoin(url, response.headers["location"])
            if urlsplit(url).netloc != home:
                return url
        raise AssertionError("the provider goes round in circles")


@contextlib.asynccontextmanager
async def person() -> AsyncIterator[Person]:
    """Somebody with a new browser."""
    async with Person() as somebody:
        yield somebody


def _words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())[:300]
