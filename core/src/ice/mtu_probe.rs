//! Whether the selected path carries packets as long as media's: black hole detection (RFC 8899, section 4.3).
//!
//! A path with a small MTU whose ICMP is lost lets the checks pass and swallows the pictures. So a long Binding request
//! is sent now and then, which whoever answers checks answers, too. Where the answer stays away, a short one goes with
//! each further one: what was lost or late alike says nothing, only the long one that is lost while the short one
//! right behind it arrives. However long the round trip, the answer to the long one would have come first. A full queue has room
//! for short packets where it has none for long ones: so what is to prove anything is nearly as long.

use std::collections::VecDeque;
use std::time::Duration;

use super::Credentials;
use crate::packet::stun::TransactionId;
use crate::time::Time;

/// Bytes of UDP payload of a long probe: what a path of the least MTU that IPv6 allows carries (1,280 bytes; RFC 8200,
/// section 5). The longest packets of browsers have 1,222: RTP of 1,200, what a retransmission adds, and the tag.
pub const PROBE_LEN: usize = 1_232;
/// The same of the short one that goes with it once one has arrived alone. A queue that is full by bytes drops both or neither, but
/// for one pair in ten; paths that are narrower still are not found.
pub const PROOF_LEN: usize = 1_100;
/// From an answer to the next probe: a path may narrow at any time.
const INTERVAL: Duration = Duration::from_secs(5);
/// From a probe to the next on a path that has never answered, at most; it is [`INTERVAL`] at first, and twice as long
/// each time.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);
/// From a probe to the next while short ones arrive without their long ones.
const RETRY: Duration = Duration::from_millis(200);
/// From a probe to the next while nothing is answered: the line is slow, or gone, and long ones would only fill it.
const PATIENCE: Duration = Duration::from_secs(1);
/// Long probes in a row that are lost while their short ones arrive, after which the path is taken for narrow. Where a
/// fifth of all packets is lost each way, chance does so once in ten million rows of probes.
const PROOFS: usize = 12;

/// Probes that are remembered, so that late answers to them are known: [`RETRY`] apart, what is under way on a path with a
/// round trip of 12 s.
const MOST_UNDER_WAY: usize = 64;

/// A long and a short probe, sent one right behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probes {
    /// Of the long one.
    pub long: TransactionId,
    /// Of the short one.
    pub short: TransactionId,
}

/// Probes of the selected path of one transport.
pub struct MtuProbe {
    peer: Credentials,
    /// What is under way, the oldest first; `MOST_UNDER_WAY` at most.
    sent: VecDeque<Probes>,
    /// Short ones that arrived without their long ones, since the path was last silent.
    proofs: usize,
    /// Probes since the last answer.
    unanswered: usize,
    /// When the path has last carried a long one.
    carried_at: Option<Time>,
    /// From the next probe that stays unanswered like all before it to the one after that.
    interval: Duration,
    due: Time,
}

impl MtuProbe {
    /// Probes that the peer's credentials are asked for with; the first is due at once.
    pub fn new(now: Time, peer: Credentials) -> Self {
        let sent = VecDeque::with_capacity(PROOFS);
        MtuProbe { peer, sent, proofs: 0, unanswered: 0, carried_at: None, interval: INTERVAL, due: now }
    }

    /// The peer's credentials, which a request is addressed and signed with.
    pub fn peer(&self) -> &Credentials {
        &self.peer
    }

    /// Whether short ones arrive without their long ones: the next is to prove something.
    pub fn proves(&self) -> bool {
        self.proofs > 0
    }

    /// The selected path is another one, of which nothing is known yet.
    pub fn restart(&mut self, now: Time) {
        self.carried_at = None;
        self.ask_at(now);
    }

    /// When the path has last carried a long one, if none has been unanswered since.
    pub fn content_since(&self) -> Option<Time> {
        self.carried_at.filter(|_| self.sent.is_empty())
    }

    fn ask_at(&mut self, time: Time) {
        self.interval = INTERVAL;
        self.sent.clear();
        self.proofs = 0;
        self.unanswered = 0;
        self.due = time;
    }

    /// When the next probes are to be sent; [`Time::MAX`] once the path is found narrow.
    pub fn deadline(&self) -> Time {
        self.due
    }

    /// Leaves the path in peace until `time`, which is returned.
    pub fn postpone(&mut self, time: Time) -> Time {
        self.due = time;
        time
    }

    /// Notes that probes with these ids are sent now.
    pub fn on_sent(&mut self, now: Time, probes: Probes) {
        if self.sent.len() == MOST_UNDER_WAY {
            self.sent.pop_front();
        }
        self.sent.push_back(probes);
        self.unanswered += 1;
        if self.proofs > 0 && self.unanswered > PROOFS {
            // It has fallen silent, and long ones lost before that make no row with those lost after it. It is asked as
            // one of which nothing is known, not as fast as one that swallows long packets.
            self.proofs = 0;
            self.unanswered = 1;
        }
        let answers_nothing = self.unanswered > PROOFS;
        self.due = now
            + match self.proofs {
                // Nobody who hears them for now: the path may be back, and narrow, at any time.
                0 if answers_nothing && self.carried_at.is_some() => INTERVAL,
                // A peer that answers no requests at all.
                0 if answers_nothing => self.lengthen(),
                0 => PATIENCE,
                _ => RETRY,
            };
    }

    /// The interval until now; the next one is twice as long.
    fn lengthen(&mut self) -> Duration {
        let interval = self.interval;
        self.interval = (2 * interval).min(LONGEST_INTERVAL);
        interval
    }

    /// Takes the answer to a request of ours. True where the path is found narrow by it: told once, until `restart`.
    pub fn on_answer(&mut self, now: Time, id: TransactionId) -> bool {
        if self.sent.iter().any(|probes| probes.long == id) {
            self.carried_at = Some(now);
            self.ask_at(now + INTERVAL);
            return false;
        }
        let Some(at) = self.sent.iter().position(|probes| probes.short == id) else { return false };
        // It is heeded once: the peer may say it twice.
        self.sent[at].short = self.sent[at].long;
        self.proofs += 1;
        self.unanswered = 0;
        if self.proofs < PROOFS {
            self.due = self.due.min(now + RETRY);
            return false;
        }
        self.ask_at(Time::MAX);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends what is due over a path with a round trip of `round_trip_ms`, until `end_ms`; `lost` says of each probe, by
    /// its number and whether it is long, if it has no answer. When the path was found narrow, if it was.
    fn run(round_trip_ms: u64, end_ms: u64, lost: impl Fn(u32, bool) -> bool) -> (Option<u64>, u32) {
        let mut probe = MtuProbe::new(Time::ZERO, Credentials::new("peer", &"p".repeat(22)).unwrap());
        let mut answers = VecDeque::new();
        let mut number = 0;
        for now in 0..end_ms {
            while answers.front().is_some_and(|(at, _)| *at <= now) {
                let (_, id) = answers.pop_front().unwrap();
                if probe.on_answer(Time::from_millis(now), id) {
                    assert_eq!(probe.deadline(), Time::MAX, "there is nothing more to find out");
                    return (Some(now), number);
                }
            }
            if Time::from_millis(now) >= probe.deadline() {
                number += 1;
                let id = |long: bool| {
                    let mut id = [u8::from(long); 12];
                    id[8..].copy_from_slice(&number.to_be_bytes());
                    TransactionId(id)
                };
                probe.on_sent(Time::from_millis(now), Probes { long: id(true), short: id(false) });
                answers.extend(
                    [true, false]
                        .iter()
                        .filter(|long| !lost(number, **long))
                        .map(|long| (now + round_trip_ms, id(*long))),
                );
            }
        }
        (None, number)
    }

    #[test]
    fn a_path_that_carries_long_ones_is_asked_now_and_then() {
        assert_eq!(run(50, 60_000, |_, _| false), (None, 12));
    }

    #[test]
    fn a_path_that_swallows_them_is_found_whatever_its_round_trip() {
        let swallow = |_, long| long;
        assert_eq!(run(20, 60_000, swallow), (Some(20 + 11 * 200 + 20), 12));
        assert_eq!(run(1_000, 60_000, swallow).0, Some(1_000 + 10 * 200 + 1_000));
        // Once each second until the first answer; those to the further ones follow one another as fast as they were sent.
        assert_eq!(run(3_000, 60_000, swallow).0, Some(3_000 + 3_000 + 8 * 200));
        assert_eq!(run(8_000, 60_000, swallow).0, Some(8_000 + 8_000 + 3 * 200));
    }

    #[test]
    fn a_path_that_narrows_later_is_found_then() {
        assert_eq!(run(20, 60_000, |number, long| long && number > 3).0, Some(3 * 5_020 + 20 + 11 * 200 + 20));
    }

    #[test]
    fn losses_that_meet_both_prove_nothing() {
        assert_eq!(run(20, 600_000, |number, _| number % 40 >= 10).0, None, "the line is gone for seconds");
        let one_answer_in_eleven = |number, long| long && number % 11 != 0;
        assert_eq!(run(20, 600_000, one_answer_in_eleven).0, None, "long ones are lost more often");
    }

    #[test]
    fn a_line_that_answers_late_is_not_filled_with_probes() {
        let (found, sent) = run(900, 60_000, |_, _| false);
        assert!(found.is_none());
        assert_eq!(sent, 60_000_u32.div_ceil(5_900), "one each time");
    }

    #[test]
    fn a_peer_that_answers_nothing_is_asked_less_and_less_often() {
        let sent_within = |seconds: u64| run(20, 1_000 * seconds, |_, _| true).1;
        // Each second at first; then after 5, 10, 20 and 40 s; then each minute.
        assert_eq!([13, 17, 27, 47, 87, 147, 207].map(sent_within), [13, 13, 14, 15, 16, 17, 18]);
        assert_eq!([13, 18, 28, 48, 88, 148, 208].map(sent_within), [13, 14, 15, 16, 17, 18, 19]);
        assert_eq!(run(20, 600_000, |_, _| true).0, None);
    }

    #[test]
    fn a_path_that_has_answered_is_asked_every_five_seconds_while_it_is_silent() {
        let silent = |number, _| number > 1;
        let (found, sent) = run(20, 616_000, silent);
        assert_eq!((found, sent), (None, 1 + 12 + 600 / 5));
    }

    #[test]
    fn a_path_that_falls_silent_while_it_is_proven_narrow_is_asked_less_and_less_often() {
        let sent_within = |millis: u64| run(20, millis, |number, long| number > 1 && (long || number > 3)).1;
        // The second and third short one alone are answered, from 5,040 ms on; then nothing.
        let silent = 5_240 + 200;
        assert_eq!([silent, silent + 11 * 200 + 1].map(sent_within), [3, 15]);
        let slower = silent + 12 * 200;
        assert_eq!([slower + 1, slower + 12_001, slower + 17_000, slower + 17_001].map(sent_within), [16, 28, 28, 29]);
    }

    #[test]
    fn who_begins_to_answer_is_asked_as_often_as_others() {
        let late = |number, long| number < 20 || (long && number > 20);
        assert_eq!(run(20, 267_000, late), (None, 19));
        assert_eq!(
            run(20, 400_000, late).0,
            Some(267_000 + 5_020 + 20 + 11 * 200 + 20),
            "it narrows right behind that"
        );
    }

    #[test]
    fn an_answer_counts_once() {
        let mut probe = MtuProbe::new(Time::ZERO, Credentials::new("peer", &"p".repeat(22)).unwrap());
        let probes = Probes { long: TransactionId([1; 12]), short: TransactionId([0; 12]) };
        probe.on_sent(Time::ZERO, probes);
        for _ in 0..2 * PROOFS {
            assert!(!probe.on_answer(Time::ZERO, probes.short));
        }
    }
}
