//! Commands from the control plane. Ids are chosen by the caller and never used twice within the life of a worker.

use crate::params::{
    ConsumerAllocation, ConsumerHandover, ConsumerParams, PlainTransportParams, ProducerParams, SpeakerSelection,
    SrtpParams, TransportDemand, TransportUpdate, WebRtcTransportParams,
};

/// One command. Those that cannot be carried out are answered by [`Event::CommandFailed`](crate::event::Event).
#[derive(Debug)]
pub enum Command {
    /// Makes an ICE/DTLS transport.
    CreateWebRtcTransport {
        /// Its id.
        transport_id: u64,
        /// Its parameters.
        params: WebRtcTransportParams,
    },
    /// Makes a transport with a UDP socket of its own; answered by `plain_transport_ready`.
    CreatePlainTransport {
        /// Its id.
        transport_id: u64,
        /// Its parameters.
        params: PlainTransportParams,
    },
    /// Changes header extensions.
    UpdateTransport {
        /// Which one.
        transport_id: u64,
        /// What changes.
        update: TransportUpdate,
    },
    /// New ICE credentials (RFC 8445, section 9). The old ones serve until a check with the new ones succeeds.
    RestartIce {
        /// Which one.
        transport_id: u64,
        /// Our new user name fragment.
        ice_ufrag: String,
        /// Our new password.
        ice_pwd: String,
    },
    /// DTLS datagrams for the peer, sent on the selected path; dropped where there is none yet.
    SendDtls {
        /// Which one.
        transport_id: u64,
        /// Whole datagrams.
        datagrams: Vec<Vec<u8>>,
    },
    /// Keys: media flows from here on.
    SetSrtp {
        /// Which one.
        transport_id: u64,
        /// The keys.
        params: SrtpParams,
    },
    /// Ends a transport with all its producers and consumers (and the consumers of its producers), after an RTCP BYE.
    CloseTransport {
        /// Which one.
        transport_id: u64,
    },
    /// Makes a producer.
    CreateProducer {
        /// Its id.
        producer_id: u64,
        /// Its parameters.
        params: ProducerParams,
    },
    /// Pauses or resumes a producer: nothing of it is forwarded; a keyframe is asked for on resume.
    PauseProducer {
        /// Which one.
        producer_id: u64,
        /// Whether it is to be paused.
        paused: bool,
    },
    /// Ends a producer and its consumers.
    CloseProducer {
        /// Which one.
        producer_id: u64,
    },
    /// Makes a consumer. Video starts at a keyframe, which is asked for.
    CreateConsumer {
        /// Its id.
        consumer_id: u64,
        /// Its parameters.
        params: ConsumerParams,
    },
    /// Pauses or resumes a consumer.
    PauseConsumer {
        /// Which one.
        consumer_id: u64,
        /// Whether it is to be paused.
        paused: bool,
    },
    /// Ends a consumer.
    CloseConsumer {
        /// Which one.
        consumer_id: u64,
    },
    /// Asks the publisher for a keyframe (throttled).
    RequestKeyframe {
        /// Which producer.
        producer_id: u64,
    },
    /// Says what a receiver is to get of a video producer.
    AllocateConsumer {
        /// Which consumer.
        consumer_id: u64,
        /// What it is to send.
        allocation: ConsumerAllocation,
    },
    /// Hands a video consumer over to another producer within its stream; answered by `consumer_handed_over`.
    HandOverConsumer {
        /// Which one.
        consumer_id: u64,
        /// To what.
        handover: ConsumerHandover,
    },
    /// Has a consumer of Opus send redundant audio (RFC 2198).
    SetConsumerRedundancy {
        /// Which one.
        consumer_id: u64,
        /// Frames to repeat in each packet; 0 for none.
        frames: u8,
    },
    /// Says how much a transport is to send.
    SetTransportDemand {
        /// Which one.
        transport_id: u64,
        /// How much.
        demand: TransportDemand,
    },
    /// Says which audio producers of a router are forwarded.
    SelectSpeakers {
        /// Which router.
        router_id: u64,
        /// Which producers.
        selection: SpeakerSelection,
    },
    /// Asks for `Event::FlightRecord` with this request id.
    FlightRecord {
        /// Returned in the answer.
        request_id: u64,
        /// Which transport.
        transport_id: u64,
    },
    /// Asks for `Event::TransportStats` with this request id.
    TransportStats {
        /// Returned in the answer.
        request_id: u64,
        /// Which one.
        transport_id: u64,
    },
}
