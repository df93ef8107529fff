//! Waiting for many descriptors at once (epoll(7)).

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use super::check;

/// Descriptors reported by one wait at most; the rest comes with the next one.
const CAPACITY: usize = 256;

/// What to be woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// There is something to read, or the peer is gone.
    Read,
    /// As `Read`, or there is room to write.
    ReadWrite,
    /// Only when the descriptor failed.
    Nothing,
}

impl Interest {
    fn bits(self) -> u32 {
        (match self {
            Interest::Read => libc::EPOLLIN,
            Interest::ReadWrite => libc::EPOLLIN | libc::EPOLLOUT,
            Interest::Nothing => 0,
        }) as u32
    }
}

/// One descriptor that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// As given when it was added.
    pub token: u64,
    /// A read will not block: there is data, an end or an error.
    pub readable: bool,
    /// A write will not block.
    pub writable: bool,
}

/// A level-triggered epoll instance and the buffer for its answers.
pub struct Epoll {
    fd: OwnedFd,
    events: Vec<libc::epoll_event>,
    ready: usize,
    /// Linux before 5.11 waits in whole milliseconds only.
    nanoseconds: bool,
}

impl Epoll {
    /// A new one.
    pub fn new() -> io::Result<Self> {
        // SAFETY: the call takes no pointers.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        Ok(Epoll {
            // SAFETY: the descriptor is new and nobody else owns it.
            fd: unsafe { OwnedFd::from_raw_fd(fd) },
            events: vec![libc::epoll_event { events: 0, u64: 0 }; CAPACITY],
            ready: 0,
            nanoseconds: true,
        })
    }

    /// Watches `fd` under `token`. Closing the descriptor ends it.
    pub fn add(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, interest)
    }

    /// Changes what `fd` is watched for.
    pub fn modify(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, interest)
    }

    fn control(&self, operation: libc::c_int, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        let mut event = libc::epoll_event { events: interest.bits(), u64: token };
        // SAFETY: both descriptors are open for the length of the call, and `event` is a valid epoll_event.
        let result = unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), operation, fd.as_fd().as_raw_fd(), &raw mut event) };
        check(result).map(drop)
    }

    /// Waits until something is ready or `timeout` has passed; None waits without end. A signal ends it early, with
    /// nothing ready. Returns how many are, to be read by [`ready`](Self::ready).
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        self.ready = 0;
        let result = if self.nanoseconds { self.wait_nanoseconds(timeout) } else { self.wait_milliseconds(timeout) };
        self.ready = match result {
            Err(error) if error.raw_os_error() == Some(libc::ENOSYS) && self.nanoseconds => {
                self.nanoseconds = false;
                return self.wait(timeout);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            result => result? as usize,
        };
        Ok(self.ready)
    }

    fn wait_nanoseconds(&mut self, timeout: Option<Duration>) -> io::Result<libc::c_int> {
        let timeout = timeout.map(|timeout| libc::timespec {
            tv_sec: timeout.as_secs().min(i32::MAX as u64) as libc::time_t,
            tv_nsec: timeout.subsec_nanos() as libc::c_long,
        });
        let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // By number, since older C libraries have no function for it.
        // SAFETY: `events` has room for CAPACITY entries, `timeout` is null or a timespec that outlives the call, and
        // no signal mask is passed (so its size is not looked at).
        let result = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.fd.as_raw_fd(),
                self.events.as_mut_ptr(),
                CAPACITY as libc::c_int,
                timeout,
                std::ptr::null::<libc::sigset_t>(),
                0usize,
            )
        };
        check(result as libc::c_int)
    }

    fn wait_milliseconds(&mut self, timeout: Option<Duration>) -> io::Result<libc::c_int> {
        // Rounded up: waking before the deadline would only mean to wait again.
        let timeout = timeout.map_or(-1, |timeout| timeout.as_nanos().div_ceil(1_000_000).min(i32::MAX as u128) as i32);
        // SAFETY: `events` has room for CAPACITY entries.
        check(unsafe {
            libc::epoll_wait(self.fd.as_raw_fd(), self.events.as_mut_ptr(), CAPACITY as libc::c_int, timeout)
        })
    }

    /// One of those that the last wait found, by index below what it returned.
    pub fn ready(&self, index: usize) -> Ready {
        // Copied out, since the struct is packed on some machines.
        let libc::epoll_event { events, u64: token } = self.events[..self.ready][index];
        let failed = events & (libc::EPOLLERR | libc::EPOLLHUP) as u32 != 0;
        Ready {
            token,
            readable: failed || events & libc::EPOLLIN as u32 != 0,
            writable: failed || events & libc::EPOLLOUT as u32 != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::EventFd;

    #[test]
    fn a_signalled_descriptor_is_reported_until_it_is_reset() {
        let mut epoll = Epoll::new().unwrap();
        let event = EventFd::new().unwrap();
        epoll.add(&event, 7, Interest::Read).unwrap();
        assert_eq!(epoll.wait(Some(Duration::ZERO)).unwrap(), 0);
        event.signal();
        for _ in 0..2 {
            assert_eq!(epoll.wait(None).unwrap(), 1);
            assert_eq!(epoll.ready(0), Ready { token: 7, readable: true, writable: false });
        }
        event.reset();
        assert_eq!(epoll.wait(Some(Duration::ZERO)).unwrap(), 0);
        epoll.modify(&event, 8, Interest::ReadWrite).unwrap();
        assert_eq!(epoll.wait(None).unwrap(), 1);
        assert_eq!(epoll.ready(0), Ready { token: 8, readable: false, writable: true });
    }

    #[test]
    fn both_ways_of_waiting_end_at_their_timeout() {
        let mut epoll = Epoll::new().unwrap();
        assert_eq!(epoll.wait(Some(Duration::from_nanos(1))).unwrap(), 0);
        epoll.nanoseconds = false;
        assert_eq!(epoll.wait(Some(Duration::from_nanos(1))).unwrap(), 0);
    }
}
