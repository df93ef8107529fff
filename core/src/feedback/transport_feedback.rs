//! Which packets of a transport arrived when: the receiving side of transport-wide congestion control
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01), from which publishers estimate their bandwidth.

use super::arrivals::Arrivals;
use super::interval::Interval;
use crate::bitrate::Bitrate;
use crate::packet::rtcp::RtcpWriter;
use crate::time::Time;

/// Packets after which feedback is sent before its time.
const MANY: usize = 256;

/// Gathers arrivals of one transport.
#[derive(Default)]
pub struct TransportFeedbackBuilder {
    arrivals: Arrivals,
    due: Option<Time>,
    interval: Interval,
    feedback_count: u8,
}

impl TransportFeedbackBuilder {
    /// So much comes from the peer.
    pub fn set_rate(&mut self, rate: Bitrate) {
        self.interval = Interval::for_rate(rate);
    }

    /// A packet with this transport-wide sequence number arrived.
    #[inline]
    pub fn received(&mut self, now: Time, transport_sequence: u16) {
        if !self.arrivals.received(now, transport_sequence) {
            return;
        }
        if self.due.is_none() {
            self.due = Some(now + self.interval.get());
        }
        if self.arrivals.times().len() >= MANY {
            self.due = Some(now);
        }
    }

    /// When [`poll`](Self::poll) has something to write; [`Time::MAX`] for never.
    #[inline]
    pub fn poll_timeout(&self) -> Time {
        self.due.unwrap_or(Time::MAX)
    }

    /// Writes one feedback packet if one is due. `media_ssrc` is any source of the transport. Where more waits than
    /// fits, it is due again at once.
    pub fn poll(&mut self, now: Time, sender_ssrc: u32, media_ssrc: u32, writer: &mut RtcpWriter<'_>) -> bool {
        let (Some(base), true) = (self.arrivals.first(), self.poll_timeout() <= now) else { return false };
        let (count, times) = (self.feedback_count, self.arrivals.times());
        let Some(told) = writer.transport_feedback(sender_ssrc, media_ssrc, count, base, times) else {
            // The writer is full, if anything waits: the next one will take it.
            if self.arrivals.times().is_empty() {
                self.due = None;
            }
            return false;
        };
        self.feedback_count = self.feedback_count.wrapping_add(1);
        self.arrivals.told(told);
        self.due = (!self.arrivals.times().is_empty()).then_some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::arrivals::{MAX_REMEMBERED, MAX_WAITING};
    use super::*;
    use crate::packet::rtcp::{Packet, packets};
    use proptest::prelude::*;
    use std::time::Duration;

    /// Every packet told of: base, count and what arrived.
    fn polled(builder: &mut TransportFeedbackBuilder, now: Time) -> Vec<(u16, u16, Vec<u16>)> {
        let mut told = Vec::new();
        let mut out = [0; 1_200];
        loop {
            let mut writer = RtcpWriter::new(&mut out);
            if !builder.poll(now, 1, 2, &mut writer) {
                return told;
            }
            let len = writer.len();
            for packet in packets(&out[..len]) {
                let Ok(Packet::TransportFeedback(feedback)) = packet else { panic!("{packet:?}") };
                assert_eq!((feedback.sender_ssrc, feedback.media_ssrc), (1, 2));
                let arrived = feedback.arrivals().map(|arrival| arrival.sequence_number).collect();
                told.push((feedback.base_sequence_number, feedback.status_count, arrived));
            }
        }
    }

    #[test]
    fn a_twentieth_of_what_comes_goes_back() {
        let due = |kbps| {
            let mut builder = TransportFeedbackBuilder::default();
            builder.set_rate(Bitrate::kbps(kbps));
            builder.received(Time::ZERO, 7);
            builder.poll_timeout().since(Time::ZERO).as_millis()
        };
        assert_eq!([due(0), due(32), due(100), due(300), due(5_000)], [250, 250, 108, 50, 50]);
    }

    #[test]
    fn tells_what_came_and_what_did_not() {
        let mut builder = TransportFeedbackBuilder::default();
        assert_eq!(builder.poll_timeout(), Time::MAX);
        for (millis, sequence) in [(0, 65_534), (5, 65_535), (9, 2), (12, 1), (13, 1)] {
            builder.received(Time::from_millis(millis), sequence);
        }
        assert_eq!(polled(&mut builder, Time::from_millis(99)), []);
        assert_eq!(polled(&mut builder, Time::from_millis(100)), [(65_534, 5, vec![65_534, 65_535, 1, 2])]);
        builder.received(Time::from_millis(110), 2);
        assert_eq!(builder.poll_timeout(), Time::MAX, "told already");
        builder.received(Time::from_millis(120), 4);
        assert_eq!(polled(&mut builder, Time::from_millis(220)), [(3, 2, vec![4])]);
    }

    #[test]
    fn what_comes_after_it_was_told_to_be_missing_is_told_of_with_all_since() {
        let mut builder = TransportFeedbackBuilder::default();
        for sequence in [65_533, 65_535, 1] {
            builder.received(Time::from_millis(1), sequence);
        }
        assert_eq!(polled(&mut builder, Time::from_millis(300)), [(65_533, 5, vec![65_533, 65_535, 1])]);
        builder.received(Time::from_millis(310), 2);
        builder.received(Time::from_millis(311), 65_534);
        assert_eq!(polled(&mut builder, Time::from_millis(600)), [(65_534, 5, vec![65_534, 65_535, 1, 2])]);
        builder.received(Time::from_millis(610), 0);
        assert_eq!(polled(&mut builder, Time::from_millis(900)), [(0, 3, vec![0, 1, 2])]);
    }

    #[test]
    fn what_comes_far_too_late_is_not_told() {
        let mut builder = TransportFeedbackBuilder::default();
        let mut now = Time::ZERO;
        for sequence in (0..2_000_u16).filter(|sequence| *sequence != 900) {
            now += Duration::from_millis(10);
            builder.received(now, sequence);
            polled(&mut builder, now);
        }
        now += Duration::from_secs(1);
        polled(&mut builder, now);
        builder.received(now, 900);
        assert_eq!(builder.poll_timeout(), Time::MAX);
        assert!(builder.arrivals.remembered() <= MAX_REMEMBERED);
    }

    #[test]
    fn many_packets_do_not_wait_for_the_timer() {
        let mut builder = TransportFeedbackBuilder::default();
        for n in 0..MANY {
            builder.received(Time::from_millis(1), n as u16);
        }
        let told: usize = polled(&mut builder, Time::from_millis(1)).iter().map(|(_, _, arrived)| arrived.len()).sum();
        assert_eq!(told, MANY);
    }

    #[test]
    fn a_leap_starts_over() {
        let mut builder = TransportFeedbackBuilder::default();
        builder.received(Time::ZERO, 0);
        builder.received(Time::ZERO, 20_000);
        assert_eq!(polled(&mut builder, Time::from_millis(100)), [(20_000, 1, vec![20_000])]);
    }

    proptest! {
        #[test]
        fn only_arrivals_are_told_and_memory_is_bounded(
            steps in prop::collection::vec((0_u16..600, 0_u64..40), 1..300),
        ) {
            let mut builder = TransportFeedbackBuilder::default();
            let (mut base, mut now) = (65_000_u16, Time::ZERO);
            let mut arrived = std::collections::HashSet::new();
            for (ahead, wait) in steps {
                // Mostly in order, sometimes late, seldom far ahead.
                base = base.wrapping_add(if ahead > 560 { ahead * 3 } else { ahead % 4 });
                let sequence = base.wrapping_sub(ahead % 7 / 5);
                now += Duration::from_millis(wait);
                builder.received(now, sequence);
                arrived.insert(sequence);
                prop_assert!(builder.arrivals.remembered() <= MAX_WAITING + MAX_REMEMBERED);
                for (_, _, sequences) in polled(&mut builder, now) {
                    for sequence in sequences {
                        prop_assert!(arrived.contains(&sequence));
                    }
                }
            }
        }
    }
}
