//! What peers tell of the line to them, and what the control plane hears of it.

use std::time::Duration;

use super::Engine;
use crate::bitrate::Bitrate;
use crate::estimator::{Estimate, ReceiveSideEstimator};
use crate::event::{EstimateSource, Event};
use crate::feedback::IncomingBound;
use crate::flight::Counted;
use crate::packet::rtcp::{CongestionFeedback, TransportFeedback};
use crate::packet::rtp::RtpHeader;
use crate::params::TransportDemand;
use crate::report::ReportProgress;
use crate::time::Time;
use crate::transport::Transport;

/// Distance of estimates that are told, unless they fall.
const TELL_INTERVAL: Duration = Duration::from_millis(100);
/// Distance of estimates that are told for what they say beside the rate.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);
/// A fall by one part in this many is told at once.
const FALL: u64 = 20;
/// A change by less than one part in this many is no news.
const STEP: u64 = 100;
/// Neither is any change while the line carries so many times what is wanted of it: nothing follows from it.
const AMPLE: u64 = 2;

/// The estimate of a line from a publisher to begin with, in kbit/s.
const RECEIVE_START: u64 = 300;

/// The estimate of a transport that was told last.
#[derive(Clone, Debug, Default)]
pub struct ToldEstimate {
    last: Option<(Time, u64, EstimateSource, bool)>,
}

impl ToldEstimate {
    /// Whether `estimate` is to be told now of a line of which `desired` bit/s are wanted (0 while nobody has said); if so,
    /// it counts as told.
    fn is_news(&mut self, now: Time, estimate: &Estimate, desired: u64) -> bool {
        let (bitrate, source, limit_seen) = (estimate.lasting.as_bps(), estimate.source, estimate.limit.is_some());
        let news = match self.last {
            None => source != EstimateSource::Start,
            Some((at, told, told_source, told_limit)) => {
                let age = now.since(at);
                let matters = desired == 0 || told.min(bitrate) < desired.saturating_mul(AMPLE);
                let fell = matters && told.saturating_sub(bitrate) >= (told / FALL).max(1);
                let moved = (matters && told.abs_diff(bitrate) >= (told / STEP).max(1))
                    || (told_source, told_limit) != (source, limit_seen);
                fell || (moved && age >= TELL_INTERVAL) || age >= REFRESH_INTERVAL
            }
        };
        if news {
            self.last = Some((now, bitrate, source, limit_seen));
        }
        news
    }
}

impl Engine {
    pub(super) fn set_demand(&mut self, now: Time, key: usize, demand: TransportDemand) -> Result<(), String> {
        let transport = &mut self.transports[key];
        let estimator = transport.estimator.as_mut().ok_or("a plain transport has no estimate to spend")?;
        estimator.set_demand(now, Bitrate::bps(demand.allocated), Bitrate::bps(demand.desired));
        transport.demand = demand;
        if let Some(flight) = &mut transport.flight {
            flight.demand(now, &demand);
        }
        let estimate = estimator.estimate();
        // From now on somebody decides what fits. A mere guess holds nothing back.
        if estimate.proven || transport.is_told() {
            transport.pacer.set_estimate(now, &estimate);
        }
        self.estimate_moved(now, key);
        Ok(())
    }

    pub(super) fn heed_transport_feedback(&mut self, now: Time, key: usize, feedback: &TransportFeedback<'_>) {
        let transport = &mut self.transports[key];
        if let Some(flight) = &mut transport.flight {
            flight.feedback(now, feedback);
        }
        if let Some(estimator) = &mut transport.estimator {
            estimator.on_transport_feedback(now, feedback);
            self.packets_told(now, key);
        }
    }

    pub(super) fn heed_congestion_feedback(&mut self, now: Time, key: usize, feedback: &CongestionFeedback<'_>) {
        let transport = &mut self.transports[key];
        if let Some(estimator) = &mut transport.estimator {
            let arrivals = estimator.on_congestion_feedback(now, feedback);
            if let Some(flight) = &mut transport.flight {
                flight.arrivals(now, arrivals);
            }
            self.packets_told(now, key);
        }
    }

    /// The peer has told of single packets.
    fn packets_told(&mut self, now: Time, key: usize) {
        let transport = &mut self.transports[key];
        let round_trip = transport.estimator.as_ref().and_then(|estimator| estimator.estimate().round_trip);
        let was_out = transport.pacer.heard(now, round_trip);
        self.estimate_moved(now, key);
        if was_out {
            self.feed(now, key);
        }
    }

    pub(super) fn heed_remb(&mut self, now: Time, key: usize, bitrate: u64) {
        let transport = &mut self.transports[key];
        if let Some(flight) = &mut transport.flight {
            flight.remb(now, bitrate);
        }
        if let Some(estimator) = &mut transport.estimator {
            estimator.on_remb(now, Bitrate::bps(bitrate));
            self.estimate_moved(now, key);
        }
    }

    pub(super) fn heed_progress(&mut self, now: Time, key: usize, progress: &ReportProgress) {
        let transport = &mut self.transports[key];
        if let Some(flight) = &mut transport.flight {
            flight.report(now, progress.lost, progress.expected, progress.round_trip);
        }
        if let Some(estimator) = &mut transport.estimator {
            estimator.on_receiver_report(now, progress);
        }
    }

    /// All packets of a compound were heeded.
    pub(super) fn conclude_reports(&mut self, now: Time, key: usize) {
        if let Some(estimator) = &mut self.transports[key].estimator {
            estimator.conclude_reports(now);
            self.estimate_moved(now, key);
        }
    }

    /// A packet of media came that is not told of by transport-wide feedback: if its publisher heeds REMB, it is told
    /// what the line carries.
    #[inline]
    pub(super) fn estimate_received(
        &mut self,
        now: Time,
        key: usize,
        producer: usize,
        header: &RtpHeader,
        size: usize,
    ) {
        let Some(clock_rate) = self.producers[producer].producer.remb_clock(header.payload_type) else { return };
        let estimator = self.transports[key]
            .from_peer
            .get_or_insert_with(|| Box::new(ReceiveSideEstimator::new(Bitrate::kbps(RECEIVE_START))));
        estimator.received(now, header.ssrc, header.timestamp, clock_rate, size);
        self.timers.no_later_than(key, estimator.poll_timeout());
    }

    /// What the peer of a transport is to send at most from now on; nothing for no bound.
    pub(super) fn bound_incoming(&mut self, now: Time, key: usize, bitrate: Bitrate) {
        let transport = &mut self.transports[key];
        let bitrate = (bitrate > Bitrate::ZERO).then_some(bitrate);
        match (&mut transport.incoming_bound, bitrate) {
            (Some(bound), bitrate) => bound.set(now, bitrate),
            (None, Some(bitrate)) => transport.incoming_bound = Some(Box::new(IncomingBound::new(now, bitrate))),
            (None, None) => {}
        }
        if let Some(bound) = &transport.incoming_bound {
            self.timers.no_later_than(key, bound.poll_timeout());
        }
    }

    /// The estimator of a transport was told something: what follows from it is told on, and done when it is due.
    pub(super) fn estimate_moved(&mut self, now: Time, key: usize) {
        let transport = &mut self.transports[key];
        let Some(estimator) = &transport.estimator else { return };
        let estimate = estimator.estimate();
        let is_decided = transport.demand != TransportDemand::default();
        if transport.pacer.paces() || (is_decided && estimate.proven) {
            transport.pacer.set_estimate(now, &estimate);
        }
        if transport.told_estimate.is_news(now, &estimate, transport.demand.desired) {
            if let Some(flight) = &mut transport.flight {
                flight.estimate(now, &estimate);
            }
            self.out.event(Event::Estimate {
                transport_id: transport.id,
                bitrate: estimate.lasting.as_bps(),
                source: estimate.source,
                proven: estimate.proven,
                limit_seen: estimate.limit.is_some(),
                round_trip_time: estimate.round_trip.map(|time| time.as_secs_f64()),
                fraction_lost: estimate.fraction_lost,
                queue_delay: estimate.queue_delay.map(|time| time.as_secs_f64()),
            });
        }
        self.schedule_departures(now, key);
    }
}

/// What the publisher on a transport is to be told now that it may send: what its line carries, and no more than its
/// bound.
pub(super) fn poll_remb(now: Time, transport: &mut Transport) -> Option<Bitrate> {
    let estimate = transport.from_peer.as_mut().and_then(|estimator| estimator.poll(now));
    let Some(bound) = &mut transport.incoming_bound else { return estimate };
    if estimate.is_none() && bound.poll_timeout() > now {
        return None;
    }
    let bitrate = bound.tell(now, transport.from_peer.as_ref().map(|estimator| estimator.bitrate()));
    if bound.is_over() {
        transport.incoming_bound = None;
    }
    Some(bitrate)
}

/// Has the flight recorder note how the last second was.
pub(super) fn summarize(now: Time, transport: &mut Transport) {
    let (Some(estimator), Some(flight)) = (&transport.estimator, &mut transport.flight) else { return };
    let (traffic, pacer) = (&transport.traffic, &transport.pacer);
    let counted = Counted {
        packets: traffic.packets_sent,
        bytes: traffic.bytes_sent,
        probe_bytes: pacer.counters.probe_bytes,
        retransmissions: pacer.counters.retransmissions,
        dropped: pacer.counters.dropped,
    };
    let waiting = pacer.drain_time().as_millis() as u64;
    flight.summarize(now, &estimator.estimate(), &transport.demand, waiting, counted);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(kbps: u64, source: EstimateSource) -> Estimate {
        Estimate {
            bitrate: Bitrate::kbps(kbps),
            lasting: Bitrate::kbps(kbps),
            source,
            proven: true,
            limit: None,
            round_trip: None,
            fraction_lost: 0.0,
            chance_lost: 0.0,
            queue_delay: None,
        }
    }

    #[test]
    fn falls_are_told_at_once_and_the_rest_at_a_bounded_rate() {
        let mut told = ToldEstimate::default();
        let mut tell = |millis, kbps, source| told.is_news(Time::from_millis(millis), &estimate(kbps, source), 0);
        assert!(!tell(0, 300, EstimateSource::Start), "nothing is known yet");
        let source = EstimateSource::TransportFeedback;
        assert!(tell(10, 300, source));
        assert!(!tell(60, 400, source), "a rise has time");
        assert!(!tell(70, 290, source), "so has a small fall");
        assert!(tell(80, 280, source));
        assert!(tell(180, 500, source));
        assert!(!tell(1_100, 500, source));
        assert!(tell(1_200, 500, source), "loss and delay may have changed");
        assert!(tell(1_210, 10, source));
    }

    #[test]
    fn what_an_ample_line_carries_is_told_now_and_then() {
        let desired = 1_000_000;
        let mut told = ToldEstimate::default();
        let mut tell = |millis, kbps, source| told.is_news(Time::from_millis(millis), &estimate(kbps, source), desired);
        let source = EstimateSource::TransportFeedback;
        assert!(tell(0, 300, source));
        assert!(tell(100, 1_900, source));
        assert!(tell(200, 4_000, source), "the line is ample now, which it was not");
        assert!(!tell(400, 3_000, source), "it still is");
        assert!(tell(410, 1_900, source), "it is no more");
        assert!(tell(510, 4_000, source));
        assert!(!tell(1_500, 5_000, source));
        assert!(tell(1_510, 5_000, source), "loss and delay may have changed");
    }
}
