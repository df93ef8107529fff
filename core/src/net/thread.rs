//! What a thread can ask the kernel for itself.

use std::io;
use std::time::Duration;

use super::check;

/// CPU time that the calling thread has used, in user and kernel mode.
pub fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec. The clock exists on every Linux, so that the call cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Binds the calling thread to `cpu`. Fails with `InvalidInput` where there is no such CPU or it is not allowed.
pub fn pin_to_cpu(cpu: usize) -> io::Result<()> {
    if cpu >= libc::CPU_SETSIZE as usize {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: an all-zero cpu_set_t is the empty set, `cpu` is within it, and the size passed is its own.
    check(unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)
    })
    .map(drop)
}

/// How late the kernel may end the calling thread's sleeps in order to save wake-ups. It is 50 µs unless set.
pub fn set_timer_slack(slack: Duration) -> io::Result<()> {
    let nanos = slack.as_nanos().clamp(1, 1_000_000_000) as libc::c_ulong;
    // SAFETY: this option takes a number and no pointer.
    check(unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, nanos) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_grows_with_work() {
        let before = cpu_time();
        let mut sum = 0u64;
        while cpu_time() == before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(cpu_time() > before);
    }

    #[test]
    fn a_cpu_that_does_not_exist_is_refused() {
        assert_eq!(pin_to_cpu(usize::MAX).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(pin_to_cpu(1_023).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
