//! What a line to a peer carries: an estimator of the GCC class, fed by what was sent and by what the peer says of it.
//!
//! Sans-IO: one per transport, time is an argument. The transport tells it of every packet that carries a
//! transport-wide sequence number as it leaves ([`Estimator::sent`]), hands it the peer's feedback, and asks it for the
//! estimate and for probes to send.

use std::time::Duration;

use crate::bitrate::Bitrate;
use crate::event::EstimateSource;
use crate::packet::rtcp::TransportFeedback;
use crate::time::Time;

/// Bounds of an estimate.
#[derive(Clone, Copy, Debug)]
pub struct EstimatorConfig {
    /// Never below.
    pub min: Bitrate,
    /// To begin with.
    pub start: Bitrate,
    /// Never above.
    pub max: Bitrate,
}

impl Default for EstimatorConfig {
    fn default() -> Self {
        EstimatorConfig { min: Bitrate::kbps(10), start: Bitrate::kbps(300), max: Bitrate::kbps(50_000) }
    }
}

/// A packet as it leaves.
#[derive(Clone, Copy, Debug)]
pub struct SentPacket {
    /// Transport-wide sequence number.
    pub sequence_number: u16,
    /// Bytes of the datagram, UDP and IP headers left out.
    pub size: usize,
    /// The probe it belongs to.
    pub probe: Option<u32>,
}

/// A probe to send: packets at this rate until both amounts are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Rises with every probe.
    pub id: u32,
    /// The rate to send at.
    pub bitrate: Bitrate,
    /// Bytes to send at least.
    pub bytes: usize,
    /// Packets to send at least.
    pub packets: usize,
}

/// What is known of the line.
#[derive(Clone, Copy, Debug)]
pub struct Estimate {
    /// What it carries.
    pub bitrate: Bitrate,
    /// What that follows from.
    pub source: EstimateSource,
    /// Smoothed round trip.
    pub round_trip: Option<Duration>,
    /// Of what was sent lately, 0–1.
    pub fraction_lost: f64,
    /// How long packets wait on the line beyond the shortest time seen lately.
    pub queue_delay: Option<Duration>,
}

/// See the module.
pub struct Estimator {
    config: EstimatorConfig,
}

impl Estimator {
    /// An estimator that knows nothing of its line.
    pub fn new(config: EstimatorConfig) -> Self {
        Estimator { config }
    }

    /// A packet leaves now.
    #[inline]
    pub fn sent(&mut self, _now: Time, _packet: SentPacket) {}

    /// What the transport wants to send: allocated now, and desired if the line allowed it. Probes go no further.
    pub fn set_demand(&mut self, _now: Time, _allocated: Bitrate, _desired: Bitrate) {}

    /// The peer tells what arrived when.
    pub fn on_transport_feedback(&mut self, _now: Time, _feedback: &TransportFeedback<'_>) {}

    /// The peer tells its own estimate.
    pub fn on_remb(&mut self, _now: Time, _bitrate: Bitrate) {}

    /// A report of the peer on one of our sources: fraction lost since its last one (0–1), packets expected since, and
    /// the round trip if it allowed to compute it.
    pub fn on_receiver_report(&mut self, _now: Time, _lost: f64, _expected: u32, _round_trip: Option<Duration>) {}

    /// The next probe to send, if it is time for one.
    pub fn poll_probe(&mut self, _now: Time) -> Option<Probe> {
        None
    }

    /// What is to be done as time goes by (no feedback for long, probes that have ended).
    pub fn handle_timeout(&mut self, _now: Time) {}

    /// When [`handle_timeout`](Self::handle_timeout) or [`poll_probe`](Self::poll_probe) has something to do;
    /// [`Time::MAX`] for never.
    pub fn poll_timeout(&self) -> Time {
        Time::MAX
    }

    /// What is known now.
    pub fn estimate(&self) -> Estimate {
        Estimate {
            bitrate: self.config.start,
            source: EstimateSource::Start,
            round_trip: None,
            fraction_lost: 0.0,
            queue_delay: None,
        }
    }
}
