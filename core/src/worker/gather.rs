//! When to rest for a moment so that packets come together, as network cards do.
//!
//! A wake-up costs as much as forwarding five to ten packets: at light load it is most of the cost. There are two
//! places to save some:
//!
//! - While packets keep coming, the thread does not ask to be woken by the next one: it rests for a while after each
//!   turn and then takes what has come. That is one wake-up per batch.
//! - Woken out of silence it rests too, where that lately brought enough company (the rest of a frame) to be worth a
//!   second wake-up. Both ways are tried now and then to know that.
//!
//! A rest is as long as it takes to gather a batch at the present rate, at most the configured time; and the busier the
//! thread, the less of that: wake-ups are a minor part of its cost then, and what waits behind a rest waits for its turn
//! too. The time that the turn itself took counts, so that a thread that has much to do does not rest at all. What peers
//! are told of arrivals does not depend on it: the kernel stamps each datagram.

use std::time::Duration;

use crate::time::Time;

/// Packets to send that make what a turn costs once, whatever their number, a minor part of its cost.
const BATCH: u64 = 32;
/// The rate is measured over windows of at least this.
const WINDOW: Duration = Duration::from_millis(5);
/// A shorter rest is none: sleeping takes about as long by itself.
const MIN_REST: Duration = Duration::from_micros(20);
/// Weight of the newest turn in the averages, as a power of two.
const SHIFT: u32 = 4;
/// Unit of the averages: 1/256 of a packet, or of certainty.
const ONE: u32 = 256;
/// Packets come within the time of a rest after so many of the turns, or the thread does not rest: each rest in vain
/// costs a wake-up, and where arrivals are at random as many are wasted as saved at five of eight.
const KEEPS_COMING: u32 = ONE * 3 / 4;
/// Packets of one turn that are counted at most.
const MAX_PACKETS: usize = 1_024;
/// Resting after a wake-up has to bring so many times the packets of a turn without it. Cost is even at one and a half.
const WORTHWHILE: u32 = 2;
/// A rest after a wake-up takes one of so many parts of the limit at most: the rest of a frame comes soon or not at all, and
/// out of silence there is little to save.
const AFTER_WAKE: u32 = 4;
/// One wake-up of so many is followed by the other way, to learn.
const TRY_EVERY: u32 = 16;

/// Who works for a smaller part of the time than this may rest for the whole limit.
const LIGHT: u32 = ONE / 10;
/// However busy it is, it may rest for one of so many parts of the limit.
const LEAST: u32 = 12;

/// Decides by what came lately.
pub(super) struct Gather {
    /// The longest rest; zero for none ever.
    limit: Duration,
    /// How long a batch takes to gather at the present rate, or `limit` if that is less.
    batch_time: Duration,
    window_start: Time,
    window_packets: u64,
    /// How long the thread worked in it.
    window_work: Duration,
    /// Average part of the time that the thread works.
    busy: u32,
    /// When the last turn with packets began and ended.
    last_turn: (Time, Time),
    /// Whether there was a rest since then.
    rested: bool,
    /// How often packets came within a rest's time after a turn.
    keeps_coming: u32,
    /// Average packets received in a turn after a wake-up, without and with a rest.
    after_wake: [u32; 2],
    wake_ups: u32,
    /// Whether the turn that is being measured came after a wake-up, and if so, whether after a rest.
    woken: Option<bool>,
}

impl Gather {
    /// Rests for `limit` at most; zero never rests.
    pub fn new(limit: Duration) -> Self {
        Gather {
            limit,
            batch_time: limit,
            window_start: Time::ZERO,
            window_packets: 0,
            window_work: Duration::ZERO,
            busy: 0,
            last_turn: (Time::ZERO, Time::ZERO),
            rested: false,
            keeps_coming: 0,
            after_wake: [ONE; 2],
            wake_ups: 0,
            woken: None,
        }
    }

    /// How long to rest before looking whether packets have come.
    pub fn before_wait(&mut self, now: Time) -> Option<Duration> {
        let (began, _) = self.last_turn;
        let rest = self.batch_time.saturating_sub(now.since(began));
        self.rested |= self.keeps_coming >= KEEPS_COMING && rest >= MIN_REST;
        self.rested.then_some(rest).filter(|rest| *rest >= MIN_REST)
    }

    /// Packets are there, either `at_once` or because they have woken the thread. Returns how long to rest before they
    /// are taken.
    pub fn packets_came(&mut self, now: Time, at_once: bool) -> Option<Duration> {
        let rested = std::mem::take(&mut self.rested);
        let (_, ended) = self.last_turn;
        let soon = if rested { at_once } else { now.since(ended) <= self.batch_time };
        self.keeps_coming = average(self.keeps_coming, if soon { ONE } else { 0 });
        // After a rest in vain the first packet has waited for nobody; those behind it are left to the next turn.
        if at_once || rested || self.limit.is_zero() {
            return None;
        }
        let [alone, together] = self.after_wake;
        self.wake_ups = self.wake_ups.wrapping_add(1);
        let rests = (together >= alone * WORTHWHILE) != self.wake_ups.is_multiple_of(TRY_EVERY);
        self.woken = Some(rests);
        rests.then_some(self.batch_time.min(self.limit / AFTER_WAKE))
    }

    /// Tells how many packets a turn has received and how many it has sent.
    pub fn turn_ended(&mut self, began: Time, now: Time, received: usize, sent: u64) {
        self.last_turn = (began, now);
        if let Some(rested) = self.woken.take() {
            let packets = &mut self.after_wake[usize::from(rested)];
            *packets = average(*packets, received.min(MAX_PACKETS) as u32 * ONE);
        }
        self.window_packets += sent;
        self.window_work += now.since(began);
        let elapsed = now.since(self.window_start);
        if elapsed >= WINDOW {
            let nanos = elapsed.as_nanos() as u64;
            let work = (self.window_work.as_nanos() as u64).min(nanos);
            self.busy = average(self.busy, (work * u64::from(ONE) / nanos) as u32);
            let batch_time = Duration::from_nanos(nanos.saturating_mul(BATCH) / self.window_packets.max(1));
            self.batch_time = batch_time.min(self.limit_while_busy());
            self.window_start = now;
            self.window_packets = 0;
            self.window_work = Duration::ZERO;
        }
    }

    /// The limit for a thread that works as much as this one lately: the whole one at light load, then less by the square.
    fn limit_while_busy(&self) -> Duration {
        let busy = self.busy.max(LIGHT);
        (self.limit * (LIGHT * LIGHT) / (busy * busy)).max(self.limit / LEAST)
    }
}

fn average(average: u32, sample: u32) -> u32 {
    average - (average >> SHIFT) + (sample >> SHIFT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_micros(500);
    const CHEAP: Duration = Duration::from_micros(1);

    /// What a thread did that has nothing else to do.
    #[derive(Debug)]
    struct Lived {
        turns: usize,
        rests_before_wait: usize,
        rests_after_wake: usize,
    }

    /// Lives through packets that arrive at these microseconds; each is sent to two. A turn takes `cost` per packet sent.
    fn live(gather: &mut Gather, arrivals: impl Iterator<Item = u64>, cost: Duration) -> Lived {
        let mut lived = Lived { turns: 0, rests_before_wait: 0, rests_after_wake: 0 };
        let mut arrivals = arrivals.map(|micros| Time::from_nanos(micros * 1_000)).peekable();
        let mut now = Time::ZERO;
        while let Some(next) = arrivals.peek().copied() {
            if let Some(rest) = gather.before_wait(now) {
                lived.rests_before_wait += 1;
                now += rest;
            }
            let at_once = next <= now;
            now = now.max(next);
            if let Some(rest) = gather.packets_came(now, at_once) {
                lived.rests_after_wake += 1;
                now += rest;
            }
            let began = now;
            let received = std::iter::from_fn(|| arrivals.next_if(|at| *at <= began)).count();
            let sent = received as u64 * 2;
            now += cost * sent as u32;
            gather.turn_ended(began, now, received, sent);
            lived.turns += 1;
        }
        lived
    }

    fn every(micros: u64) -> impl Iterator<Item = u64> {
        (0..10_000).map(move |n| n * micros)
    }

    #[test]
    fn while_packets_keep_coming_each_turn_takes_a_batch() {
        let lived = live(&mut Gather::new(LIMIT), every(100), CHEAP);
        assert!((1_900..2_200).contains(&lived.turns), "five packets a turn: {lived:?}");
        assert!(lived.rests_after_wake < 20, "{lived:?}");
    }

    #[test]
    fn rests_shrink_as_batches_fill_sooner() {
        let lived = live(&mut Gather::new(LIMIT), every(10), CHEAP / 5);
        assert!((550..700).contains(&lived.turns), "sixteen packets a turn are 32 sent: {lived:?}");
    }

    #[test]
    fn the_busier_the_thread_the_shorter_its_rests() {
        let half_busy = Duration::from_micros(25);
        let lived = live(&mut Gather::new(LIMIT), every(100), half_busy);
        assert!(lived.turns > 8_000, "a twelfth of the limit is over before the turn is: {lived:?}");
    }

    #[test]
    fn a_busy_thread_does_not_rest() {
        let lived = live(&mut Gather::new(LIMIT), every(10), Duration::from_micros(6));
        assert!(lived.rests_before_wait + lived.rests_after_wake < 20, "{lived:?}");
    }

    #[test]
    fn a_frame_out_of_silence_is_taken_as_one() {
        let frames = (0..2_000).flat_map(|n| [0, 10, 20, 30].map(|micros| n * 20_000 + micros));
        let lived = live(&mut Gather::new(LIMIT), frames, CHEAP);
        assert!((2_000..2_700).contains(&lived.turns), "most of 2,000 frames, not each packet: {lived:?}");
    }

    #[test]
    fn single_packets_out_of_silence_are_not_held_up() {
        let lived = live(&mut Gather::new(LIMIT), every(20_000), CHEAP);
        assert!(lived.rests_before_wait + lived.rests_after_wake < 700, "one of sixteen, to learn: {lived:?}");
    }

    #[test]
    fn it_never_rests_when_told_not_to() {
        let lived = live(&mut Gather::new(Duration::ZERO), every(50), CHEAP);
        assert_eq!(lived.rests_before_wait + lived.rests_after_wake, 0);
    }
}
