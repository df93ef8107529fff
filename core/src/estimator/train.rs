//! What a train of packets shows of the line that it went over.

use std::time::Duration;

use crate::time::Time;

/// What of the probe's rate must arrive for the line not to be the limit.
pub(super) const WHOLE: f64 = 0.9;
/// Bytes of IPv4 and UDP that the line carries with each packet, and estimates leave out.
const HEADERS: u64 = 28;
/// What they account for at most: packets of sound alone are a quarter headers.
const LEAST_NET: f64 = 0.75;

/// What set the rate at which a probe arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// The probe: the line may carry more.
    Probe,
    /// The line.
    Line,
    /// Jitter may have done it as well.
    Unclear,
}

/// What a probe showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Outcome {
    /// In bit/s.
    pub(super) rate: f64,
    pub(super) limit: Limit,
    /// What was asked for, in bit/s.
    pub(super) asked: f64,
    /// How long it took to send what arrived behind the first packet, and how long that took to arrive, in nanoseconds.
    pub(super) sending: f64,
    pub(super) receiving: f64,
    /// How much that is, in bits.
    pub(super) bits: f64,
    /// Bytes of its packets on average; none where headers are left aside.
    pub(super) packet: Option<f64>,
}

/// Probes of one rate that showed nothing clear, added up: chance evens out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tries {
    pub(super) count: u32,
    pub(super) sending: f64,
    pub(super) receiving: f64,
    bits: f64,
}

impl Tries {
    pub(super) fn and(self, outcome: &Outcome) -> Self {
        Tries {
            count: self.count + 1,
            sending: self.sending + outcome.sending,
            receiving: self.receiving + outcome.receiving,
            bits: self.bits + outcome.bits,
        }
    }

    /// In bit/s.
    pub(super) fn rate(&self) -> f64 {
        self.bits * 1e9 / self.receiving
    }
}

/// What of a train arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    packets: u64,
    bytes: u64,
    first_sent: Time,
    last_sent: Time,
    first_arrived: i64,
    last_arrived: i64,
    first_size: u64,
    last_size: u64,
}

impl Outcome {
    /// What a train showed that took so long to send and to arrive, both with the report behind it.
    pub(super) fn of_train(asked: f64, bytes: u64, sending: Duration, receiving: Duration) -> Option<Self> {
        if sending.is_zero() {
            return None;
        }
        let (sending, receiving) = (sending.as_nanos() as f64, receiving.as_nanos() as f64);
        let limit = if sending < receiving * WHOLE { Limit::Line } else { Limit::Probe };
        // The report behind it is no part of it.
        let bits = asked * sending / 1e9;
        Some(Outcome { rate: bytes as f64 * 8e9 / receiving, limit, asked, sending, receiving, bits, packet: None })
    }

    /// A line that is full of packets of so many bytes carries so much of this, since more of it is headers.
    pub(super) fn net_of(&self, packet: f64) -> f64 {
        let net = |size: f64| size / (size + HEADERS as f64);
        self.packet.map_or(1.0, |own| (net(packet) / net(own)).clamp(LEAST_NET, 1.0))
    }
}

impl Received {
    /// Of its first packet. Times of arrival are nanoseconds of the peer's clock.
    pub(super) fn new(sent: Time, arrived: i64, size: u64) -> Self {
        Received {
            packets: 1,
            bytes: size,
            first_sent: sent,
            last_sent: sent,
            first_arrived: arrived,
            last_arrived: arrived,
            first_size: size,
            last_size: size,
        }
    }

    pub(super) fn add(&mut self, sent: Time, arrived: i64, size: u64) {
        self.packets += 1;
        self.bytes += size;
        if sent >= self.last_sent {
            (self.last_sent, self.last_size) = (sent, size);
        }
        if arrived < self.first_arrived {
            (self.first_arrived, self.first_size) = (arrived, size);
        }
        self.last_arrived = self.last_arrived.max(arrived);
    }

    /// Whether it is so many per cent of both.
    pub(super) fn is_share_of(&self, percent: u64, packets: u64, bytes: u64) -> bool {
        self.packets * 100 >= packets * percent && self.bytes * 100 >= bytes * percent
    }

    /// None where their distance says nothing.
    pub(super) fn outcome(&self, asked: f64) -> Option<Outcome> {
        let send_nanos = self.last_sent.since(self.first_sent).as_nanos() as f64;
        let receive_nanos = (self.last_arrived - self.first_arrived) as f64;
        if send_nanos <= 0.0 || receive_nanos <= 0.0 {
            return None;
        }
        // The time from first to last is that of all packets but the last as they left, and of all but the first as they
        // arrived: of a few packets, large ones and sound, the one may be half of the other. And the line carries headers.
        let behind = (self.packets - 1) * HEADERS;
        let gross_sending = (self.bytes - self.last_size + behind) as f64 * 8e9 / send_nanos;
        let gross_receiving = (self.bytes - self.first_size + behind) as f64 * 8e9 / receive_nanos;
        // Far more than was sent: the packets were held back somewhere, and their distance says nothing.
        if gross_receiving > gross_sending * 2.0 {
            return None;
        }
        let bits = (self.bytes - self.first_size) as f64 * 8.0;
        let receiving = bits * 1e9 / receive_nanos;
        // A train that left in a lump was not that fast.
        let share = (gross_receiving / gross_sending).max(receiving / (asked * 1.3));
        let limit = if share < WHOLE { Limit::Line } else { Limit::Probe };
        let rate = receiving / share.max(1.0);
        let packet = Some(self.bytes as f64 / self.packets as f64);
        Some(Outcome { rate, limit, asked, sending: receive_nanos * share, receiving: receive_nanos, bits, packet })
    }
}
