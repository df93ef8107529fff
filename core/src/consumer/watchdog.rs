//! Whether what is sent to a receiver arrives there, by its own reports.

use std::time::Duration;

use crate::producer::Liveness;
use crate::time::Time;

/// Before some reports have shown how often they come, they are given this long: some receivers of audio report every
/// 5 s, half as much again by chance, or half as much less (RFC 3550, section 6.3.1).
const PATIENCE: Duration = Duration::from_secs(10);
/// Distances of reports that it takes to know how often they come: by chance a short one comes first, and another three
/// times as long next.
const ENOUGH_DISTANCES: u32 = 4;
/// How many of the longest distances between reports may pass: two and a bit where a report is lost.
const MISSED_REPORTS: u32 = 3;
/// What becomes of the longest distance with each shorter one: half after twenty. Chance has long rows of short ones.
const FADING: (u32, u32) = (31, 32);
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
    /// How many distances were seen, up to enough.
    distances: u32,
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
            distances: 0,
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
            let (part, whole) = FADING;
            self.interval = Some(self.interval.map_or(distance, |interval| distance.max(interval * part / whole)));
            self.distances = (self.distances + 1).min(ENOUGH_DISTANCES);
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
        let unknown = if self.distances < ENOUGH_DISTANCES { PATIENCE } else { self.timeout };
        self.timeout.max(unknown).max(self.interval.unwrap_or_default() * MISSED_REPORTS)
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
        reports.extend((3..=5).map(|n| (n * 1_000, n as u32 * 50)));
        reports.extend((6..13).map(|n| (n * 1_000, 250)));
        reports.push((13_000, 650));
        assert_eq!(run(&reports, |_| true, 13_500), [(1_000, Live), (8_020, Stalled), (13_000, Live)]);
    }

    /// Distances that Chromium left between its reports on a microphone, in milliseconds, by chance and in this order.
    const OF_CHROMIUM: [&[u64]; 4] = [
        &[2_590, 6_300, 3_360, 5_180, 4_810, 5_330, 5_780, 3_510, 4_270, 6_730],
        &[10, 7_670, 4_280, 1_650, 5_930, 4_660, 4_760, 2_660, 4_360, 3_170],
        &[3_690, 7_420, 5_450, 5_610, 3_080, 3_810, 5_080, 3_870, 6_770, 6_990],
        &[4_760, 4_250, 5_070, 3_590, 7_030, 6_220, 4_130, 4_150, 3_030, 2_720, 7_480],
    ];

    #[test]
    fn reports_at_random_distances_are_no_stall() {
        for distances in OF_CHROMIUM {
            let mut at = 5_000;
            let mut reports = vec![(at, 200)];
            for distance in distances {
                at += distance;
                reports.push((at, (at / 20) as u32));
            }
            assert_eq!(run(&reports, |_| true, at), [(5_000, Liveness::Live)], "{distances:?}");
        }
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
