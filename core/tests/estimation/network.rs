//! A network in virtual time: links with a rate, a queue, a delay, jitter and loss, in steps of a millisecond.
//!
//! Within a step a link serves its queue to the nanosecond, so arrival times are exact.

use std::collections::VecDeque;

use crate::queueing::{CoDel, Policer};
use crate::random::Random;

/// Nanoseconds.
pub type Nanos = u64;
pub const MS: Nanos = 1_000_000;
pub const SECOND: Nanos = 1_000 * MS;
/// What UDP and IP add to each datagram on a link.
pub const OVERHEAD: usize = 28;

/// What is sent, and by whom.
#[derive(Clone, Debug)]
pub struct Packet {
    pub flow: usize,
    /// Without UDP and IP.
    pub size: usize,
    pub content: Content,
    /// The links it has still to take, the next one last.
    pub route: Vec<usize>,
    /// How long it has waited so far.
    pub waited: Nanos,
}

/// What a datagram of a call carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Audio,
    Video,
    Padding,
}

#[derive(Clone, Debug)]
pub enum Content {
    /// A datagram with a transport-wide sequence number; its source, and its number in that.
    Media {
        sequence_number: u16,
        source: (u32, u16),
        captured: Nanos,
        kind: Kind,
        sent: Nanos,
    },
    /// RTCP towards the receiver.
    Report(Vec<u8>),
    /// RTCP towards the sender.
    Feedback(Vec<u8>),
    /// A TCP segment and the acknowledgement of one.
    Segment(u64),
    Acknowledgement(u64),
}

/// How a link loses packets.
#[derive(Clone, Copy, Debug, Default)]
pub enum Loss {
    #[default]
    None,
    /// Each packet by itself.
    Independent(f64),
    /// Gilbert's model: nothing is lost in its good state and everything in its bad one; chance per packet to go over to the bad
    /// one, and back.
    Bursts(f64, f64),
}

/// One direction of a line.
pub struct Link {
    pub kbps: u64,
    pub queue_ms: u64,
    pub delay: Nanos,
    /// Standard deviation of the jitter; its bounds are three times that on either side of its mean.
    pub jitter: Nanos,
    /// The same, exponential as on Wi-Fi: most come at once, some far later. Nobody overtakes.
    pub stalls: Nanos,
    /// Jitter from none to so much, each as likely, in which packets overtake each other; in place of the other.
    pub scatter: Nanos,
    /// Packets arrive together at the end of slots that are so long, as a cell schedules them; none for zero.
    pub slots: Nanos,
    pub loss: Loss,
    /// What drops packets instead of queueing them, before the queue.
    pub policer: Option<Policer>,
    /// What drops them from the head of a queue that stands; without, they are dropped where the queue is full.
    pub codel: Option<CoDel>,
    /// A link that is down keeps what is in its queue, and drops what does not fit.
    pub down: bool,
    queue: VecDeque<(Nanos, Packet)>,
    queued: usize,
    /// Of the packet being sent: how many nanobits are left.
    left: u128,
    on_the_way: VecDeque<(Nanos, Packet)>,
    latest: Nanos,
    random: Random,
    /// Whether bursts of losses are in their bad state.
    bad: bool,
    /// Dropped for want of room, and lost.
    pub dropped: u64,
    /// Of these, lost by chance.
    pub lost: u64,
    /// All that came.
    pub entered: u64,
}

impl Link {
    pub fn new(kbps: u64, delay_ms: u64, seed: u64) -> Self {
        Link {
            kbps,
            queue_ms: 300,
            delay: delay_ms * MS,
            jitter: 0,
            stalls: 0,
            scatter: 0,
            slots: 0,
            loss: Loss::None,
            policer: None,
            codel: None,
            down: false,
            queue: VecDeque::new(),
            queued: 0,
            left: 0,
            on_the_way: VecDeque::new(),
            latest: 0,
            random: Random::new(seed),
            bad: false,
            dropped: 0,
            lost: 0,
            entered: 0,
        }
    }

    pub fn enter(&mut self, now: Nanos, packet: Packet) {
        let room = (self.kbps * self.queue_ms / 8).max(3_000) as usize;
        let size = packet.size + OVERHEAD;
        self.entered += 1;
        let passes = self.policer.as_mut().is_none_or(|policer| policer.lets_pass(now, size));
        if self.queued + size > room || !passes {
            self.dropped += 1;
            return;
        }
        self.queued += size;
        self.queue.push_back((now, packet));
    }

    /// Serves the queue from `start` to `end`, and hands out what has arrived by then.
    pub fn serve(&mut self, start: Nanos, end: Nanos, arrived: &mut Vec<(Nanos, usize, Packet)>, index: usize) {
        let mut now = start;
        while !self.down && self.kbps > 0 && now < end {
            let Some((entered, packet)) = self.queue.front_mut() else { break };
            now = now.max(*entered);
            if now >= end {
                break;
            }
            if self.left == 0
                && let Some(codel) = &mut self.codel
                && codel.drops(now, now - *entered, self.queued)
            {
                self.queued -= packet.size + OVERHEAD;
                self.queue.pop_front();
                self.dropped += 1;
                continue;
            }
            // In nanobits, so that a rate may change within a packet.
            let bits = ((packet.size + OVERHEAD) * 8) as u128 * 1_000_000_000;
            if self.left == 0 {
                self.left = bits;
                packet.waited += now - *entered;
            }
            let rate = u128::from(self.kbps * 1_000);
            let needed = self.left.div_ceil(rate) as Nanos;
            if now + needed > end {
                self.left -= (u128::from(end - now) * rate).min(self.left - 1);
                break;
            }
            now += needed;
            self.left = 0;
            let (_, packet) = self.queue.pop_front().expect("it was there");
            self.queued -= packet.size + OVERHEAD;
            if self.is_lost() {
                self.dropped += 1;
                self.lost += 1;
                continue;
            }
            if self.scatter > 0 {
                let at = now + self.delay + (self.random.uniform() * self.scatter as f64) as Nanos;
                let place = self.on_the_way.partition_point(|(before, _)| *before <= at);
                self.on_the_way.insert(place, (at, packet));
                continue;
            }
            let jitter = if self.stalls > 0 {
                (-(1.0 - self.random.uniform()).ln() * self.stalls as f64) as Nanos
            } else if self.jitter == 0 {
                0
            } else {
                (self.random.normal().clamp(-3.0, 3.0).mul_add(self.jitter as f64, 3.0 * self.jitter as f64)) as Nanos
            };
            let mut at = now + self.delay + jitter;
            if self.slots > 0 {
                at = at.next_multiple_of(self.slots);
            }
            // Nobody overtakes.
            self.latest = self.latest.max(at);
            self.on_the_way.push_back((self.latest, packet));
        }
        while self.on_the_way.front().is_some_and(|(at, _)| *at <= end) {
            let (at, packet) = self.on_the_way.pop_front().expect("it was there");
            arrived.push((at, index, packet));
        }
    }

    fn is_lost(&mut self) -> bool {
        match self.loss {
            Loss::None => false,
            Loss::Independent(share) => self.random.chance(share),
            Loss::Bursts(to_bad, to_good) => {
                let change = if self.bad { to_good } else { to_bad };
                self.bad ^= self.random.chance(change);
                self.bad
            }
        }
    }
}
