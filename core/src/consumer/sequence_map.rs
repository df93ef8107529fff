//! From the producer's sequence numbers to the consumer's, and back.
//!
//! What a consumer leaves out on purpose (padding, unmapped payload types, everything while it is paused) must leave no
//! hole, or the receiver would ask for it again; what was lost upstream must stay a hole, so that it is asked for.
//! Packets come late and out of order, so that the mapping of the recent past is kept as well.

use std::collections::VecDeque;

/// Changes of the mapping that are remembered. Packets older than the oldest are too late to be forwarded.
const MAX_SEGMENTS: usize = 64;

/// From `source_start` on, the difference between both numbers is constant: until the next segment starts.
#[derive(Clone, Copy, Debug)]
struct Segment {
    source_start: u64,
    out_start: u64,
    epoch: u32,
    closed: u16,
}

/// Where a number came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The producer's.
    pub sequence: u64,
    /// Of that run.
    pub epoch: u32,
    /// Whole pictures that were left out of the run before it, modulo 2^16.
    pub closed: u16,
}

/// What became of a packet that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The packets behind it close up.
    Removed,
    /// Later packets were forwarded already, and the receiver sees a hole at this number.
    Hole(u64),
    /// It is too old to matter.
    TooOld,
}

/// The mapping. All numbers are extended ones (see [`crate::sequence`]).
pub struct SequenceMap {
    current: Segment,
    /// Before `current`, oldest first.
    older: VecDeque<Segment>,
    next_out: u64,
}

impl SequenceMap {
    /// A mapping that gives out `first_out` first. Nothing maps before [`start`](Self::start).
    pub fn new(first_out: u64) -> Self {
        let nothing = Segment { source_start: u64::MAX, out_start: first_out, epoch: 0, closed: 0 };
        SequenceMap { current: nothing, older: VecDeque::new(), next_out: first_out }
    }

    /// `source` goes out next, and is the first of `epoch`. Packets of earlier epochs are not mapped any more, but
    /// can still be found by [`source_of`](Self::source_of).
    pub fn start(&mut self, source: u64, epoch: u32) {
        self.open(Segment { source_start: source, out_start: self.next_out, epoch, closed: 0 });
    }

    /// The number that `source` goes out with; none for what was skipped and for what is too old.
    #[inline]
    pub fn map(&mut self, source: u64) -> Option<u64> {
        let out = match source.checked_sub(self.current.source_start) {
            Some(distance) => self.current.out_start + distance,
            None => self.map_late(source)?,
        };
        self.next_out = self.next_out.max(out + 1);
        Some(out)
    }

    /// How many pictures were left out of the run before `source`.
    #[inline]
    pub fn closed_before(&self, source: u64) -> u16 {
        let current = &self.current;
        let is_in = |segment: &&Segment| segment.epoch == current.epoch && segment.source_start <= source;
        if source >= current.source_start {
            return current.closed;
        }
        self.older.iter().rev().find(is_in).map_or(0, |segment| segment.closed)
    }

    /// Leaves `source` out, with which a picture begins that is left out where `closes`.
    pub fn skip(&mut self, source: u64, closes: bool) -> Skip {
        let Some(distance) = source.checked_sub(self.current.source_start) else {
            return self.map(source).map_or(Skip::TooOld, Skip::Hole);
        };
        let out = self.current.out_start + distance;
        if out < self.next_out {
            return Skip::Hole(out);
        }
        let closed = self.current.closed.wrapping_add(u16::from(closes));
        if distance == 0 {
            self.current.source_start += 1;
            self.current.closed = closed;
        } else {
            self.open(Segment { source_start: source + 1, out_start: out, epoch: self.current.epoch, closed });
        }
        Skip::Removed
    }

    /// What went out as `out` and after it did not leave after all: the next epoch begins with `out`. To be called
    /// before that starts.
    pub fn rewind(&mut self, out: u64) {
        self.next_out = self.next_out.min(out);
        // Of what was mapped behind it, nothing can be asked for.
        while self.current.out_start > out
            && let Some(older) = self.older.pop_back()
        {
            self.current = older;
        }
    }

    /// Where that came from what went out as `out`, or would have, had it not been lost upstream.
    pub fn source_of(&self, out: u64) -> Option<Origin> {
        if out >= self.next_out {
            return None;
        }
        let segment = std::iter::once(&self.current).chain(self.older.iter().rev()).find(|s| s.out_start <= out)?;
        let Segment { source_start, out_start, epoch, closed } = *segment;
        (source_start != u64::MAX).then(|| Origin { sequence: source_start + (out - out_start), epoch, closed })
    }

    /// The number after the highest that went out.
    #[inline]
    pub fn next_out(&self) -> u64 {
        self.next_out
    }

    fn open(&mut self, segment: Segment) {
        if self.current.source_start != u64::MAX {
            if self.older.len() == MAX_SEGMENTS {
                self.older.pop_front();
            }
            self.older.push_back(self.current);
        }
        self.current = segment;
    }

    #[cold]
    fn map_late(&self, source: u64) -> Option<u64> {
        let mut end = self.current.out_start;
        for segment in self.older.iter().rev() {
            if segment.epoch != self.current.epoch {
                return None;
            }
            if let Some(distance) = source.checked_sub(segment.source_start) {
                let out = segment.out_start + distance;
                return (out < end).then_some(out);
            }
            end = segment.out_start;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn origin(sequence: u64, epoch: u32) -> Option<Origin> {
        Some(Origin { sequence, epoch, closed: 0 })
    }

    enum Step {
        Start(u64),
        Map(u64, Option<u64>),
        Skip(u64, Skip),
    }
    use Step::{Map, Start};

    fn run(name: &str, steps: &[Step]) {
        let mut map = SequenceMap::new(1_000);
        let mut epoch = 0;
        for (at, step) in steps.iter().enumerate() {
            match step {
                Start(source) => {
                    epoch += 1;
                    map.start(*source, epoch);
                }
                Map(source, out) => assert_eq!(map.map(*source), *out, "{name}, step {at}"),
                Step::Skip(source, skip) => assert_eq!(map.skip(*source, false), *skip, "{name}, step {at}"),
            }
        }
    }

    #[test]
    fn sequences() {
        run("nothing before the start", &[Map(1, None), Step::Skip(1, Skip::TooOld)]);
        run("in order", &[Start(5), Map(5, Some(1_000)), Map(6, Some(1_001)), Map(8, Some(1_003))]);
        run("late, without skips", &[Start(5), Map(5, Some(1_000)), Map(8, Some(1_003)), Map(6, Some(1_001))]);
        run("before the start", &[Start(5), Map(5, Some(1_000)), Map(4, None)]);
        run(
            "skips close up",
            &[
                Start(5),
                Map(5, Some(1_000)),
                Step::Skip(6, Skip::Removed),
                Step::Skip(7, Skip::Removed),
                Map(8, Some(1_001)),
                Step::Skip(9, Skip::Removed),
                Map(10, Some(1_002)),
            ],
        );
        run(
            "skip after a gap: the gap stays, and late packets find their places",
            &[
                Start(10),
                Map(10, Some(1_000)),
                Step::Skip(13, Skip::Removed),
                Map(14, Some(1_003)),
                Map(11, Some(1_001)),
                Map(12, Some(1_002)),
                Map(13, None),
            ],
        );
        run(
            "a late skip leaves its hole",
            &[Start(10), Map(10, Some(1_000)), Map(12, Some(1_002)), Step::Skip(11, Skip::Hole(1_001))],
        );
        run(
            "a new epoch forgets the old one",
            &[Start(10), Map(10, Some(1_000)), Start(500), Map(500, Some(1_001)), Map(11, None), Map(499, None)],
        );
        run(
            "a new epoch may run behind the old one",
            &[Start(900), Map(900, Some(1_000)), Start(10), Map(10, Some(1_001)), Map(901, Some(1_892))],
        );
    }

    #[test]
    fn nothing_to_find_before_the_first_packet() {
        let mut map = SequenceMap::new(1_000);
        assert_eq!(map.source_of(999), None);
        assert_eq!(map.source_of(1_000), None);
        map.start(7, 1);
        assert_eq!(map.source_of(1_000), None);
        map.map(7);
        assert_eq!(map.source_of(1_000), origin(7, 1));
        assert_eq!(map.source_of(999), None);
    }

    #[test]
    fn what_went_out_is_found_across_epochs() {
        let mut map = SequenceMap::new(1_000);
        map.start(10, 1);
        map.map(10);
        map.skip(11, false);
        map.map(12);
        map.start(500, 2);
        map.map(500);
        assert_eq!(map.source_of(1_000), origin(10, 1));
        assert_eq!(map.source_of(1_001), origin(12, 1));
        assert_eq!(map.source_of(1_002), origin(500, 2));
        assert_eq!(map.source_of(1_003), None);
    }

    #[test]
    fn numbers_that_never_left_are_given_out_again() {
        let mut map = SequenceMap::new(1_000);
        map.start(10, 1);
        for source in 10..20 {
            map.map(source);
        }
        map.skip(20, false);
        map.map(21);
        assert_eq!(map.next_out(), 1_011);
        map.rewind(1_004);
        assert_eq!(map.source_of(1_003), origin(13, 1));
        assert_eq!(map.source_of(1_004), None);
        map.start(30, 2);
        assert_eq!(map.map(30), Some(1_004));
        assert_eq!(map.source_of(1_004), origin(30, 2));
        assert_eq!(map.source_of(1_003), origin(13, 1));
        map.rewind(2_000);
        assert_eq!(map.next_out(), 1_005);
    }

    #[test]
    fn pictures_left_out_are_counted_where_they_were_left_out() {
        let mut map = SequenceMap::new(1_000);
        map.start(10, 1);
        map.map(10);
        map.skip(11, true);
        map.skip(12, false);
        map.map(13);
        map.map(15);
        assert_eq!(map.skip(14, true), Skip::Hole(1_002), "what comes later closes nothing");
        map.skip(16, true);
        map.skip(17, true);
        map.map(18);
        let closed: Vec<u16> = [10, 13, 15, 18].map(|source| map.closed_before(source)).into();
        assert_eq!(closed, [0, 1, 1, 3]);
        let origins: Vec<u16> = (1_000..1_005).map(|out| map.source_of(out).unwrap().closed).collect();
        assert_eq!(origins, [0, 1, 1, 1, 3]);
        map.start(500, 2);
        assert_eq!((map.map(500), map.closed_before(500)), (Some(1_005), 0));
        assert_eq!(map.source_of(1_004).unwrap().closed, 3);
    }

    #[test]
    fn memory_of_skips_is_bounded() {
        let mut map = SequenceMap::new(1_000);
        map.start(0, 1);
        for source in 0..10_000 {
            if source % 2 == 0 {
                map.map(source);
            } else {
                map.skip(source, false);
            }
        }
        assert_eq!(map.older.len(), MAX_SEGMENTS);
        assert_eq!(map.map(1), None);
    }

    proptest! {
        /// Packets of a stream arrive lost, late and in disorder, and some are skipped. Whatever happens, no two
        /// share a number, order is kept, and a hole is where a packet was lost and nowhere else (late skips, which
        /// the caller fills, counted as present).
        #[test]
        fn holes_are_losses(
            kinds in prop::collection::vec((0_u8..10, 0_usize..6), 1..400),
            start in 65_000_u64..67_000,
        ) {
            // 0: lost. 1–2: to skip. Others: to forward. The second number delays the arrival.
            let mut arrivals: Vec<(usize, u64, u8)> = kinds
                .iter()
                .enumerate()
                .map(|(at, (kind, delay))| (at + delay, start + at as u64, *kind))
                .filter(|(_, _, kind)| *kind != 0)
                .collect();
            arrivals.sort_by_key(|(at, source, _)| (*at, *source));
            let Some(&(_, first, _)) = arrivals.first() else { return Ok(()) };
            let mut map = SequenceMap::new(40_000);
            map.start(first, 1);
            let mut out_of: BTreeMap<u64, u64> = BTreeMap::new();
            let mut removed = BTreeSet::new();
            for (_, source, kind) in arrivals {
                if kind <= 2 {
                    match map.skip(source, false) {
                        Skip::Hole(out) => { out_of.insert(source, out); }
                        Skip::Removed => { removed.insert(source); }
                        Skip::TooOld => prop_assert!(source < first),
                    }
                } else {
                    match map.map(source) {
                        Some(out) => { out_of.insert(source, out); }
                        None => prop_assert!(source < first || map.older.len() == MAX_SEGMENTS),
                    }
                }
            }
            let pairs: Vec<(u64, u64)> = out_of.iter().map(|(source, out)| (*source, *out)).collect();
            for pair in pairs.windows(2) {
                let ((source_a, out_a), (source_b, out_b)) = (pair[0], pair[1]);
                let left_out = removed.range(source_a..source_b).count() as u64;
                prop_assert_eq!(out_b - out_a, source_b - source_a - left_out);
            }
            for (source, out) in pairs.iter().rev().take(MAX_SEGMENTS / 2) {
                prop_assert_eq!(map.source_of(*out), origin(*source, 1));
            }
        }
    }
}
