//! What a publisher is to send at most since nobody could receive more: the control plane's decision, told by REMB
//! (draft-alvestrand-rmcat-remb-03) to those that it has no other way to tell.

use std::time::Duration;

use crate::bitrate::Bitrate;
use crate::time::Time;

/// Distance of messages.
const INTERVAL: Duration = Duration::from_secs(1);
/// What is told when there is no bound any more: more than any publisher sends, and no more than 31 bits.
const UNBOUNDED: Bitrate = Bitrate::kbps(1_000_000);
/// How often that is told: each message may be lost, and publishers heed the last one for good.
const RELEASES: u8 = 4;

/// The bound of one transport. It comes into being with the first one, and is over when the publisher was let go.
#[derive(Debug)]
pub struct IncomingBound {
    bitrate: Bitrate,
    /// How often it is told yet; none for ever.
    left: Option<u8>,
    due: Time,
}

impl IncomingBound {
    /// One that is to be told now.
    pub fn new(now: Time, bitrate: Bitrate) -> Self {
        IncomingBound { bitrate, left: None, due: now }
    }

    /// Another bound from now on, or none.
    pub fn set(&mut self, now: Time, bitrate: Option<Bitrate>) {
        let before = std::mem::replace(&mut self.bitrate, bitrate.unwrap_or(UNBOUNDED));
        match (bitrate, self.left) {
            (Some(_), _) => self.left = None,
            (None, None) => self.left = Some(RELEASES),
            (None, Some(_)) => {}
        }
        if self.bitrate < before {
            self.due = now;
        }
    }

    /// Whether nothing is to be told any more.
    pub fn is_over(&self) -> bool {
        self.left == Some(0)
    }

    /// When it is to be told; [`Time::MAX`] for never.
    pub fn poll_timeout(&self) -> Time {
        if self.is_over() { Time::MAX } else { self.due }
    }

    /// What to tell, where something is told `now`: the bound, or less where the line carries less.
    pub fn tell(&mut self, now: Time, estimate: Option<Bitrate>) -> Bitrate {
        self.left = self.left.map(|left| left.saturating_sub(1));
        self.due = now + INTERVAL;
        estimate.map_or(self.bitrate, |estimate| estimate.min(self.bitrate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    /// What is told from one time to another, in ms and kbit/s.
    fn told(bound: &mut IncomingBound, from: u64, to: u64) -> Vec<(u64, u64)> {
        let due = |bound: &IncomingBound, ms: u64| bound.poll_timeout() <= at(ms);
        let mut told = Vec::new();
        for ms in from..to {
            if due(bound, ms) {
                told.push((ms, bound.tell(at(ms), None).as_bps() / 1000));
            }
        }
        told
    }

    #[test]
    fn it_is_told_at_once_and_then_once_a_second() {
        let mut bound = IncomingBound::new(at(500), Bitrate::kbps(300));
        assert_eq!(told(&mut bound, 500, 3_000), [(500, 300), (1_500, 300), (2_500, 300)]);
    }

    #[test]
    fn falls_are_told_at_once_and_rises_when_it_is_time() {
        let mut bound = IncomingBound::new(at(0), Bitrate::kbps(300));
        assert_eq!(told(&mut bound, 0, 200), [(0, 300)]);
        bound.set(at(200), Some(Bitrate::kbps(250)));
        bound.set(at(200), Some(Bitrate::kbps(200)));
        assert_eq!(told(&mut bound, 200, 400), [(200, 200)]);
        bound.set(at(400), Some(Bitrate::kbps(900)));
        assert_eq!(told(&mut bound, 400, 1_500), [(1_200, 900)]);
    }

    #[test]
    fn a_publisher_is_let_go_a_few_times_and_then_left_alone() {
        let mut bound = IncomingBound::new(at(0), Bitrate::kbps(300));
        assert_eq!(told(&mut bound, 0, 100), [(0, 300)]);
        bound.set(at(100), None);
        let free = UNBOUNDED.as_bps() / 1000;
        assert_eq!(told(&mut bound, 100, 2_500), [(1_000, free), (2_000, free)]);
        bound.set(at(2_500), None);
        assert_eq!(told(&mut bound, 2_500, 60_000), [(3_000, free), (4_000, free)]);
        assert!(bound.is_over());
    }

    #[test]
    fn a_bound_that_comes_back_is_told_at_once_and_for_good() {
        let mut bound = IncomingBound::new(at(0), Bitrate::kbps(300));
        told(&mut bound, 0, 100);
        bound.set(at(100), None);
        assert_eq!(told(&mut bound, 100, 1_100).len(), 1);
        bound.set(at(1_100), Some(Bitrate::kbps(400)));
        assert_eq!(told(&mut bound, 1_100, 8_000).len(), 7);
    }

    #[test]
    fn of_what_a_line_carries_and_the_bound_the_smaller_is_told() {
        let mut bound = IncomingBound::new(at(0), Bitrate::kbps(300));
        assert_eq!(bound.tell(at(0), Some(Bitrate::kbps(200))), Bitrate::kbps(200));
        assert_eq!(bound.tell(at(0), Some(Bitrate::kbps(400))), Bitrate::kbps(300));
        assert_eq!(bound.poll_timeout(), at(1_000), "whichever was due, both are told");
    }
}
