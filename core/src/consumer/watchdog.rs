//! Whether what is sent to a receiver arrives there, by its own reports.

use std::time::Duration;

use crate::producer::Liveness;
use crate::time::Time;

/// Before two reports have shown how often they come, they are given this long: some receivers of audio report every
/// 5 s, half as much again by chance (RFC 3550, section 6.3.1).
const PATIENCE: Duration = Duration::from_secs(10);
/// How many intervals between reports may pass, as a factor.
const MISSED_REPORTS: u32 = 2;
/// No interval between reports is taken to be longer.
const MAX_INTERVAL: Duration = Duration::from_secs(8);

/// Says once that media arrives, and once that it does not.
#[derive(Clone, Debug)]
pub struct ConsumerWatchdog {
    timeout: Duration,
    /// When the first packet was sent that no report has shown to have arrived.
    unconfirmed_since: Option<Time>,
    last_sent: Time,
    highest_reported: Option<u32>,
    last_report: Option<Time>,
    /// The longest distance of reports, fading.
    interval: Option<Duration>,
    reported: Option<Liveness>,
}

impl ConsumerWatchdog {
    /// A watchdog that reports a stall after `timeout`, or later where the receiver's reports are rarer than that.
    pub fn new(timeout: Duration) -> Self {
        ConsumerWatchdog {
            timeout,
            unconfirmed_since: None,
            last_sent: Time::ZERO,
            highest_reported: None,
            last_report: None,
            interval: None,
            reported: None,
        }
    }

    /// A packet was sent.
    #[inline]
    pub fn sent(&mut self, now: Time) {
        self.last_sent = now;
        if self.unconfirmed_since.is_none() {
            self.unconfirmed_since = Some(now);
        }
    }

    /// Nothing will be sent for a while.
    pub fn pause(&mut self) {
        self.unconfirmed_since = None;
    }

    /// The receiver's report names this highest sequence number.
    pub fn report(&mut self, now: Time, highest: u32) {
        if let Some(last) = self.last_report.replace(now) {
            let distance = now.since(last).min(MAX_INTERVAL);
            self.interval = Some(self.interval.map_or(distance, |interval| distance.max(interval * 7 / 8)));
        }
        // Whatever is still on its way is sent after the packet reported, or confirmed by the next report.
        let progress = self.highest_reported.is_none_or(|before| (highest.wrapping_sub(before) as i32) > 0);
        if progress {
            self.highest_reported = Some(highest);
            self.unconfirmed_since = None;
        }
    }

    /// The change since the last call, if any.
    pub fn poll(&mut self, now: Time) -> Option<Liveness> {
        let state = if now >= self.deadline() {
            if self.has_stopped() {
                self.unconfirmed_since = None;
                return None;
            }
            Liveness::Stalled
        } else if self.is_confirmed() {
            Liveness::Live
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
        match self.reported {
            Some(Liveness::Live) => self.deadline(),
            Some(Liveness::Stalled) if self.is_confirmed() => Time::ZERO,
            Some(Liveness::Stalled) => Time::MAX,
            None if self.is_confirmed() => Time::ZERO,
            None => self.deadline(),
        }
    }

    /// Whether reports show that media arrives. After a stall, only progress in a report is a recovery.
    fn is_confirmed(&self) -> bool {
        let recovered = self.reported != Some(Liveness::Stalled) || self.unconfirmed_since.is_none();
        self.highest_reported.is_some() && recovered
    }

    /// Whether sending ended soon after the last packet that was confirmed: what was lost at the end never will be.
    fn has_stopped(&self) -> bool {
        self.unconfirmed_since.is_some_and(|since| self.last_sent < since + self.patience() / 2)
    }

    fn deadline(&self) -> Time {
        self.unconfirmed_since.map_or(Time::MAX, |since| since + self.patience())
    }

    fn patience(&self) -> Duration {
        self.timeout.max(self.interval.map_or(PATIENCE, |interval| interval * MISSED_REPORTS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(3);

    /// Sends every 20 ms while `sends`; at the given times reports come in with the given highest sequence number.
    fn run(reports: &[(u64, u32)], sends: impl Fn(u64) -> bool, until: u64) -> Vec<(u64, Liveness)> {
        let mut watchdog = ConsumerWatchdog::new(TIMEOUT);
        let mut changes = Vec::new();
        let mut reports = reports.iter().peekable();
        for millis in (0..=until).step_by(20) {
            let now = Time::from_millis(millis);
            if sends(millis) {
                watchdog.sent(now);
            }
            while let Some((_, highest)) = reports.next_if(|(at, _)| *at <= millis) {
                watchdog.report(now, *highest);
            }
            if watchdog.poll_timeout() <= now {
                changes.extend(watchdog.poll(now).map(|change| (millis, change)));
            }
        }
        changes
    }

    #[test]
    fn progress_in_reports_is_life() {
        use Liveness::{Live, Stalled};
        let every_second: Vec<(u64, u32)> = (1..10).map(|n| (n * 1_000, n as u32 * 50)).collect();
        assert_eq!(run(&every_second, |_| true, 11_000), [(1_000, Live)]);
        assert_eq!(run(&every_second, |_| true, 30_000), [(1_000, Live), (12_020, Stalled)]);
        assert_eq!(run(&[], |_| true, 30_000), [(10_000, Stalled)], "never confirmed");
        assert_eq!(run(&[], |_| false, 30_000), [], "never sent");
        assert_eq!(run(&every_second, |millis| millis < 9_000, 30_000), [(1_000, Live)], "the sender stopped");
        assert_eq!(run(&every_second, |millis| millis < 9_500, 30_000), [(1_000, Live)], "its last packets were lost");
    }

    #[test]
    fn reports_without_progress_are_a_stall_and_progress_ends_it() {
        use Liveness::{Live, Stalled};
        let mut reports: Vec<(u64, u32)> = vec![(1_000, 50), (2_000, 100)];
        reports.extend((3..10).map(|n| (n * 1_000, 100)));
        reports.push((10_000, 500));
        assert_eq!(run(&reports, |_| true, 10_500), [(1_000, Live), (5_020, Stalled), (10_000, Live)]);
    }

    #[test]
    fn a_receiver_that_never_reported_and_is_paused_wants_no_attention() {
        let mut watchdog = ConsumerWatchdog::new(TIMEOUT);
        for millis in (0..60_000).step_by(20) {
            watchdog.sent(Time::from_millis(millis));
        }
        assert_eq!(watchdog.poll(Time::from_millis(60_000)), Some(Liveness::Stalled));
        watchdog.pause();
        assert_eq!(watchdog.poll_timeout(), Time::MAX);
        assert_eq!(watchdog.poll(Time::from_millis(60_000)), None);
    }

    #[test]
    fn rare_reports_are_waited_for() {
        use Liveness::Live;
        let reports: Vec<(u64, u32)> = (1..8).map(|n| (n * 5_000, n as u32 * 250)).collect();
        assert_eq!(run(&reports, |_| true, 40_000), [(5_000, Live)]);
    }
}
