//! Events to the control plane, drained in batches. Their Python shapes are in `bridge/_core.pyi`.

use serde::Serialize;

use crate::path::Protocol;

/// How ICE stands for a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IceState {
    /// A path is selected and consent is fresh.
    Connected,
    /// No authenticated packet for the consent time (RFC 7675): nothing is sent until a check succeeds again.
    ConsentExpired,
}

impl Serialize for Protocol {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Protocol::Udp => "udp",
            Protocol::Tcp => "tcp",
        })
    }
}

/// Why a transport ended without being told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// A bug of ours was caught; the transport was given up so that the others live.
    Panic,
    /// The TCP connection or socket it lived on is gone for good (`PlainTransport` only).
    SocketFailed,
}

/// The level of one audio producer (RFC 6464), smoothed over the interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AudioLevel {
    /// Whose.
    pub producer_id: u64,
    /// −dBov: 0 is the loudest, 127 is silence.
    pub level: u8,
    /// Whether the sender's detector heard a voice.
    pub voice: bool,
}

/// Counters of one producer. All since it was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ProducerStats {
    /// Whose.
    pub producer_id: u64,
    /// Media packets, retransmissions taken in included.
    pub packets: u64,
    /// Bytes of RTP payload.
    pub bytes: u64,
    /// Lost for good, by RFC 3550 arithmetic.
    pub packets_lost: i64,
    /// Interarrival jitter in seconds.
    pub jitter: f64,
    /// Sequence numbers asked for again.
    pub nacks_sent: u64,
    /// Packets that came back by retransmission.
    pub retransmissions_received: u64,
    /// Keyframe requests sent.
    pub keyframe_requests_sent: u64,
    /// Keyframes seen.
    pub keyframes: u64,
    /// Recent rate in bit/s of RTP payload.
    pub bitrate: u64,
    /// Whether packets are arriving.
    pub live: bool,
}

/// Counters of one consumer. All since it was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ConsumerStats {
    /// Whose.
    pub consumer_id: u64,
    /// What it forwards.
    pub producer_id: u64,
    /// Media packets sent, without retransmissions.
    pub packets: u64,
    /// Bytes of RTP payload sent.
    pub bytes: u64,
    /// Retransmissions sent.
    pub retransmissions: u64,
    /// Sequence numbers the receiver asked for again.
    pub nacks_received: u64,
    /// Of those, how many were no longer held.
    pub nacks_missed: u64,
    /// Keyframes the receiver asked for.
    pub keyframe_requests_received: u64,
    /// The receiver's last report: fraction lost, 0–1.
    pub fraction_lost: f64,
    /// The receiver's last report: lost in all.
    pub packets_lost: i64,
    /// The receiver's last report: jitter in seconds.
    pub jitter: f64,
    /// Round trip in seconds, where a report allowed to compute it.
    pub round_trip_time: Option<f64>,
    /// Packets dropped since the receiver did not negotiate their payload type.
    pub dropped_unmapped: u64,
    /// Recent rate in bit/s of RTP payload.
    pub bitrate: u64,
    /// Which encoding is sent; none while nothing is.
    pub spatial: Option<u8>,
    /// How often another encoding was taken.
    pub layer_switches: u64,
}

/// What a transport looks like at one instant.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TransportStats {
    /// Which one.
    pub transport_id: u64,
    /// "udp", "tcp" or none before ICE connects.
    pub protocol: Option<Protocol>,
    /// Datagrams received, of all kinds.
    pub packets_received: u64,
    /// Bytes received, without IP and UDP headers.
    pub bytes_received: u64,
    /// Datagrams sent, of all kinds.
    pub packets_sent: u64,
    /// Bytes sent, without IP and UDP headers.
    pub bytes_sent: u64,
    /// What the line to the peer carries, in bit/s; none for a `PlainTransport`.
    pub estimate: Option<u64>,
    /// What that follows from.
    pub estimate_source: Option<EstimateSource>,
    /// Smoothed round trip in seconds, where known.
    pub round_trip_time: Option<f64>,
    /// Of what was sent lately, how much was lost, 0–1.
    pub send_loss: f64,
    /// How long packets wait on the line beyond the shortest time seen lately, in seconds, where known.
    pub queue_delay: Option<f64>,
    /// Packets that wait for their turn.
    pub pacer_queue_packets: u64,
    /// How long they take to leave, in milliseconds.
    pub pacer_queue_ms: u64,
    /// Packets that waited too long, or found no room, and were never sent.
    pub pacer_dropped: u64,
    /// Bytes sent only to find out what the line carries.
    pub probe_bytes: u64,
    /// Packets that were asked for again and not sent, since the line has no room for them or they would come too late.
    pub retransmission_dropped: u64,
    /// Datagrams that could not be used, by kind of error.
    pub errors: Vec<(&'static str, u64)>,
    /// Its producers.
    pub producers: Vec<ProducerStats>,
    /// Its consumers.
    pub consumers: Vec<ConsumerStats>,
}

/// A layer of a video producer that is alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LayerState {
    /// Index of the encoding (simulcast), or spatial layer within the only one (SVC).
    pub spatial: u8,
    /// Temporal layer.
    pub temporal: u8,
    /// What sending it costs lately, with all the layers that it needs, in bit/s of RTP payload.
    pub bitrate: u64,
    /// Width in pixels; 0 while unknown.
    pub width: u16,
    /// Height in pixels; 0 while unknown.
    pub height: u16,
    /// Frames per second lately, with all the layers that it needs.
    pub frame_rate: f32,
}

/// What an estimate follows from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EstimateSource {
    /// Nothing came yet: the start value.
    #[default]
    Start,
    /// Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    TransportFeedback,
    /// Congestion control feedback (RFC 8888).
    CongestionFeedback,
    /// The receiver's own estimate (REMB).
    Remb,
    /// Loss in receiver reports alone.
    ReceiverReports,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The state of ICE changed, or the selected path moved (`moved`). Moves are told at a bounded rate.
    Ice {
        /// Which transport.
        transport_id: u64,
        /// The state now.
        state: IceState,
        /// What carries it.
        protocol: Protocol,
        /// Whether a path was selected before this one.
        moved: bool,
    },
    /// DTLS datagrams from a peer whose ICE check succeeded; bounded in rate per transport.
    Dtls {
        /// Which transport.
        transport_id: u64,
        /// Whole datagrams, in order of arrival.
        datagrams: Vec<serde_bytes::ByteBuf>,
    },
    /// The selected path, over UDP, swallows long packets and lets short ones through. Told once of each.
    NarrowPath {
        /// Which transport.
        transport_id: u64,
    },
    /// Since UDP was left, a check over the selected path was refused. Told once.
    UdpRefused {
        /// Which transport.
        transport_id: u64,
    },
    /// The UDP socket of a `PlainTransport` is bound.
    PlainTransportReady {
        /// Which transport.
        transport_id: u64,
        /// "address:port" it listens on.
        local: String,
    },
    /// A transport ended by itself.
    TransportClosed {
        /// Which one.
        transport_id: u64,
        /// Why.
        reason: CloseReason,
    },
    /// Packets of a producer arrive (first or again).
    ProducerLive {
        /// Which one.
        producer_id: u64,
    },
    /// A producer that is not paused has been silent for the watchdog's time.
    ProducerStalled {
        /// Which one.
        producer_id: u64,
    },
    /// The receiver's reports show that media sent to it arrives (first or again).
    ConsumerLive {
        /// Which one.
        consumer_id: u64,
    },
    /// Media was sent for the watchdog's time, and the receiver's reports do not show it arriving.
    ConsumerStalled {
        /// Which one.
        consumer_id: u64,
    },
    /// Levels of the audio producers of a router, while somebody is heard.
    AudioLevels {
        /// Which router.
        router_id: u64,
        /// Loudest first.
        levels: Vec<AudioLevel>,
    },
    /// What can be sent to a transport: at once when it falls by a twentieth or more, else ten times a second at most.
    Estimate {
        /// Which transport.
        transport_id: u64,
        /// Available to media, retransmissions and probes, in bit/s including RTP headers and SRTP, without UDP and IP.
        bitrate: u64,
        /// What it follows from.
        source: EstimateSource,
        /// Whether the estimate rises again where it was too low: the peer tells of single packets, or has answered a probe.
        proven: bool,
        /// Whether the line was seen to carry no more: a low estimate without that may only be young.
        limit_seen: bool,
        /// Smoothed round trip in seconds, where known.
        round_trip_time: Option<f64>,
        /// Of what was sent lately, 0–1.
        fraction_lost: f64,
        /// How long packets wait on the line beyond the shortest time seen lately, in seconds, where known.
        queue_delay: Option<f64>,
    },
    /// The live layers of a video producer: when their set changes, and about once a second while rates change by a
    /// tenth or more.
    ProducerLayers {
        /// Which producer.
        producer_id: u64,
        /// By spatial, then temporal layer.
        layers: Vec<LayerState>,
    },
    /// What is sent to a receiver of a video producer changed.
    ConsumerLayers {
        /// Which consumer.
        consumer_id: u64,
        /// None while nothing is sent.
        spatial: Option<u8>,
        /// Highest temporal layer.
        temporal: Option<u8>,
    },
    /// A consumer that was to be handed over sends another producer now.
    ConsumerHandedOver {
        /// Which consumer.
        consumer_id: u64,
        /// What it sends.
        producer_id: u64,
    },
    /// Another one is the active speaker.
    ActiveSpeaker {
        /// Which router.
        router_id: u64,
        /// None while nobody has spoken yet, and when the one who did is gone.
        producer_id: Option<u64>,
    },
    /// Answer to [`Command::FlightRecord`](crate::command::Command).
    FlightRecord {
        /// As asked.
        request_id: u64,
        /// None where there is no such transport, or it is a plain one.
        record: Option<serde_bytes::ByteBuf>,
    },
    /// Answer to [`Command::TransportStats`](crate::command::Command).
    TransportStats {
        /// As asked.
        request_id: u64,
        /// None where there is no such transport.
        stats: Option<TransportStats>,
    },
    /// A command could not be carried out.
    CommandFailed {
        /// The command's name in `_core.pyi`.
        command: &'static str,
        /// The id it named.
        id: u64,
        /// What was wrong.
        message: String,
    },
    /// The worker's thread ended; nothing more will come.
    WorkerStopped {
        /// None when it was closed by command.
        error: Option<String>,
    },
}
