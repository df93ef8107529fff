//! When to ask a publisher for a keyframe.

use std::time::Duration;

use crate::time::Time;

/// Requests are at least this far apart, however many receivers ask.
const MIN_INTERVAL: Duration = Duration::from_millis(400);
/// An unanswered request is repeated after this, then after twice as long, and so on …
const FIRST_RETRY: Duration = Duration::from_millis(500);
/// … or sooner where the round trip is known and short: so long after it, and never before this, within which browsers
/// answer no second request.
const ENCODING: Duration = Duration::from_millis(150);
const SOONEST_RETRY: Duration = Duration::from_millis(310);
/// … up to this.
const MAX_RETRY: Duration = Duration::from_secs(4);
/// Unanswered requests in a row before a publisher is left alone until it is asked for again, or comes back to life.
const MAX_TRIES: u32 = 10;

/// Gathers what all receivers want into few requests, and repeats them until a keyframe comes.
#[derive(Clone, Debug, Default)]
pub struct KeyframeRequester {
    wanted: bool,
    /// When to send the next request, while there are tries left.
    due: Option<Time>,
    tries: u32,
    last_sent: Option<Time>,
    round_trip: Option<Duration>,
}

impl KeyframeRequester {
    /// Sets the round trip to the publisher.
    pub fn set_round_trip_time(&mut self, round_trip: Duration) {
        self.round_trip = Some(round_trip);
    }

    /// Somebody needs a keyframe.
    pub fn request(&mut self, now: Time) {
        if self.wanted && self.due.is_some() {
            return;
        }
        self.wanted = true;
        self.tries = 0;
        self.due = Some(self.last_sent.map_or(now, |sent| now.max(sent + MIN_INTERVAL)));
    }

    /// A keyframe came: everybody is served.
    pub fn keyframe_arrived(&mut self) {
        self.wanted = false;
        self.due = None;
    }

    /// The publisher is heard again after a silence: a request that it never answered is worth repeating.
    pub fn revived(&mut self, now: Time) {
        if self.wanted {
            self.due = None;
            self.request(now);
        }
    }

    /// Nobody waits any more.
    pub fn cancel(&mut self) {
        self.keyframe_arrived();
    }

    /// Whether to send a request now; if so, it counts as sent.
    pub fn poll(&mut self, now: Time) -> bool {
        if self.due.is_none_or(|due| now < due) {
            return false;
        }
        self.tries += 1;
        self.last_sent = Some(now);
        let first = self
            .round_trip
            .map_or(FIRST_RETRY, |round_trip| (round_trip * 3 / 2 + ENCODING).clamp(SOONEST_RETRY, FIRST_RETRY));
        let retry = first.saturating_mul(1 << (self.tries - 1).min(8)).min(MAX_RETRY);
        self.due = (self.tries < MAX_TRIES).then(|| now + retry);
        true
    }

    /// When [`poll`](Self::poll) has something to say; [`Time::MAX`] for never.
    pub fn poll_timeout(&self) -> Time {
        self.due.unwrap_or(Time::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(requester: &mut KeyframeRequester, until: u64) -> Vec<u64> {
        let mut sent = Vec::new();
        while requester.poll_timeout() <= Time::from_millis(until) {
            let at = requester.poll_timeout();
            assert!(requester.poll(at));
            sent.push(at.as_millis());
        }
        sent
    }

    #[test]
    fn many_wishes_make_one_request() {
        let mut requester = KeyframeRequester::default();
        for _ in 0..100 {
            requester.request(Time::from_millis(1_000));
        }
        assert!(requester.poll(Time::from_millis(1_000)));
        requester.request(Time::from_millis(1_100));
        assert!(!requester.poll(Time::from_millis(1_100)));
        requester.keyframe_arrived();
        assert_eq!(requester.poll_timeout(), Time::MAX);
        requester.request(Time::from_millis(1_200));
        assert_eq!(sent(&mut requester, 1_450), [1_400]);
    }

    #[test]
    fn unanswered_requests_are_repeated_ever_more_slowly_and_end() {
        let mut requester = KeyframeRequester::default();
        requester.request(Time::ZERO);
        let sent_at = sent(&mut requester, 1_000_000);
        assert_eq!(sent_at[..5], [0, 500, 1_500, 3_500, 7_500]);
        assert_eq!(sent_at.len(), MAX_TRIES as usize);
        requester.revived(Time::from_millis(60_000));
        assert_eq!(sent(&mut requester, 60_000), [60_000]);
    }

    #[test]
    fn a_request_is_repeated_sooner_where_an_answer_would_be_there() {
        for (round_trip, expected) in [(20, [0, 310, 930]), (160, [0, 390, 1_170]), (600, [0, 500, 1_500])] {
            let mut requester = KeyframeRequester::default();
            requester.set_round_trip_time(Duration::from_millis(round_trip));
            requester.request(Time::ZERO);
            assert_eq!(sent(&mut requester, 2_000), expected, "{round_trip} ms");
        }
    }

    #[test]
    fn a_publisher_that_comes_back_is_not_bothered_for_nothing() {
        let mut requester = KeyframeRequester::default();
        requester.revived(Time::ZERO);
        assert_eq!(requester.poll_timeout(), Time::MAX);
        requester.request(Time::ZERO);
        requester.keyframe_arrived();
        requester.revived(Time::from_millis(10));
        assert_eq!(requester.poll_timeout(), Time::MAX);
    }
}
