"""What `bridge serve --dev` does for someone who wants to see a call: TLS that is good enough, and links to click."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from bridge import ports
from bridge.auth import DEVELOPMENT_ISSUER, development_secret, mint
from bridge.auth.operator_keys import RIGHTS, OperatorKeys
from bridge.auth.printed_keys import OPERATOR_KEY, printed_key
from bridge.configuration import Address
from bridge.data_directory import make_data_directory
from bridge.development_certificate import development_certificate
from bridge.recordings import with_development_key
from bridge.sandbox import sandbox_token
from bridge.settings import MediaSection, Settings
from bridge.sfu.interfaces import addresses

ROOM = "test"
ROLES = ("fastlege", "pasient", "tolk", "parorende", "spesialist")
"""Whom the links are for, where the roles file has them; else it is the file's first few."""
MAX_HOSTS = 4
"""Addresses of this machine that links are printed for, and that media uses beside loopback."""


@dataclass(frozen=True, slots=True)
class Development:
    """How a development bridge runs."""

    settings: Settings
    media: str
    """Where media flows and why, in a sentence for whoever starts it."""


def prepare(settings: Settings, *, insecure: bool) -> Development:
    """Adds what development needs: TLS beyond loopback, and media where the page is and where browsers can reach it.

    With `insecure`, HTTP stays in cleartext on any address. Raises `BridgeError` or `OSError`.
    """
    make_data_directory(settings.data.directory)
    settings = with_development_key(settings, create=True)
    # A browser would remember it of "localhost" or of this machine's name, and refuse other developers' servers there.
    http, media = replace(settings.http, hsts=0.0), settings.media
    # Who reaches a development bridge may see its operators' page, with the key that is printed.
    admin = replace(settings.admin, enabled=True, allowed=("0.0.0.0/0", "::/0"))
    settings = replace(settings, http=http, admin=admin)
    if not http.listen.is_loopback:
        # Who comes to the page over the network has to reach the media too.
        listen = tuple(
            Address(http.listen.host, address.port) if address.is_loopback else address for address in media.listen
        )
        settings = replace(settings, media=replace(media, listen=tuple(dict.fromkeys(listen))))
        if http.tls_certificate is None and not http.trusted_proxies and not insecure:
            certificate, key = development_certificate(settings.data.directory, hosts(http.listen))
            settings = replace(settings, http=replace(http, tls_certificate=certificate, tls_key=key))
    media, remark = _beyond_loopback(settings.media)
    return Development(replace(settings, media=media), remark)


def _beyond_loopback(media: MediaSection) -> tuple[MediaSection, str]:
    """Media that listens on loopback only listens on this machine's own addresses too, after them, if it can.

    Firefox has no candidates on loopback and pairs none with those of others (`media.peerconnection.ice.loopback`), so
    that two of its windows on this machine would not reach a bridge on 127.0.0.1.
    """
    given = " and ".join(map(str, media.listen))
    if media.announced or not all(address.is_loopback for address in media.listen):
        return media, f"Media flows over {given}."
    own = [
        Address(str(host), first.port)
        for first in media.listen
        for host in addresses(6 if ":" in first.host else 4)[:MAX_HOSTS]
        if not host.is_loopback
    ]
    added, problems = [], []
    for first in dict.fromkeys(own):
        found = [
            (address, why)
            for address, kind in ports.media_addresses(media, first)
            if (why := ports.why_not(address, kind))
        ]
        if found:
            problems.append("{}: {}".format(*found[0]))
        else:
            added.append(first)
    if added:
        more = " and ".join(map(str, added))
        return replace(media, listen=(*media.listen, *added)), f"Media flows over {given}, and {more} for Firefox."
    why = ", ".join(problems) or "this machine has no other address"
    return media, f"Media flows over {given} only, which Firefox does not use ({why})."


def hosts(listen: Address) -> list[str]:
    """The addresses under which others reach what listens there."""
    if not listen.is_unspecified:
        return [listen.host]
    return [str(address) for address in addresses(6 if ":" in listen.host else 4)][:MAX_HOSTS]


def links(settings: Settings, port: int, roles: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """A role and its link to one test room, for each address of this machine and each of a few roles.

    The token stands in the fragment, which browsers keep to themselves.
    """
    secret = development_secret(settings.data.directory, create=False)
    scheme = "http" if settings.http.tls_certificate is None else "https"
    for host in hosts(settings.http.listen):
        for role in _shown_roles(roles):
            token = mint(
                secret,
                issuer=DEVELOPMENT_ISSUER,
                audience=settings.tokens.audience,
                room=ROOM,
                identity=role,
                role=role,
                name=role.capitalize(),
                issued_at=time.time(),
                ttl=settings.tokens.max_ttl,
            )
            yield role, f"{scheme}://{Address(host, port)}/join#{quote(token)}"


def sandbox_link(settings: Settings, port: int) -> str:
    """The link of the developers' page, with its token in the fragment."""
    scheme = "http" if settings.http.tls_certificate is None else "https"
    token = sandbox_token(settings, "developer", "Developer")
    return f"{scheme}://{Address(hosts(settings.http.listen)[0], port)}/sandbox#{quote(token)}"


def operator_link(settings: Settings, port: int, note: Callable[[str], None]) -> str:
    """The link of the operators' page, with a key in the fragment: the same at each start, unless it was revoked.

    `note`: see `printed_key`. Raises `BridgeError` or `OSError`.
    """
    data, keys = settings.data.directory, OperatorKeys(settings.data.directory)
    text = printed_key(
        keys, data / OPERATOR_KEY, lambda key_id: keys.create("development", key_id=key_id, rights=RIGHTS), note
    )
    scheme = "http" if settings.http.tls_certificate is None else "https"
    return f"{scheme}://{Address(hosts(settings.http.listen)[0], port)}/admin#{text}"


def _shown_roles(roles: Mapping[str, object]) -> Sequence[str]:
    return [role for role in ROLES if role in roles] or list(roles)[: len(ROLES)]
