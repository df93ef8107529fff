"""A WHIP or WHEP session on GStreamer's webrtcbin (libnice, OpenSSL, its own RTP stack).

Run by the system's Python, which has GStreamer's bindings:

    gstreamer_peer.py publish URL CODEC RRGGBB HERTZ [SOUND]     (token on standard input)
    gstreamer_peer.py view URL CODEC [SOUND]             (prints a JSON line per picture and per block of sound)

SOUND is OPUS, unless it is said.

Ends when standard input is closed.
"""

import itertools
import json
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPResponse

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

ENCODERS = {
    "VP8": "vp8enc deadline=1 target-bitrate=400000 keyframe-max-dist=300 ! rtpvp8pay picture-id-mode=15-bit pt=96",
    "VP9": "vp9enc deadline=1 cpu-used=8 target-bitrate=400000 keyframe-max-dist=300 ! rtpvp9pay pt=96",
    "H264": "openh264enc bitrate=400000 gop-size=300 ! h264parse config-interval=-1 ! rtph264pay pt=96",
}
DECODERS = {
    "VP8": "rtpvp8depay ! vp8dec",
    "VP9": "rtpvp9depay ! vp9dec",
    "H264": "rtph264depay ! h264parse ! openh264dec",
}

RECEIVED_FORMATS = {
    "VP8": "encoding-name=VP8",
    "VP9": "encoding-name=VP9",
    "H264": "encoding-name=H264,packetization-mode=(string)1,profile-level-id=(string)42e01f,"
    "level-asymmetry-allowed=(string)1",
}

SOUND_ENCODERS = {
    "OPUS": "opusenc ! rtpopuspay pt=97",
    "PCMA": "audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay pt=8",
}
SOUND_DECODERS = {"OPUS": "rtpopusdepay ! opusdec", "PCMA": "rtppcmadepay ! alawdec"}
SOUND_FORMATS = {
    "OPUS": "encoding-name=OPUS,payload=97,clock-rate=48000,encoding-params=(string)2",
    "PCMA": "encoding-name=PCMA,payload=8,clock-rate=8000",
}


def say(message: dict[str, object]) -> None:
    """Prints one line in one piece: GStreamer calls from several threads."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


class Peer:
    """One webrtcbin and its HTTP exchange."""

    def __init__(self, url: str, token: str, loop: GLib.MainLoop) -> None:
        self.url = url
        self.token = token
        self.loop = loop
        self.pipeline = Gst.Pipeline.new("peer")
        self.webrtc = Gst.ElementFactory.make("webrtcbin", "webrtc")
        self.webrtc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipeline.add(self.webrtc)
        self.webrtc.connect("notify::ice-gathering-state", self._gathered)
        self._sent = False
        self._session = ""

    def offer(self) -> None:
        """Makes the offer; it is sent when gathering is complete."""
        self.webrtc.emit("create-offer", None, Gst.Promise.new_with_change_func(self._offered))

    def _offered(self, promise: Gst.Promise) -> None:
        # The binding's value points into the reply: it must outlive the value.
        reply = promise.get_reply()
        self.webrtc.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())

    def _gathered(self, *_: object) -> None:
        if self._sent or self.webrtc.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            return
        self._sent = True
        sdp = self.webrtc.get_property("local-description").sdp.as_text()
        threading.Thread(target=self._exchange, args=(sdp,), daemon=True).start()

    def _exchange(self, offer: str) -> None:
        try:
            with self._request("POST", self.url, offer.encode()) as response:
                answer = response.read().decode()
                self._session = urllib.parse.urljoin(self.url, response.headers["Location"])
        except urllib.error.HTTPError as error:
            say({"error": f"{error.code} {error.read().decode()}"})
            GLib.idle_add(self.loop.quit)
            return
        _, message = GstSdp.SDPMessage.new_from_text(answer)
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        self.webrtc.emit("set-remote-description", description, Gst.Promise.new())
        say({"negotiated": True})

    def leave(self) -> None:
        """Ends the session (RFC 9725, section 4.2)."""
        if self._session:
            self._request("DELETE", self._session).close()

    def _request(self, method: str, url: str, body: bytes | None = None) -> HTTPResponse:
        headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {self.token}"}
        response: HTTPResponse = urllib.request.urlopen(
            urllib.request.Request(url, body, headers, method=method), timeout=120
        )
        return response


def publish(peer: Peer, codec: str, colour: str, hertz: str, sound: str = "OPUS") -> None:
    """A plain picture and a tone into webrtcbin."""
    video = Gst.parse_bin_from_description(
        f"videotestsrc is-live=true pattern=ball background-color=0xff{colour} "
        f"! video/x-raw,width=320,height=240,framerate=15/1 ! videoconvert ! queue ! {ENCODERS[codec]}",
        True,
    )
    audio = Gst.parse_bin_from_description(
        f"audiotestsrc is-live=true freq={hertz} volume=0.5 ! audioconvert ! audioresample ! queue "
        f"! {SOUND_ENCODERS[sound]}",
        True,
    )
    for element in (video, audio):
        peer.pipeline.add(element)
        element.link(peer.webrtc)
    for index in range(2):
        transceiver = peer.webrtc.emit("get-transceiver", index)
        transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        transceiver.set_property("do-nack", True)
    peer.webrtc.connect("on-negotiation-needed", lambda _: peer.offer())


def view(peer: Peer, codec: str, sound: str = "OPUS") -> None:
    """Prints the mean colour and the frequency of what arrives."""
    caps = {
        "video": f"application/x-rtp,media=video,{RECEIVED_FORMATS[codec]},payload=96,clock-rate=90000,"
        "rtcp-fb-nack=true,rtcp-fb-nack-pli=true",
        "audio": f"application/x-rtp,media=audio,{SOUND_FORMATS[sound]}",
    }
    for text in caps.values():
        transceiver = peer.webrtc.emit(
            "add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(text)
        )
        transceiver.set_property("do-nack", True)
    peer.webrtc.connect("pad-added", lambda _, pad: _show(peer, codec, sound, pad))
    peer.webrtc.connect("on-negotiation-needed", lambda _: peer.offer())


def _show(peer: Peer, codec: str, sound: str, pad: Gst.Pad) -> None:
    if pad.get_direction() != Gst.PadDirection.SRC:
        return
    media = pad.get_current_caps().get_structure(0).get_string("media")
    if media == "video":
        text = f"queue ! {DECODERS[codec]} ! videoconvert ! videoscale ! video/x-raw,format=RGB,width=16,height=16"
        handler = _on_picture
    else:
        raw = "audio/x-raw,format=S16LE,rate=48000,channels=1"
        text = f"queue ! {SOUND_DECODERS[sound]} ! audioconvert ! audioresample ! {raw}"
        handler = _on_sound
    sink = Gst.parse_bin_from_description(
        f"{text} ! appsink name=sink emit-signals=true sync=false max-buffers=10", True
    )
    sink.get_by_name("sink").connect("new-sample", handler)
    peer.pipeline.add(sink)
    sink.sync_state_with_parent()
    pad.link(sink.get_static_pad("sink"))


def _on_picture(sink: Gst.Element) -> Gst.FlowReturn:
    data = sink.emit("pull-sample").get_buffer().extract_dup(0, 16 * 16 * 3)
    lower = data[len(data) // 2 :]
    mean = [sum(lower[i::3]) * 3 / len(lower) for i in range(3)]
    say({"colour": mean})
    return Gst.FlowReturn.OK


def _on_sound(sink: Gst.Element) -> Gst.FlowReturn:
    buffer = sink.emit("pull-sample").get_buffer()
    samples = memoryview(buffer.extract_dup(0, buffer.get_size())).cast("h")
    crossings = sum(1 for a, b in itertools.pairwise(samples) if a < 0 <= b)
    say({"tone": crossings * 48000 / max(1, len(samples)), "peak": max(samples, default=0)})
    return Gst.FlowReturn.OK


def _failed(_: Gst.Bus, message: Gst.Message, loop: GLib.MainLoop) -> None:
    say({"error": message.parse_error()[0].message})
    loop.quit()


def main() -> None:
    """Runs one peer until standard input ends."""
    Gst.init(None)
    mode, url, codec, *rest = sys.argv[1:]
    loop = GLib.MainLoop()
    peer = Peer(url, sys.stdin.readline().strip(), loop)
    if mode == "publish":
        publish(peer, codec, *rest)
    else:
        view(peer, codec, *rest)
    bus = peer.pipeline.get_bus()
    bus.add_signal_watch()
    # Without the latency of the live sources the RTP session sends no sender reports.
    bus.connect("message::latency", lambda *_: peer.pipeline.recalculate_latency())
    bus.connect("message::error", _failed, loop)
    peer.pipeline.set_state(Gst.State.PLAYING)

    def until_closed() -> None:
        sys.stdin.read()
        GLib.idle_add(loop.quit)

    threading.Thread(target=until_closed, daemon=True).start()
    loop.run()
    peer.leave()
    peer.pipeline.set_state(Gst.State.NULL)


main()
