//! Whether the packets of a producer keep coming.

use std::time::Duration;

use crate::time::Time;

/// What a watchdog found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// Media flows (first or again).
    Live,
    /// It has not for the watchdog's time.
    Stalled,
}

/// Says once that packets come, and once that they do not.
///
/// A sender with DTX still sends a packet every 400 ms, and a camera that is covered sends black frames; so silence
/// for some seconds is a defect, unless the producer is paused.
#[derive(Clone, Debug)]
pub struct ProducerWatchdog {
    timeout: Duration,
    /// Silence counts from here: the last packet, or the start.
    quiet_since: Time,
    heard: bool,
    paused: bool,
    reported: Option<Liveness>,
}

impl ProducerWatchdog {
    /// A watchdog that begins to wait now.
    pub fn new(now: Time, timeout: Duration, paused: bool) -> Self {
        ProducerWatchdog { timeout, quiet_since: now, heard: false, paused, reported: None }
    }

    /// A packet came.
    #[inline]
    pub fn packet(&mut self, now: Time) {
        self.quiet_since = now;
        self.heard = true;
    }

    /// Waiting ends, or begins anew.
    pub fn set_paused(&mut self, now: Time, paused: bool) {
        self.paused = paused;
        self.quiet_since = now;
        self.heard = false;
    }

    /// Whether packets came lately.
    pub fn is_live(&self, now: Time) -> bool {
        self.heard && now < self.deadline()
    }

    /// The change since the last call, if any.
    pub fn poll(&mut self, now: Time) -> Option<Liveness> {
        if self.paused {
            return None;
        }
        let state = if self.is_live(now) {
            Liveness::Live
        } else if now >= self.deadline() {
            self.heard = false;
            Liveness::Stalled
        } else {
            return None;
        };
        (self.reported != Some(state)).then(|| {
            self.reported = Some(state);
            state
        })
    }

    /// When [`poll`](Self::poll) may have something to say; [`Time::MAX`] for never.
    pub fn poll_timeout(&self) -> Time {
        match (self.reported, self.heard) {
            _ if self.paused => Time::MAX,
            (Some(Liveness::Stalled), false) => Time::MAX,
            (Some(Liveness::Stalled) | None, true) => self.quiet_since,
            (Some(Liveness::Live), _) | (None, false) => self.deadline(),
        }
    }

    fn deadline(&self) -> Time {
        self.quiet_since + self.timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(3_000);

    /// Plays packets and pauses against the watchdog, which is polled whenever it asks to be.
    fn run(steps: &[(u64, &str)], until: u64) -> Vec<(u64, Liveness)> {
        let mut watchdog = ProducerWatchdog::new(Time::ZERO, TIMEOUT, false);
        let mut changes = Vec::new();
        let mut steps = steps.iter().peekable();
        loop {
            let step_at = steps.peek().map_or(Time::MAX, |(at, _)| Time::from_millis(*at));
            let now = step_at.min(watchdog.poll_timeout());
            if now > Time::from_millis(until) {
                return changes;
            }
            if let Some((_, what)) = steps.next_if(|(at, _)| Time::from_millis(*at) <= now) {
                match *what {
                    "packet" => watchdog.packet(now),
                    "pause" => watchdog.set_paused(now, true),
                    "resume" => watchdog.set_paused(now, false),
                    other => panic!("unknown step {other}"),
                }
            }
            changes.extend(watchdog.poll(now).map(|change| (now.as_millis(), change)));
        }
    }

    #[test]
    fn says_each_change_once() {
        use Liveness::{Live, Stalled};
        assert_eq!(run(&[], 60_000), [(3_000, Stalled)], "never heard");
        assert_eq!(
            run(&[(100, "packet"), (500, "packet"), (900, "packet"), (8_000, "packet")], 60_000),
            [(100, Live), (3_900, Stalled), (8_000, Live), (11_000, Stalled)]
        );
    }

    #[test]
    fn dtx_and_pauses_are_no_defects() {
        use Liveness::{Live, Stalled};
        let dtx: Vec<(u64, &str)> = (0..100).map(|n| (n * 400, "packet")).collect();
        assert_eq!(run(&dtx, 39_600), [(0, Live)]);
        assert_eq!(
            run(&[(0, "packet"), (1_000, "pause"), (9_000, "resume"), (9_500, "packet")], 20_000),
            [(0, Live), (12_500, Stalled)]
        );
    }
}
