//! Transport-wide feedback: what of the packets of a transport arrived, and when.

use super::history::Fate;
use super::{Acknowledged, Estimator};
use crate::event::EstimateSource;
use crate::packet::rtcp::TransportFeedback;
use crate::sequence;
use crate::time::Time;

/// The clock of feedback wraps around: 2^24 times 64 ms.
const CLOCK_NANOS: i64 = (1 << 24) * 64_000_000;

/// What the last feedback told, to make sense of the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastFeedback {
    count: u8,
    /// One past the newest packet told of, extended.
    covered: u64,
    /// An arrival as told, and the same on a clock that does not wrap, both in nanoseconds.
    told: i64,
    unwrapped: i64,
}

impl Estimator {
    /// The peer tells what arrived when.
    pub fn on_transport_feedback(&mut self, now: Time, feedback: &TransportFeedback<'_>) {
        let Some(first) = self.history.extend(feedback.base_sequence_number) else { return };
        let last = self.last_feedback;
        let next_in_line = last.is_none_or(|last| feedback.feedback_count == last.count.wrapping_add(1));
        let end = first + u64::from(feedback.status_count);
        let covered = last.map_or(first, |last| last.covered);
        // Feedback was lost: what it told of is neither lost nor received, and came as fast as the rest.
        let mut untold = if next_in_line { 0 } else { self.history.bytes(covered..first) };
        self.heard(now);

        let mut clock = last.map(|last| (last.told, last.unwrapped));
        let mut acknowledged = Acknowledged::default();
        for arrival in feedback.arrivals() {
            let unwrapped = arrival.nanos.map(|nanos| {
                let unwrapped = clock.map_or(nanos, |(told, before)| before + wrapped_difference(nanos, told));
                clock = Some((nanos, unwrapped));
                unwrapped
            });
            if let Some(at) = unwrapped {
                self.came_untold(at, std::mem::take(&mut untold));
            }
            self.received(sequence::nearest(first, arrival.sequence_number), unwrapped, &mut acknowledged);
        }
        // Told of and not received. Only what is new: the peer may tell of the same packets again. Where packets overtake
        // each other, what is missing may still come, and peers tell of it then.
        let range = self.history.range();
        if last.is_none() || (!next_in_line && covered < first) {
            self.judged = self.judged.max(first);
        }
        self.newest_arrived = self.newest_arrived.max(acknowledged.newest);
        let patience = self.queue.overtaking() * 2;
        for sequence in self.judged.max(range.start)..end.min(range.end) {
            let missing = self.history.get_mut(sequence).filter(|sent| sent.fate == Fate::InFlight);
            let was_lost = std::mem::replace(&mut self.last_was_lost, missing.is_some());
            if let Some(sent) = missing {
                if self.newest_arrived.is_some_and(|newest| newest.since(sent.at) < patience) {
                    self.last_was_lost = was_lost;
                    break;
                }
                sent.fate = Fate::Lost;
                // What was sent into an outage is lost to the outage.
                let counts = sent.at >= self.losses_after;
                acknowledged.lost += u32::from(counts);
                acknowledged.loss_events += u32::from(counts && !was_lost);
            }
            self.judged = sequence + 1;
        }
        let (told, unwrapped) = clock.unwrap_or_default();
        self.last_feedback =
            clock.map(|_| LastFeedback { count: feedback.feedback_count, covered: end.max(covered), told, unwrapped });
        self.source = EstimateSource::TransportFeedback;
        self.conclude(now, &acknowledged);
    }
}

/// How much later `nanos` is than `before`, on a clock that wraps around.
fn wrapped_difference(nanos: i64, before: i64) -> i64 {
    let difference = (nanos - before).rem_euclid(CLOCK_NANOS);
    if difference > CLOCK_NANOS / 2 { difference - CLOCK_NANOS } else { difference }
}
