"""WHIP and WHEP clients on aiortc, an independent WebRTC stack."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping

import httpx
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.rtcconfiguration import RTCBundlePolicy
from aiortc.rtcrtpsender import RTCRtpSender
from av.frame import Frame

from tests.support.aiortc_gaps import give_up_lost_pictures
from tests.support.media import Watcher
from tests.support.patience import PATIENCE


def prefer(transceiver: RTCRtpTransceiver, codec: str) -> None:
    """Offers only `codec` (with its retransmissions)."""
    offered = RTCRtpSender.getCapabilities(transceiver.kind).codecs
    transceiver.setCodecPreferences([c for c in offered if c.mimeType.split("/")[1].upper() in (codec.upper(), "RTX")])


class HttpPeer:
    """One WHIP or WHEP session."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.headers = {"Authorization": f"Bearer {token}"}
        # By the other policies aiortc leaves all m-lines but the first of each kind on transports that never stand.
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self.location = ""
        self.etag = ""
        self.rewrite_answer: Callable[[str], str] = lambda answer: answer
        """What stands between the client and the bridge may change the candidates."""

    async def negotiate(self) -> None:
        """Offers, sends the offer to the door, takes the answer, and waits until the connection stands.

        Whoever is in the lobby offers until they are let in.
        """
        await self.peer.setLocalDescription(await self.peer.createOffer())
        answer = await self._post(self.peer.localDescription.sdp)
        while answer.status_code == 409 and answer.json()["code"] == "in_lobby":
            # It has knocked, and asks again as it is told to.
            await asyncio.sleep(float(answer.headers["retry-after"]))
            answer = await self._post(self.peer.localDescription.sdp)
        assert answer.status_code == 201, answer.text
        self.location = str(answer.request.url.join(answer.headers["location"]))
        self.etag = answer.headers.get("etag", "")
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp=self.rewrite_answer(answer.text), type="answer"))
        self.answered()
        await self.connected()

    async def _post(self, offer: str) -> httpx.Response:
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            headers = {**self.headers, "Content-Type": "application/sdp"}
            return await client.post(self.url, headers=headers, content=offer)

    def answered(self) -> None:
        """Called when the answer was taken, before the connection stands."""

    async def connected(self, within: float = PATIENCE) -> None:
        """Waits until ICE and DTLS are through."""
        done = asyncio.Event()

        def look() -> None:
            if self.peer.connectionState in ("connected", "failed", "closed"):
                done.set()

        self.peer.on("connectionstatechange", look)
        look()
        await asyncio.wait_for(done.wait(), within)
        assert self.peer.connectionState == "connected"

    async def close(self) -> None:
        """Ends the session as a well-behaved client does."""
        if self.location:
            async with httpx.AsyncClient(timeout=PATIENCE) as client:
                gone = await client.delete(self.location, headers=self.headers)
            assert gone.status_code in (200, 204, 404), gone.text
        await self.peer.close()


class Publisher(HttpPeer):
    """Publishes tracks by WHIP."""

    async def publish(
        self, tracks: Iterable[MediaStreamTrack], video_codec: str = "VP8", audio_codec: str = "opus"
    ) -> None:
        """Offers the tracks sendonly and returns when connected."""
        for track in tracks:
            transceiver = self.peer.addTransceiver(track, direction="sendonly")
            prefer(transceiver, video_codec if track.kind == "video" else audio_codec)
        await self.negotiate()


class Viewer(HttpPeer):
    """Views by WHEP; `watchers` are in the order of the m-lines."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__(url, token)
        self.watchers: list[Watcher] = []
        self.inspect: dict[str, Callable[[Frame], None]] = {}
        """Called with each decoded frame of a kind, in place of the search for colours and tones."""
        self.prepare: dict[str, Callable[[RTCRtpReceiver], None]] = {}
        """Called with the receiver of a kind before anything is received."""

    async def view(self, kinds: Iterable[str] = ("audio", "video"), only: Mapping[str, str] | None = None) -> None:
        """Offers a recvonly m-line per kind and returns when connected. `only` names the one codec of a kind."""
        for kind in kinds:
            transceiver = self.peer.addTransceiver(kind, direction="recvonly")
            if only is not None and kind in only:
                prefer(transceiver, only[kind])
            if kind in self.prepare:
                self.prepare[kind](transceiver.receiver)
        await self.negotiate()

    def payload_type(self, codec: str) -> int:
        """The number that the bridge's answer gives a codec."""
        found = re.search(rf"^a=rtpmap:(\d+) {codec}/", self.peer.remoteDescription.sdp, re.MULTILINE | re.IGNORECASE)
        assert found is not None, f"{codec} was not answered"
        return int(found[1])

    def answered(self) -> None:
        """aiortc has the tracks once it has the answer."""
        for transceiver in self.peer.getTransceivers():
            # None where the bridge had nothing to send on this m-line, whatever aiortc's types say.
            track: MediaStreamTrack | None = transceiver.receiver.track
            if track is None:
                continue
            if track.kind not in self.prepare:
                give_up_lost_pictures(transceiver.receiver)
            self.watchers.append(Watcher(track, inspect=self.inspect.get(track.kind)).start())

    async def close(self) -> None:
        """Stops watching and ends the session."""
        for watcher in self.watchers:
            await watcher.stop()
        await super().close()
