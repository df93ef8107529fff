//! Commands on their way from the control plane to the thread.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;

use crate::command::Command;
use crate::net::EventFd;

/// Commands that wait at most. Joining takes about ten, so that this is thousands of joins behind.
pub const COMMAND_QUEUE_LIMIT: usize = 65_536;

/// Why a command was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CommandError {
    /// The worker was closed, or its thread ended.
    #[error("the worker is closed")]
    Closed,
    /// [`COMMAND_QUEUE_LIMIT`] commands wait: the worker is far behind.
    #[error("{COMMAND_QUEUE_LIMIT} commands wait already: the worker does not keep up")]
    Full,
}

/// A bounded queue that wakes its reader.
pub(super) struct CommandQueue {
    state: Mutex<State>,
    /// Whether any wait, for a look that takes no lock.
    any: AtomicBool,
    wake: EventFd,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Command>,
    closed: bool,
}

impl CommandQueue {
    pub fn new() -> io::Result<Self> {
        Ok(CommandQueue { state: Mutex::default(), any: AtomicBool::new(false), wake: EventFd::new()? })
    }

    /// Queues one command, without waiting for the thread.
    pub fn push(&self, command: Command) -> Result<(), CommandError> {
        let mut state = self.lock();
        if state.closed {
            return Err(CommandError::Closed);
        }
        if state.waiting.len() >= COMMAND_QUEUE_LIMIT {
            return Err(CommandError::Full);
        }
        let was_empty = state.waiting.is_empty();
        state.waiting.push_back(command);
        self.any.store(true, Ordering::Release);
        drop(state);
        // The reader takes all that waits, so that only the first of them has to wake it.
        if was_empty {
            self.wake.signal();
        }
        Ok(())
    }

    /// Refuses further commands and wakes the reader; those that wait are carried out.
    pub fn close(&self) {
        self.lock().closed = true;
        self.wake.signal();
    }

    /// Moves all that waits into `taken`, which is empty. Returns whether the queue was closed.
    pub fn take(&self, taken: &mut VecDeque<Command>) -> bool {
        // In this order: a command pushed in between is taken, and at worst wakes the reader for nothing.
        self.wake.reset();
        let mut state = self.lock();
        std::mem::swap(&mut state.waiting, taken);
        self.any.store(false, Ordering::Release);
        state.closed
    }

    /// Whether commands wait.
    #[inline]
    pub fn waits(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// What to wait on.
    pub fn wake(&self) -> &EventFd {
        &self.wake
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing in the critical sections can panic half-way.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        Command::CloseTransport { transport_id: 1 }
    }

    #[test]
    fn a_full_queue_refuses_until_it_is_taken() {
        let queue = CommandQueue::new().unwrap();
        for _ in 0..COMMAND_QUEUE_LIMIT {
            queue.push(command()).unwrap();
        }
        assert_eq!(queue.push(command()), Err(CommandError::Full));
        let mut taken = VecDeque::new();
        assert!(!queue.take(&mut taken));
        assert_eq!(taken.len(), COMMAND_QUEUE_LIMIT);
        assert_eq!(queue.push(command()), Ok(()));
    }

    #[test]
    fn what_waits_when_it_is_closed_is_still_taken() {
        let queue = CommandQueue::new().unwrap();
        assert!(!queue.waits());
        queue.push(command()).unwrap();
        queue.close();
        assert_eq!(queue.push(command()), Err(CommandError::Closed));
        assert!(queue.waits());
        let mut taken = VecDeque::new();
        assert!(queue.take(&mut taken));
        assert_eq!(taken.len(), 1);
        assert!(!queue.waits());
    }
}
