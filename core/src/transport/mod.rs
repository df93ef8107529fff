//! One association with a peer: its path, its keys, and which packets on it belong to whom.

mod endpoint;
mod keys;
mod routes;
mod sending;
mod token_bucket;

use std::time::Duration;

pub use self::endpoint::{Endpoint, PlainEndpoint};
pub use self::keys::Keys;
pub use self::routes::Routes;
use self::sending::Outlet;
pub use self::sending::{Held, Purpose, Sent};
pub use self::token_bucket::TokenBucket;
use crate::bitrate::Bitrate;
use crate::engine::{Errors, ToldEstimate};
use crate::estimator::{Estimator, ReceiveSideEstimator};
use crate::extension::ExtensionMap;
use crate::feedback::{CongestionFeedbackBuilder, IncomingBound, TransportFeedbackBuilder};
use crate::flight::FlightRecorder;
use crate::ice::MtuProbe;
use crate::pacer::Pacer;
use crate::packet::stun::TransactionId;
use crate::params::TransportDemand;
use crate::path::Path;
use crate::report::SenderClock;
use crate::time::Time;

/// DTLS datagrams per second that one transport hands to the control plane in the long run: each costs it some 20 µs. A
/// handshake takes about ten, and nothing else uses DTLS yet.
const DTLS_PER_SECOND: u32 = 100;
/// DTLS datagrams of one transport that are handed up at once.
const DTLS_BURST: u32 = 100;
/// Packets from strange ports per second that are tried with one transport's keys in the long run, and at once: a peer whose NAT has
/// given it another port is known by the first, unless that is lost.
const STRANGERS_PER_SECOND: u32 = 5;
const STRANGERS_BURST: u32 = 10;
/// Packets per second that a receiver may ask for again in the long run: more than a line of 50 Mbit/s has. Asking costs it
/// a bit each, and looking for one costs a worker a tenth of a microsecond.
const NACKS_PER_SECOND: u32 = 10_000;
/// Packets that it may ask for at once.
const NACKS_BURST: u32 = 10_000;
/// Moves of the selected path per second that the control plane hears of in the long run: a client can move as often as
/// it sends checks.
const MOVES_TOLD_PER_SECOND: u32 = 2;
/// Moves that the control plane hears of at once.
const MOVES_TOLD_BURST: u32 = 20;
/// Interval of sender and receiver reports.
pub const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// What went through a transport.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// Datagrams received, of all kinds.
    pub packets_received: u64,
    /// Their bytes.
    pub bytes_received: u64,
    /// Packets sent, of all kinds.
    pub packets_sent: u64,
    /// Their bytes.
    pub bytes_sent: u64,
}

impl Traffic {
    /// Counts a datagram of so many bytes that came from the peer.
    #[inline]
    pub fn received(&mut self, len: usize) {
        self.packets_received += 1;
        self.bytes_received += len as u64;
    }
}

/// One association with a peer.
pub struct Transport {
    /// As the control plane calls it.
    pub id: u64,
    /// Key of the router it belongs to.
    pub router: usize,
    /// Where its packets come from and go to.
    pub endpoint: Endpoint,
    /// Whether its path carries long packets. None before the peer's credentials are told.
    pub mtu_probe: Option<Box<MtuProbe>>,
    /// How its media is protected.
    pub keys: Keys,
    /// Which SSRC belongs to which producer.
    pub routes: Routes,
    /// Keys of its producers in the engine's slab.
    pub producers: Vec<usize>,
    /// Its consumers: SSRC, and key in the engine's slab.
    pub consumers: Vec<(u32, usize)>,
    /// Header extensions of what the peer sends.
    pub receive_extensions: ExtensionMap,
    /// Header extensions of what we send.
    pub send_extensions: ExtensionMap,
    /// Our own SSRC: the sender of reports and requests.
    pub ssrc: u32,
    /// What went through it.
    pub traffic: Traffic,
    /// Unusable datagrams by kind.
    pub errors: Errors,
    /// Limits what is handed up.
    pub dtls_bucket: TokenBucket,
    /// Limits how many packets are looked for that the peer says it lacks.
    pub nack_bucket: TokenBucket,
    /// Limits how often is told that the selected path moved.
    pub moves_bucket: TokenBucket,
    /// Limits what is tried whether it is the peer's.
    pub strangers_bucket: TokenBucket,
    /// Where the peer seems to be now, and what it was asked there.
    pub asked: Option<(Path, TransactionId)>,
    /// Which packets came when, for the peer's congestion control.
    pub feedback: TransportFeedbackBuilder,
    /// The same by source. None where the peer does not take that.
    pub source_feedback: Option<Box<CongestionFeedbackBuilder>>,
    /// Whether the peer tells by source what arrives of what we send.
    pub is_told_by_source: bool,
    /// What had been received at the last report.
    bytes_reported: u64,
    /// How the peer's clock relates to ours.
    pub clock: SenderClock,
    /// What the line to the peer carries. None for a `PlainTransport`: what it leads to is on this host, or a pipe.
    pub estimator: Option<Box<Estimator>>,
    /// What the line from the peer carries. None before video comes whose packets are not numbered for feedback.
    pub from_peer: Option<Box<ReceiveSideEstimator>>,
    /// What the peer is to send at most. None while that was never bounded, or is no more.
    pub incoming_bound: Option<Box<IncomingBound>>,
    /// What was told of `estimator`, and how much is to be sent.
    pub told_estimate: ToldEstimate,
    /// See `told_estimate`.
    pub demand: TransportDemand,
    /// What it did lately. None where there is no estimator.
    pub flight: Option<Box<FlightRecorder>>,
    /// When what it sends leaves.
    pub pacer: Pacer,
    /// When the next reports are due; never before there is something to report.
    pub report_at: Time,
    /// The transport-wide sequence number of the next packet that takes one.
    next_transport_sequence: u16,
    outlet: Outlet,
}

impl Transport {
    /// A transport without producers and consumers.
    pub fn new(id: u64, endpoint: Endpoint, keys: Keys, ssrc: u32) -> Self {
        let mut transport = Transport {
            id,
            router: 0,
            endpoint,
            mtu_probe: None,
            keys,
            routes: Routes::default(),
            producers: Vec::new(),
            consumers: Vec::new(),
            receive_extensions: ExtensionMap::default(),
            send_extensions: ExtensionMap::default(),
            ssrc,
            traffic: Traffic::default(),
            errors: Errors::default(),
            dtls_bucket: TokenBucket::new(DTLS_PER_SECOND, DTLS_BURST),
            nack_bucket: TokenBucket::new(NACKS_PER_SECOND, NACKS_BURST),
            moves_bucket: TokenBucket::new(MOVES_TOLD_PER_SECOND, MOVES_TOLD_BURST),
            strangers_bucket: TokenBucket::new(STRANGERS_PER_SECOND, STRANGERS_BURST),
            asked: None,
            feedback: TransportFeedbackBuilder::default(),
            source_feedback: None,
            is_told_by_source: false,
            bytes_reported: 0,
            clock: SenderClock::default(),
            estimator: None,
            from_peer: None,
            incoming_bound: None,
            told_estimate: ToldEstimate::default(),
            demand: TransportDemand::default(),
            flight: None,
            pacer: Pacer::default(),
            next_transport_sequence: 0,
            report_at: Time::MAX,
            outlet: Outlet::default(),
        };
        transport.update_path();
        transport
    }

    /// Adapts feedback to how much came since the last report, `interval` ago.
    pub fn measure_received(&mut self, interval: Duration) {
        let bytes = self.traffic.bytes_received - self.bytes_reported;
        self.bytes_reported = self.traffic.bytes_received;
        let rate = Bitrate::bps((bytes as f64 * 8.0 / interval.as_secs_f64()) as u64);
        self.feedback.set_rate(rate);
        if let Some(feedback) = &mut self.source_feedback {
            feedback.set_rate(rate);
        }
    }

    /// Whether probes of its line can be sent, and are of use: somebody has said how much is wanted, and the peer tells
    /// what arrives, or answers our reports.
    ///
    /// The first one waits for the first picture, of which it is made then: padding would go before that.
    pub fn may_probe(&self) -> bool {
        let begins = || self.pacer.knows() || self.pacer.packets() > 0;
        let answers = || self.estimator.as_ref().is_some_and(|estimator| estimator.takes_trains());
        self.can_send() && ((self.pacer.paces() && self.is_told() && begins()) || answers())
    }

    /// Whether the peer is expected to tell of single packets.
    pub fn is_told(&self) -> bool {
        self.send_extensions.is_numbered() || self.is_told_by_source
    }

    /// When its estimator has something to do; [`Time::MAX`] for never.
    pub fn estimator_timeout(&self) -> Time {
        let estimator = self.estimator.as_ref().filter(|_| self.may_probe());
        estimator.map_or(Time::MAX, |estimator| estimator.poll_timeout())
    }

    /// The consumer that sends with this SSRC.
    pub fn consumer_of(&self, ssrc: u32) -> Option<usize> {
        self.consumers.iter().find(|(own, _)| *own == ssrc).map(|(_, consumer)| *consumer)
    }
}
