//! Events on their way from the thread to the control plane.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;

use crate::event::Event;
use crate::net::EventFd;

/// Events that wait at most. Past it DTLS datagrams (the peer repeats them) and audio levels (newer ones come) are
/// dropped and counted; all else is kept: it is bounded by the number of transports, producers and consumers.
pub const EVENT_QUEUE_LIMIT: usize = 65_536;

/// A bounded queue whose eventfd is readable while it is not empty.
pub(super) struct EventQueue {
    state: Mutex<State>,
    readable: EventFd,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Event>,
    dropped: u64,
}

impl EventQueue {
    pub fn new() -> io::Result<Self> {
        Ok(EventQueue { state: Mutex::default(), readable: EventFd::new()? })
    }

    /// Queues what `events` yields; takes the lock only if there is something.
    pub fn extend(&self, events: impl IntoIterator<Item = Event>) {
        let mut events = events.into_iter();
        let Some(first) = events.next() else {
            return;
        };
        let mut state = self.lock();
        let was_empty = state.waiting.is_empty();
        for event in std::iter::once(first).chain(events) {
            if state.waiting.len() >= EVENT_QUEUE_LIMIT && is_expendable(&event) {
                state.dropped += 1;
            } else {
                state.waiting.push_back(event);
            }
        }
        // Under the lock: a reader that empties the queue in between must not reset before this signal.
        if was_empty && !state.waiting.is_empty() {
            self.readable.signal();
        }
    }

    /// Takes up to `limit` events; resets the eventfd when none are left.
    pub fn drain(&self, limit: usize) -> Vec<Event> {
        let mut state = self.lock();
        let count = limit.min(state.waiting.len());
        let taken = state.waiting.drain(..count).collect();
        if state.waiting.is_empty() {
            self.readable.reset();
        }
        taken
    }

    /// Events dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// What to wait on.
    pub fn readable(&self) -> &EventFd {
        &self.readable
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing in the critical sections leaves the state half-changed.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn is_expendable(event: &Event) -> bool {
    matches!(event, Event::Dtls { .. } | Event::AudioLevels { .. })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::net::{Epoll, Interest};

    fn live(producer_id: u64) -> Event {
        Event::ProducerLive { producer_id }
    }

    #[test]
    fn the_descriptor_is_readable_exactly_while_events_wait() {
        let queue = EventQueue::new().unwrap();
        let mut epoll = Epoll::new().unwrap();
        epoll.add(queue.readable(), 0, Interest::Read).unwrap();
        let mut readable = || epoll.wait(Some(Duration::ZERO)).unwrap() == 1;

        queue.extend([]);
        assert!(!readable());
        queue.extend([live(1), live(2), live(3)]);
        assert!(readable());
        assert_eq!(queue.drain(2), [live(1), live(2)]);
        assert!(readable());
        assert_eq!(queue.drain(2), [live(3)]);
        assert!(!readable());
    }

    #[test]
    fn past_the_limit_only_what_can_be_missed_is_dropped() {
        let queue = EventQueue::new().unwrap();
        queue.extend((0..EVENT_QUEUE_LIMIT as u64).map(live));
        queue.extend([
            Event::Dtls { transport_id: 1, datagrams: Vec::new() },
            Event::AudioLevels { router_id: 1, levels: Vec::new() },
            Event::WorkerStopped { error: None },
        ]);
        assert_eq!(queue.dropped(), 2);
        assert_eq!(queue.drain(usize::MAX).last(), Some(&Event::WorkerStopped { error: None }));
    }
}
