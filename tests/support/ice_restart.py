"""ICE restarts with aiortc, which has none of its own: its ICE agent is given the new credentials by hand.

What it does from then on is its own: checks, consent and media use them over the path that it has.
"""

from __future__ import annotations

import re

from aiortc import RTCPeerConnection
from aiortc.rtcicetransport import RTCIceTransport

UFRAG = re.compile(r"a=ice-ufrag:([^\r\n]+)")
PWD = re.compile(r"a=ice-pwd:([^\r\n]+)")


def credentials(description: str) -> tuple[str, str]:
    """The user name fragment and the password of a description, or of a fragment of one."""
    ufrag, pwd = UFRAG.search(description), PWD.search(description)
    assert ufrag is not None
    assert pwd is not None
    return ufrag[1], pwd[1]


def with_credentials(description: str, ufrag: str, pwd: str) -> str:
    """The description as it would be after a restart on the side that wrote it."""
    return PWD.sub(f"a=ice-pwd:{pwd}", UFRAG.sub(f"a=ice-ufrag:{ufrag}", description))


async def follow_restart(peer: RTCPeerConnection, description: str) -> None:
    """Checks the path with the credentials of the bridge's `description` and goes on with them.

    Raises aioice's `TransactionFailed` or `TransactionTimeout` when the bridge does not take them.
    """
    connection = _transport(peer)._connection
    connection.remote_username, connection.remote_password = credentials(description)
    for pair in connection._nominated.values():
        check = connection.build_request(pair, nominate=True)
        await pair.protocol.request(check, pair.remote_addr, integrity_key=connection.remote_password.encode())


def _transport(peer: RTCPeerConnection) -> RTCIceTransport:
    """The one transport of a bundle."""
    (transport,) = {transceiver.receiver.transport.transport for transceiver in peer.getTransceivers()}
    return transport
