//! What is due when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    Join,
    /// Its WebSocket was lost.
    Resume,
    /// A frame of the microphone or of an encoding of the camera.
    Audio,
    Video(u8),
    /// The engine of a connection wants to be called.
    Publish,
    Subscribe,
    View,
}

/// By time. Entries are few: those of media, and one per connection.
#[derive(Default)]
pub struct Timetable {
    entries: BinaryHeap<Reverse<(Instant, usize, What)>>,
}

impl Timetable {
    pub fn add(&mut self, at: Instant, participant: usize, what: What) {
        self.entries.push(Reverse((at, participant, what)));
    }

    /// What is due by now, the earliest first.
    pub fn due(&mut self, now: Instant) -> Option<(Instant, usize, What)> {
        let Reverse((at, ..)) = self.entries.peek()?;
        if *at > now {
            return None;
        }
        self.entries.pop().map(|Reverse(entry)| entry)
    }

    pub fn next(&self) -> Option<Instant> {
        self.entries.peek().map(|Reverse((at, ..))| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_due_comes_in_order() {
        let (now, mut table) = (Instant::now(), Timetable::default());
        for (millis, participant) in [(20, 0), (10, 1), (30, 2)] {
            table.add(now + Duration::from_millis(millis), participant, What::Join);
        }
        assert_eq!(table.due(now), None);
        let then = now + Duration::from_millis(25);
        let order: Vec<_> = std::iter::from_fn(|| table.due(then)).map(|(_, participant, _)| participant).collect();
        assert_eq!(order, [1, 0]);
        assert_eq!(table.next(), Some(now + Duration::from_millis(30)));
    }
}
