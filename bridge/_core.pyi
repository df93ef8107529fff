"""The data plane, as the control plane sees it: the contract of the native extension `bridge._core`.

A `Worker` is one thread with its own UDP port and TCP listener. Commands never block and never wait for the thread:
they are checked, queued, and carried out in order. What a command leads to comes back as an *event*. Events wait in a
bounded queue (`EVENT_QUEUE_LIMIT`; past it DTLS datagrams and audio levels are dropped and counted, all else is kept);
`event_fd()` becomes readable when the queue is no longer empty, and `drain()` takes what is there.

Ids (`transport_id`, `router_id`, `producer_id`, `consumer_id`) are chosen by the caller, 0 ≤ id < 2**63, and never
used twice within the life of a worker. A router exists while it has transports.

Errors: a parameter of the wrong shape raises `ValueError` or `TypeError` at once and names the key; a command that
names something that does not exist (any more) is answered by a `command_failed` event; after `close()`, and while
65,536 commands wait, every command raises `RuntimeError`.
"""

from typing import Literal, NotRequired, TypedDict, final

EVENT_QUEUE_LIMIT: int
"""Events that wait at most."""

MediaKind = Literal["audio", "video"]
SrtpProfile = Literal["SRTP_AEAD_AES_128_GCM", "SRTP_AEAD_AES_256_GCM", "SRTP_AES128_CM_SHA1_80"]
Protocol = Literal["udp", "tcp"]

class WorkerConfig(TypedDict):
    """Where a worker listens and within what bounds it works."""

    index: int
    """0 for the first worker; used in its thread's name."""
    listen: list[str]
    """Addresses "ip:port" or "[ip6]:port" to bind UDP (and TCP) on. Port 0 lets the system choose."""
    skip_absent: NotRequired[bool]
    """Whether addresses that this machine does not have are passed over, if it has another. Default false."""
    tcp: NotRequired[bool]
    """Whether to accept ICE-TCP (RFC 6544 passive, RFC 4571 framing) on the same ports. Default true."""
    max_strangers: NotRequired[int]
    """TCP connections at most that have not proven to be a peer's; the oldest makes room for a new one. Default 256."""
    gather_us: NotRequired[int]
    """Microseconds to rest at most so that packets come together; less as they come faster. 0 never. Default 2000."""
    receive_buffer_bytes: NotRequired[int]
    """SO_RCVBUF asked for, per socket. Default 4 MiB."""
    send_buffer_bytes: NotRequired[int]
    """SO_SNDBUF asked for, per socket. Default 4 MiB."""
    max_transports: NotRequired[int]
    """Transports at most; further ones fail. Default 8192."""
    consent_timeout_ms: NotRequired[int]
    """Silence after which nothing more is sent (RFC 7675). Default 30000."""
    stall_timeout_ms: NotRequired[int]
    """Silence after which the watchdog reports a producer or consumer as stalled. Default 3000."""
    pin_cpu: NotRequired[int]
    """CPU to pin the thread to. Default: not pinned."""

class HeaderExtension(TypedDict):
    """An RTP header extension (RFC 8285)."""

    uri: str
    id: int

class CodecParams(TypedDict):
    """A payload type that a producer may send."""

    payload_type: int
    name: str
    clock_rate: int
    rtx_payload_type: NotRequired[int | None]
    rtcp_feedback: NotRequired[list[str]]
    """Values of `a=rtcp-fb`: "nack", "nack pli", "ccm fir", "transport-cc", "goog-remb", and "ack ccfb", by which the
    publisher gets congestion feedback by source (RFC 8888)."""

class EncodingParams(TypedDict):
    """An encoding of a producer; without `ssrc` it is learned from MID (and RID)."""

    ssrc: NotRequired[int | None]
    rtx_ssrc: NotRequired[int | None]
    rid: NotRequired[str | None]

class ProducerParams(TypedDict):
    """An incoming media source."""

    transport_id: int
    kind: MediaKind
    mid: NotRequired[str | None]
    codecs: list[CodecParams]
    encodings: list[EncodingParams]
    paused: NotRequired[bool]

class PayloadTypeMapping(TypedDict):
    """How one of the producer's payload types is numbered towards the receiver."""

    producer_payload_type: int
    payload_type: int
    rtx_payload_type: NotRequired[int | None]

class ConsumerParams(TypedDict):
    """A producer as sent to one receiver."""

    transport_id: int
    producer_id: int
    ssrc: int
    rtx_ssrc: NotRequired[int | None]
    mid: NotRequired[str | None]
    cname: str
    payload_types: list[PayloadTypeMapping]
    redundancy_payload_type: NotRequired[int | None]
    """The receiver's payload type of redundant audio (RFC 2198) with its Opus inside, where negotiated."""
    rtcp_feedback: NotRequired[list[str]]
    """As of a producer; with "ack ccfb" the receiver is expected to give congestion feedback by source (RFC 8888)."""
    paused: NotRequired[bool]

class ConsumerHandover(TypedDict):
    """What a video consumer is to send from now on in place of what it sends, in the same RTP stream."""

    producer_id: int
    payload_types: list[PayloadTypeMapping]
    """Of that producer. The receiver's stand for the codecs that they stood for when the consumer was made."""

class SrtpParams(TypedDict):
    """Keys of both directions; each is the master key followed by the master salt (28, 44 or 30 bytes)."""

    profile: SrtpProfile
    send_key: bytes
    receive_key: bytes

class WebRtcTransportParams(TypedDict):
    """An ICE-lite/DTLS association."""

    router_id: int
    ice_ufrag: str
    ice_pwd: str
    receive_extensions: NotRequired[list[HeaderExtension]]
    send_extensions: NotRequired[list[HeaderExtension]]
    start_bitrate: NotRequired[int | None]
    """The estimate to begin with, in bit/s. Default 300,000."""
    max_bitrate: NotRequired[int | None]
    """The estimate never exceeds this, in bit/s. Default 50,000,000."""

class PlainTransportParams(TypedDict):
    """RTP and RTCP, multiplexed, on a UDP socket of its own."""

    router_id: int
    listen_ip: str
    remote: NotRequired[str | None]
    srtp: NotRequired[SrtpParams | None]
    receive_extensions: NotRequired[list[HeaderExtension]]
    send_extensions: NotRequired[list[HeaderExtension]]

class PeerIce(TypedDict):
    """The peer's user name fragment and password."""

    ufrag: str
    pwd: str

class TransportUpdate(TypedDict):
    """Lists given replace the old ones."""

    receive_extensions: NotRequired[list[HeaderExtension]]
    send_extensions: NotRequired[list[HeaderExtension]]
    leave_udp: NotRequired[bool]
    """Checks over UDP are answered 403 for good, whereupon peers give their paths there up and go over to TCP when ICE
    restarts. The paths serve until then."""
    leave_udp_at_restart: NotRequired[bool]
    """Checks over UDP that the peer makes with credentials which were not told yet (`peer_ice`) are answered 403 for
    good: it restarts ICE, and is to find TCP. Paths that it has serve until then."""
    peer_ice: NotRequired[PeerIce]
    """From then on is probed whether the selected path carries UDP payloads of 1,232 bytes: `NarrowPathEvent`."""
    max_incoming_bitrate: NotRequired[int]
    """What the peer is to send at most, in bit/s with all headers; 0 for no bound any more.

    Told by REMB once a second, and at once when it falls, for video producers that negotiated `goog-remb`; the smaller
    of this and of what the line from the peer carries, where the core estimates that. When the bound goes, a value that
    bounds nobody is told four times, and then nothing. Without effect where no producer negotiated it."""

class ConsumerAllocation(TypedDict):
    """What a receiver is to get of a video producer: the best that may be sent.

    Where the producer has no such layer, or it has gone dead, the best live one below it is sent. A consumer that was
    never allocated anything sends everything of encoding 0 (SVC: all layers).
    """

    spatial: int
    """Index of the encoding in `ProducerParams.encodings` (simulcast), or spatial layer of the only encoding (SVC)."""
    temporal: int
    """Highest temporal layer; 7 for all there are."""
    priority: NotRequired[int]
    """Who goes first where the line is thin: higher before lower, 0–255. Default 0."""
    still_interval_ms: NotRequired[int | None]
    """Still pictures instead of video: one keyframe about every so many milliseconds, and nothing between them."""

class TransportDemand(TypedDict):
    """How much a transport is to send."""

    allocated: int
    """What was allocated, audio included, in bit/s."""
    desired: int
    """What would be allocated if the line allowed it, in bit/s: probes go no further."""

class SpeakerSelection(TypedDict):
    """Which audio producers of a router are forwarded. Those that nobody has heard a level of always are."""

    max: NotRequired[int | None]
    """How many of the loudest; None (the default) for all."""
    always: NotRequired[list[int]]
    """Producers that are forwarded beside them, whatever their level: a pinned interpreter."""

class IceEvent(TypedDict):
    """ICE connected, moved to another address (told at a bounded rate), or consent ran out."""

    type: Literal["ice"]
    transport_id: int
    state: Literal["connected", "consent_expired"]
    protocol: Protocol
    moved: bool

class DtlsEvent(TypedDict):
    """DTLS datagrams from a peer whose ICE check succeeded."""

    type: Literal["dtls"]
    transport_id: int
    datagrams: list[bytes]

class NarrowPathEvent(TypedDict):
    """The selected path, over UDP, swallows long packets and lets short ones through. Told once of each path."""

    type: Literal["narrow_path"]
    transport_id: int

class UdpRefusedEvent(TypedDict):
    """Since UDP was left (`leave_udp`), a check over the selected path was refused. Told once."""

    type: Literal["udp_refused"]
    transport_id: int

class PlainTransportReadyEvent(TypedDict):
    """The socket of a `PlainTransport` is bound to `local` ("address:port")."""

    type: Literal["plain_transport_ready"]
    transport_id: int
    local: str

class TransportClosedEvent(TypedDict):
    """A transport ended by itself."""

    type: Literal["transport_closed"]
    transport_id: int
    reason: Literal["panic", "socket_failed"]

class ProducerEvent(TypedDict):
    """The media-flow watchdog of a producer changed its mind."""

    type: Literal["producer_live", "producer_stalled"]
    producer_id: int

class ConsumerEvent(TypedDict):
    """The media-flow watchdog of a consumer changed its mind."""

    type: Literal["consumer_live", "consumer_stalled"]
    consumer_id: int

class AudioLevel(TypedDict):
    """Smoothed level of an audio producer: −dBov, 0 loudest, 127 silence."""

    producer_id: int
    level: int
    voice: bool

class AudioLevelsEvent(TypedDict):
    """Levels of a router's audio producers, loudest first, at most five times a second and only while it changes."""

    type: Literal["audio_levels"]
    router_id: int
    levels: list[AudioLevel]

class LayerState(TypedDict):
    """A layer of a video producer that is alive."""

    spatial: int
    """Index of the encoding (simulcast; in the order of `ProducerParams.encodings`, whatever their sizes), or spatial
    layer within the only one (SVC)."""
    temporal: int
    bitrate: int
    """What sending it costs lately, with all the layers that it needs, in bit/s of RTP payload."""
    width: int
    """In pixels; 0 while unknown."""
    height: int
    frame_rate: float
    """Frames per second lately, with all the layers that it needs."""

class ProducerLayersEvent(TypedDict):
    """The live layers of a video producer.

    At once when their set or a size changes, and about once a second while rates change by a tenth or more. A layer
    without packets for a second is not alive.
    """

    type: Literal["producer_layers"]
    producer_id: int
    layers: list[LayerState]

class ConsumerLayersEvent(TypedDict):
    """What is sent to a receiver of a video producer changed; None while nothing is."""

    type: Literal["consumer_layers"]
    consumer_id: int
    spatial: int | None
    temporal: int | None

class ConsumerHandedOverEvent(TypedDict):
    """A consumer that was to be handed over sends `producer_id` now."""

    type: Literal["consumer_handed_over"]
    consumer_id: int
    producer_id: int

EstimateSource = Literal["start", "transport_feedback", "congestion_feedback", "remb", "receiver_reports"]

class EstimateEvent(TypedDict):
    """What can be sent to a transport: at once when it falls by a twentieth or more, else ten times a second."""

    type: Literal["estimate"]
    transport_id: int
    bitrate: int
    """For media, retransmissions and probes, in bit/s including RTP headers and SRTP, without UDP and IP.

    For what is decided for seconds: while a queue drains for a moment, what is sent after that. The pacer sends less.
    """
    source: EstimateSource
    proven: bool
    """Whether it rises again where it was too low: the peer tells of single packets, or has answered a probe."""
    limit_seen: bool
    """Whether the line was seen to carry no more: a low estimate without that may only be young."""
    round_trip_time: float | None
    """Smoothed, in seconds."""
    fraction_lost: float
    """Of what was sent lately, 0–1."""
    queue_delay: float | None
    """How long packets wait on the line beyond the shortest time seen lately, in seconds."""

class ActiveSpeakerEvent(TypedDict):
    """Another one is the active speaker of a router.

    None while nobody has spoken yet, and when the one who did is gone.
    """

    type: Literal["active_speaker"]
    router_id: int
    producer_id: int | None

class FlightRecordEvent(TypedDict):
    """Answer to `Worker.flight_record`, in the format of `docs/flight-record.md`.

    None where there is no such transport, or it is a plain one.
    """

    type: Literal["flight_record"]
    request_id: int
    record: bytes | None

class ProducerStats(TypedDict):
    """Counters of a producer since it was made."""

    producer_id: int
    packets: int
    bytes: int
    packets_lost: int
    jitter: float
    nacks_sent: int
    retransmissions_received: int
    keyframe_requests_sent: int
    keyframes: int
    bitrate: int
    live: bool

class ConsumerStats(TypedDict):
    """Counters of a consumer since it was made, and the receiver's last report."""

    consumer_id: int
    producer_id: int
    packets: int
    bytes: int
    retransmissions: int
    nacks_received: int
    nacks_missed: int
    keyframe_requests_received: int
    fraction_lost: float
    packets_lost: int
    jitter: float
    round_trip_time: float | None
    dropped_unmapped: int
    bitrate: int
    spatial: int | None
    """Which encoding is sent; None while nothing is."""
    layer_switches: int

class TransportStats(TypedDict):
    """Counters of a transport since it was made."""

    transport_id: int
    protocol: Protocol | None
    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int
    estimate: int | None
    """What the line to the peer carries, in bit/s; None for a `PlainTransport`."""
    estimate_source: EstimateSource | None
    round_trip_time: float | None
    """Smoothed, in seconds."""
    send_loss: float
    """Of what was sent lately, 0–1."""
    queue_delay: float | None
    """How long packets wait on the line beyond the shortest time seen lately, in seconds."""
    pacer_queue_packets: int
    """Packets that wait for their turn."""
    pacer_queue_ms: int
    """How long they take to leave, in milliseconds."""
    pacer_dropped: int
    """Packets that waited too long, or found no room, and were never sent."""
    probe_bytes: int
    """Bytes sent only to find out what the line carries."""
    retransmission_dropped: int
    """Packets that were asked for again and not sent: no room on the line, or too late."""
    errors: list[tuple[str, int]]
    producers: list[ProducerStats]
    consumers: list[ConsumerStats]

class TransportStatsEvent(TypedDict):
    """Answer to `Worker.transport_stats`."""

    type: Literal["transport_stats"]
    request_id: int
    stats: TransportStats | None

class CommandFailedEvent(TypedDict):
    """A command could not be carried out: the method's name, the id it named, and why."""

    type: Literal["command_failed"]
    command: str
    id: int
    message: str

class WorkerStoppedEvent(TypedDict):
    """The thread ended; `error` is None after `close()`."""

    type: Literal["worker_stopped"]
    error: str | None

Event = (
    IceEvent
    | DtlsEvent
    | NarrowPathEvent
    | UdpRefusedEvent
    | PlainTransportReadyEvent
    | TransportClosedEvent
    | ProducerEvent
    | ConsumerEvent
    | AudioLevelsEvent
    | ProducerLayersEvent
    | ConsumerLayersEvent
    | ConsumerHandedOverEvent
    | EstimateEvent
    | ActiveSpeakerEvent
    | FlightRecordEvent
    | TransportStatsEvent
    | CommandFailedEvent
    | WorkerStoppedEvent
)

class Capabilities(TypedDict):
    """What the kernel grants this worker, found out at start."""

    udp_gso: bool
    udp_gro: bool
    receive_buffer_bytes: int
    """As granted (smallest over its sockets); less than asked for means net.core.rmem_max is too small."""
    send_buffer_bytes: int

class WorkerStats(TypedDict):
    """Counters of a worker since its start, read without waiting for its thread; at most 50 ms old."""

    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int
    kernel_drops: int
    """Datagrams the kernel dropped since a receive buffer was full (SO_RXQ_OVFL)."""
    send_failures: int
    """Datagrams the kernel refused, or dropped by us since a TCP peer does not read."""
    errors: dict[str, int]
    """Unusable datagrams by kind, e.g. "stun_integrity", "unknown_address", "srtp_replay"."""
    busy_ns: int
    """CPU time of the thread."""
    transports: int
    producers: int
    consumers: int
    tcp_connections: int
    nacks_received: int
    nacks_sent: int
    retransmissions: int
    keyframe_requests_received: int
    keyframe_requests_sent: int
    events_dropped: int
    forward_delay: list[int]
    """Histogram of the time from receive to handing the forwarded packet to the kernel: counts per bucket."""
    forward_delay_bounds_us: list[int]
    """Upper bounds of the buckets in µs; the last bucket has none."""

@final
class Worker:
    """One data-plane thread. The constructor binds its sockets (`OSError` names the address) and starts it."""

    def __init__(self, config: WorkerConfig) -> None: ...
    def close(self) -> None:
        """Ends all transports, the sockets and the thread; returns when the thread has ended. Idempotent."""

    def event_fd(self) -> int:
        """A non-blocking eventfd that is readable while events wait. Owned by the worker."""

    def drain(self, limit: int = 1024) -> list[Event]:
        """Takes up to `limit` events, and resets the eventfd when none are left."""

    def local_addresses(self) -> list[str]:
        """The addresses bound, in the order of `listen`; without those passed over."""

    def capabilities(self) -> Capabilities: ...
    def stats(self) -> WorkerStats: ...
    def create_webrtc_transport(self, transport_id: int, params: WebRtcTransportParams) -> None: ...
    def create_plain_transport(self, transport_id: int, params: PlainTransportParams) -> None: ...
    def update_transport(self, transport_id: int, update: TransportUpdate) -> None: ...
    def restart_ice(self, transport_id: int, ice_ufrag: str, ice_pwd: str) -> None:
        """The old credentials serve until a check with the new ones succeeds."""

    def send_dtls(self, transport_id: int, datagrams: list[bytes]) -> None: ...
    def set_srtp(self, transport_id: int, params: SrtpParams) -> None: ...
    def close_transport(self, transport_id: int) -> None:
        """Sends an RTCP BYE for what it sent, then forgets it, its producers and consumers, and their consumers."""

    def create_producer(self, producer_id: int, params: ProducerParams) -> None: ...
    def pause_producer(self, producer_id: int, paused: bool) -> None: ...
    def close_producer(self, producer_id: int) -> None: ...
    def create_consumer(self, consumer_id: int, params: ConsumerParams) -> None:
        """Video starts at a keyframe, which is asked for."""

    def pause_consumer(self, consumer_id: int, paused: bool) -> None: ...
    def close_consumer(self, consumer_id: int) -> None: ...
    def request_keyframe(self, producer_id: int) -> None: ...
    def allocate_consumer(self, consumer_id: int, allocation: ConsumerAllocation) -> None:
        """Takes effect at the next point where the receiver's decoder does not notice.

        A keyframe is asked for where it takes one.
        """

    def hand_over_consumer(self, consumer_id: int, handover: ConsumerHandover) -> None:
        """Has a video consumer send another producer of its router, in the same RTP stream.

        SSRC, sequence numbers, timestamps and picture ids go on, and sender reports keep telling when pictures were
        taken. It begins with a keyframe, which is asked for; until that comes the old producer is sent, or nothing
        where that has ended or the consumer is paused. Then `consumer_handed_over` is told. What is allocated meanwhile
        is of the new producer; before that, all of encoding 0. If the new producer ends before it began, all stays as
        it is; a handover to the producer that is sent calls one off.

        Refused (`command_failed`) for sound, and where a payload type of the receiver would stand for another codec
        than when the consumer was made.
        """

    def set_consumer_redundancy(self, consumer_id: int, frames: int) -> None:
        """Has a consumer of Opus repeat the last `frames` (0–2) in each packet (RFC 2198).

        What the producer itself repeats is cut or filled up to that. More than 0 only where the consumer was made with
        a `redundancy_payload_type`. Before this is called it sends the producer's packets as they are.
        """

    def set_transport_demand(self, transport_id: int, demand: TransportDemand) -> None:
        """Says how much a transport is to send.

        From the first time on what it sends is paced by its estimate: before, nobody has decided what fits, and
        everything leaves at once.
        """

    def select_speakers(self, router_id: int, selection: SpeakerSelection) -> None: ...
    def flight_record(self, request_id: int, transport_id: int) -> None:
        """Asks for what the transport did in the last ten minutes, as a `flight_record` event."""

    def transport_stats(self, request_id: int, transport_id: int) -> None: ...

class ReplayConfig(TypedDict):
    """With what to replay, in bit/s. What is not given is as it was, or the default."""

    min_bitrate: NotRequired[int | None]
    start_bitrate: NotRequired[int | None]
    max_bitrate: NotRequired[int | None]

class ReplayPoint(TypedDict):
    """What was recorded and what the replay concludes, at one instant; ten a second. Rates in bit/s."""

    time: float
    """Seconds since the worker's start."""
    recorded: int
    """The estimate as it was told; 0 before the first."""
    replayed: int
    """The estimate now."""
    sent: int
    """What was sent in the tenth of a second before."""
    queue_delay: float | None
    """How long packets waited on the line by the replay, in seconds."""
    fraction_lost: float
    """What was lost lately by the replay, 0–1."""

def replay_estimator(record: bytes, config: ReplayConfig) -> list[ReplayPoint]:
    """Runs the estimator over a flight record, in virtual time. `ValueError` says what is wrong with the record."""

def version() -> str:
    """The crate's version."""
