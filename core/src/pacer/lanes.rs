//! Video that waits, in one lane per consumer, so that a picture is dropped whole and nothing of it is missed.

use std::collections::VecDeque;
use std::time::Duration;

use crate::consumer::{Composed, Progress};
use crate::time::Time;

/// Empty lanes whose memory is kept for the next ones.
const MAX_SPARE_LANES: usize = 4;

/// A packet that waits: composed, not yet stamped and protected.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// Where its bytes are.
    pub slot: u32,
    /// What it is.
    pub composed: Composed,
    /// Its RTP timestamp as the receiver gets it: which frame it belongs to.
    pub timestamp: u32,
    /// Whether a keyframe starts in it.
    pub keyframe: bool,
    /// Since when.
    pub since: Time,
}

/// Packets of a consumer that were taken out of its lane and will never be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Withdrawn {
    /// The first sequence number that has not left and does not wait: extended. What is sent next is to take it.
    pub next: u64,
    /// How many packets.
    pub packets: u64,
    /// Bytes of their payload.
    pub bytes: u64,
}

/// Packets of one consumer, in order.
struct Lane {
    consumer: usize,
    priority: u8,
    packets: VecDeque<Waiting>,
    /// After the highest sequence number that has left.
    next: u64,
    /// The frame of which some packets have left, by timestamp.
    begun: Option<u32>,
    /// Whether that is a keyframe.
    begun_keyframe: bool,
    /// When a packet of a keyframe left last: the frames behind it could not leave before.
    keyframe_left: Time,
    /// Keyframes that wait.
    keyframes: usize,
}

impl Lane {
    /// How many packets at its head belong to a frame that has begun to leave.
    fn begun_packets(&self) -> usize {
        self.packets.iter().take_while(|waiting| Some(waiting.timestamp) == self.begun).count()
    }

    /// Whether it has a frame that has waited longer than it may.
    fn is_overdue(&self, now: Time, limits: &Limits) -> bool {
        let begun = self.begun_packets();
        let Some(first) = self.packets.get(begun) else { return false };
        if begun > 0 && self.begun_keyframe {
            return false;
        }
        let limit = if first.keyframe { limits.keyframe } else { limits.frame };
        now.since(first.since.max(self.keyframe_left)) > limit
    }
}

/// How long packets may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// A frame: behind a keyframe since that left.
    pub frame: Duration,
    /// A keyframe.
    pub keyframe: Duration,
    /// Anything at all.
    pub stale: Duration,
}

/// The lanes of one transport that are not empty.
#[derive(Default)]
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    /// Kept for their memory.
    spare: Vec<VecDeque<Waiting>>,
    packets: usize,
    bytes: usize,
}

impl Lanes {
    /// How many packets wait.
    #[inline]
    pub(super) fn packets(&self) -> usize {
        self.packets
    }

    /// How many bytes wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends a packet of `consumer`. `progress` tells where it stood before: if nothing waits yet, that has left.
    pub(super) fn push(&mut self, consumer: usize, priority: u8, progress: Progress, waiting: Waiting) {
        let index = self.find(consumer).unwrap_or_else(|| {
            self.lanes.push(Lane {
                consumer,
                priority,
                packets: self.spare.pop().unwrap_or_default(),
                next: progress.next,
                begun: progress.frame,
                begun_keyframe: progress.keyframe,
                keyframe_left: Time::ZERO,
                keyframes: 0,
            });
            self.lanes.len() - 1
        });
        let lane = &mut self.lanes[index];
        lane.priority = priority;
        lane.keyframes += usize::from(waiting.keyframe);
        lane.packets.push_back(waiting);
        self.packets += 1;
        self.bytes += waiting.composed.len;
    }

    /// Takes out the packet that is to leave next, and whose it is: of the highest priority, and there of a frame that has
    /// begun to leave, or else the first. Of several first pictures one is there sooner then, and the last no later.
    pub(super) fn pop(&mut self, now: Time) -> Option<(usize, Waiting)> {
        let rank = |lane: &Lane| {
            let front = lane.packets.front();
            let begins = front.is_some_and(|waiting| Some(waiting.timestamp) != lane.begun);
            (u8::MAX - lane.priority, begins, front.map(|waiting| waiting.since))
        };
        let index = (0..self.lanes.len()).min_by_key(|index| rank(&self.lanes[*index]))?;
        let lane = &mut self.lanes[index];
        let waiting = lane.packets.pop_front()?;
        let consumer = lane.consumer;
        lane.next = lane.next.max(waiting.composed.sequence + 1);
        if lane.begun != Some(waiting.timestamp) {
            lane.begun = Some(waiting.timestamp);
            lane.begun_keyframe = false;
        }
        lane.begun_keyframe |= waiting.keyframe;
        lane.keyframes -= usize::from(waiting.keyframe);
        if lane.begun_keyframe {
            lane.keyframe_left = now;
        }
        self.packets -= 1;
        self.bytes -= waiting.composed.len;
        if lane.packets.is_empty() {
            self.remove(index);
        }
        Some((consumer, waiting))
    }

    /// Whether a keyframe of `consumer` waits, or the rest of one.
    pub(super) fn holds_keyframe(&self, consumer: usize) -> bool {
        self.lanes.iter().any(|lane| lane.consumer == consumer && (lane.keyframes > 0 || lane.begun_keyframe))
    }

    /// The consumer of which to drop frames when there is no room for all: of the lowest priority, and there the one
    /// with most of them.
    pub(super) fn victim(&self) -> Option<usize> {
        let droppable = |lane: &Lane| lane.packets.len() - lane.begun_packets();
        let lanes = self.lanes.iter().filter(|lane| droppable(lane) > 0);
        lanes.min_by_key(|lane| (lane.priority, usize::MAX - droppable(lane))).map(|lane| lane.consumer)
    }

    /// Whether something has waited longer than it may.
    pub(super) fn is_overdue(&self, now: Time, limits: &Limits) -> bool {
        self.lanes.iter().any(|lane| lane.is_overdue(now, limits))
    }

    /// A consumer whose oldest packet is stale.
    pub(super) fn stale(&self, now: Time, limits: &Limits) -> Option<usize> {
        let is_stale = |lane: &&Lane| lane.packets.front().is_some_and(|front| now.since(front.since) > limits.stale);
        self.lanes.iter().find(is_stale).map(|lane| lane.consumer)
    }

    /// A consumer that something waits of.
    pub(super) fn any(&self) -> Option<usize> {
        self.lanes.first().map(|lane| lane.consumer)
    }

    /// Takes out what waits of `consumer`; what belongs to a frame that has begun to leave stays where `keep_begun`.
    pub(super) fn withdraw(
        &mut self,
        consumer: usize,
        keep_begun: bool,
        mut give: impl FnMut(u32),
    ) -> Option<Withdrawn> {
        let index = self.find(consumer)?;
        let lane = &mut self.lanes[index];
        let kept = if keep_begun { lane.begun_packets() } else { 0 };
        let next = lane.packets.iter().take(kept).fold(lane.next, |next, kept| next.max(kept.composed.sequence + 1));
        let mut withdrawn = Withdrawn { next, packets: 0, bytes: 0 };
        for waiting in lane.packets.drain(kept..) {
            give(waiting.slot);
            withdrawn.packets += 1;
            withdrawn.bytes += (waiting.composed.len - waiting.composed.header_len) as u64;
            self.packets -= 1;
            self.bytes -= waiting.composed.len;
            lane.keyframes -= usize::from(waiting.keyframe);
        }
        if lane.packets.is_empty() {
            self.remove(index);
        }
        (withdrawn.packets > 0).then_some(withdrawn)
    }

    fn find(&self, consumer: usize) -> Option<usize> {
        self.lanes.iter().position(|lane| lane.consumer == consumer)
    }

    fn remove(&mut self, index: usize) {
        let lane = self.lanes.swap_remove(index);
        if self.spare.len() < MAX_SPARE_LANES {
            self.spare.push(lane.packets);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::StampPlaces;

    const LIMITS: Limits = Limits {
        frame: Duration::from_millis(500),
        keyframe: Duration::from_millis(2_000),
        stale: Duration::from_millis(3_000),
    };

    fn waiting(sequence: u64, frame: u32, keyframe: bool, millis: u64) -> Waiting {
        let composed = Composed { header_len: 20, len: 120, sequence, stamps: StampPlaces::default() };
        Waiting { slot: sequence as u32, composed, timestamp: frame, keyframe, since: at(millis) }
    }

    fn at_start(next: u64) -> Progress {
        Progress { next, ..Progress::default() }
    }

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    fn popped(lanes: &mut Lanes, millis: u64) -> Vec<(usize, u64)> {
        std::iter::from_fn(|| lanes.pop(at(millis))).map(|(who, waiting)| (who, waiting.composed.sequence)).collect()
    }

    #[test]
    fn the_important_go_first_and_equals_frame_by_frame_in_order_of_arrival() {
        let mut lanes = Lanes::default();
        lanes.push(1, 0, at_start(10), waiting(10, 1, false, 0));
        lanes.push(2, 0, at_start(20), waiting(20, 1, false, 1));
        lanes.push(1, 0, at_start(10), waiting(11, 1, false, 2));
        lanes.push(3, 9, at_start(30), waiting(30, 1, false, 3));
        assert_eq!((lanes.packets(), lanes.bytes()), (4, 480));
        assert_eq!(popped(&mut lanes, 5), [(3, 30), (1, 10), (1, 11), (2, 20)]);
        assert_eq!((lanes.packets(), lanes.bytes(), lanes.any()), (0, 0, None));
    }

    #[test]
    fn frames_are_withdrawn_whole_and_their_numbers_are_free_again() {
        let mut lanes = Lanes::default();
        for (sequence, frame) in [(10, 1), (11, 1), (12, 1), (13, 2), (14, 2), (15, 3)] {
            lanes.push(1, 0, at_start(10), waiting(sequence, frame, false, 0));
        }
        lanes.pop(at(1));
        let mut given = Vec::new();
        let withdrawn = lanes.withdraw(1, true, |slot| given.push(slot));
        assert_eq!(withdrawn, Some(Withdrawn { next: 13, packets: 3, bytes: 300 }));
        assert_eq!(given, [13, 14, 15]);
        assert_eq!(lanes.withdraw(1, true, |_| ()), None);
        assert_eq!(lanes.withdraw(1, false, |_| ()), Some(Withdrawn { next: 11, packets: 2, bytes: 200 }));
        assert_eq!((lanes.packets(), lanes.bytes()), (0, 0));
    }

    #[test]
    fn numbers_that_left_out_of_order_stay_used() {
        let mut lanes = Lanes::default();
        for (sequence, frame) in [(12, 1), (10, 1), (13, 2)] {
            lanes.push(1, 0, at_start(10), waiting(sequence, frame, false, 0));
        }
        lanes.pop(at(1));
        assert_eq!(lanes.withdraw(1, false, |_| ()).map(|withdrawn| withdrawn.next), Some(13));
    }

    #[test]
    fn frames_wait_their_time_and_behind_a_keyframe_from_when_it_has_left() {
        let mut lanes = Lanes::default();
        lanes.push(1, 0, at_start(10), waiting(10, 1, true, 0));
        lanes.push(1, 0, at_start(10), waiting(11, 1, false, 0));
        lanes.push(1, 0, at_start(10), waiting(12, 2, false, 100));
        assert!(!lanes.is_overdue(at(1_900), &LIMITS));
        assert!(lanes.is_overdue(at(2_001), &LIMITS));
        assert!(lanes.holds_keyframe(1));
        lanes.pop(at(1_900));
        assert!(lanes.holds_keyframe(1), "its rest");
        assert!(!lanes.is_overdue(at(2_500), &LIMITS));
        lanes.pop(at(2_400));
        assert!(!lanes.is_overdue(at(2_900), &LIMITS));
        assert!(lanes.is_overdue(at(2_901), &LIMITS));
        assert_eq!(lanes.stale(at(3_100), &LIMITS), None);
        assert_eq!(lanes.stale(at(3_101), &LIMITS), Some(1));
    }

    #[test]
    fn the_rest_of_a_frame_that_left_in_part_before_is_not_dropped() {
        let mut lanes = Lanes::default();
        let progress = Progress { next: 10, frame: Some(7), keyframe: true };
        lanes.push(1, 0, progress, waiting(10, 7, false, 0));
        lanes.push(1, 0, progress, waiting(11, 8, false, 0));
        assert!(lanes.holds_keyframe(1));
        assert!(!lanes.is_overdue(at(1_000), &LIMITS), "behind a keyframe");
        assert_eq!(lanes.withdraw(1, true, |_| ()), Some(Withdrawn { next: 11, packets: 1, bytes: 100 }));
        assert_eq!(popped(&mut lanes, 1_000), [(1, 10)]);
    }

    #[test]
    fn the_least_important_make_room() {
        let mut lanes = Lanes::default();
        assert_eq!(lanes.victim(), None);
        lanes.push(1, 5, at_start(10), waiting(10, 1, false, 0));
        lanes.push(2, 0, at_start(20), waiting(20, 1, false, 0));
        lanes.push(3, 0, at_start(30), waiting(30, 1, false, 0));
        lanes.push(3, 0, at_start(30), waiting(31, 1, false, 0));
        assert_eq!(lanes.victim(), Some(3));
        lanes.withdraw(3, true, |_| ());
        assert_eq!(lanes.victim(), Some(2));
        lanes.withdraw(2, true, |_| ());
        assert_eq!(lanes.victim(), Some(1));
    }
}
