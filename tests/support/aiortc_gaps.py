"""Where aiortc (1.16) falls short of what the bridge may expect of a client and of what browsers do."""

from __future__ import annotations

from aiortc import RTCPeerConnection
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.sdp import SessionDescription

VIDEO_PACKETS_HELD = 64
"""About two seconds of the small pictures that the tests send."""


def follow_remote_description(peer: RTCPeerConnection) -> None:
    """Routes to each receiver the SSRCs that the newest remote description gives to its m-line.

    An m-line that is used again has other SSRCs (RFC 8843, section 9.2). aiortc enters those of an m-line only when its
    receiver starts (`RTCRtpReceiver.receive` returns early from then on), and `RtpRouter.route_rtp` does not look at
    the MID of a packet with an unknown SSRC. So it would drop what comes on an m-line whose first producer has left.
    """
    described = {media.rtp.muxId: media for media in SessionDescription.parse(peer.remoteDescription.sdp).media}
    for transceiver in peer.getTransceivers():
        ssrcs = [each.ssrc for each in described[transceiver.mid or ""].ssrc]
        table = transceiver.receiver.transport._rtp_router.ssrc_table
        for ssrc in [ssrc for ssrc, receiver in table.items() if receiver is transceiver.receiver]:
            del table[ssrc]
        table.update(dict.fromkeys(ssrcs, transceiver.receiver))
        if len(ssrcs) == 2:
            # Retransmissions: the second SSRC repairs the first (RFC 4588, ssrc-group FID).
            vars(transceiver.receiver)["_RTCRtpReceiver__rtx_ssrc"] = {ssrcs[1]: ssrcs[0]}


def give_up_lost_pictures(receiver: RTCRtpReceiver) -> None:
    """Has a new video receiver go on behind a gap, and ask for a keyframe, within seconds.

    `JitterBuffer` knows no time: it waits for what is lost until 512 packets have come behind it, which takes 17 s with
    the small pictures of the tests, and before that it asks for nothing. Browsers do so after a second or so.
    """
    if receiver.track.kind == "video":
        vars(receiver)["_RTCRtpReceiver__jitter_buffer"] = JitterBuffer(capacity=VIDEO_PACKETS_HELD, is_video=True)
