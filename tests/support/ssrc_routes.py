"""What aiortc leaves out of RFC 8843, section 9.2: an m-line that is used again has other SSRCs.

aiortc (1.16) enters the SSRCs of an m-line only when its receiver starts (`RTCRtpReceiver.receive` returns early from
then on), and `RtpRouter.route_rtp` does not look at the MID of a packet with an unknown SSRC. So it would drop what the
bridge sends on an m-line whose first producer has left. Browsers route by MID and need none of this.
"""

from __future__ import annotations

from aiortc import RTCPeerConnection
from aiortc.sdp import SessionDescription


def follow_remote_description(peer: RTCPeerConnection) -> None:
    """Routes to each receiver the SSRCs that the newest remote description gives to its m-line."""
    described = {media.rtp.muxId: media for media in SessionDescription.parse(peer.remoteDescription.sdp).media}
    for transceiver in peer.getTransceivers():
        ssrcs = [each.ssrc for each in described[transceiver.mid].ssrc]
        table = transceiver.receiver.transport._rtp_router.ssrc_table
        for ssrc in [ssrc for ssrc, receiver in table.items() if receiver is transceiver.receiver]:
            del table[ssrc]
        table.update(dict.fromkeys(ssrcs, transceiver.receiver))
        if len(ssrcs) == 2:
            # Retransmissions: the second SSRC repairs the first (RFC 4588, ssrc-group FID).
            vars(transceiver.receiver)["_RTCRtpReceiver__rtx_ssrc"] = {ssrcs[1]: ssrcs[0]}
