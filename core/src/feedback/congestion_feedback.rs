//! Which packets of each source arrived when: the receiving side of RFC 8888, for publishers whose packets carry no
//! transport-wide number.

use super::arrivals::Arrivals;
use super::interval::Interval;
use crate::bitrate::Bitrate;
use crate::packet::rtcp::RtcpWriter;
use crate::time::Time;

/// Sources told of at most. Of more than that the further ones are not told of.
const MAX_SOURCES: usize = 64;
/// Packets after which feedback is sent before its time.
const MANY: usize = 256;

struct Source {
    ssrc: u32,
    arrivals: Arrivals,
}

/// Gathers arrivals of one transport, by source.
#[derive(Default)]
pub struct CongestionFeedbackBuilder {
    sources: Vec<Source>,
    waiting: usize,
    due: Option<Time>,
    interval: Interval,
}

impl CongestionFeedbackBuilder {
    /// So much comes from the peer.
    pub fn set_rate(&mut self, rate: Bitrate) {
        self.interval = Interval::for_rate(rate);
    }

    /// A packet arrived.
    #[inline]
    pub fn received(&mut self, now: Time, ssrc: u32, sequence_number: u16) {
        let index = match self.sources.iter().position(|source| source.ssrc == ssrc) {
            Some(index) => index,
            None if self.sources.len() < MAX_SOURCES => {
                self.sources.push(Source { ssrc, arrivals: Arrivals::default() });
                self.sources.len() - 1
            }
            None => return,
        };
        if !self.sources[index].arrivals.received(now, sequence_number) {
            return;
        }
        self.waiting += 1;
        if self.due.is_none() {
            self.due = Some(now + self.interval.get());
        }
        if self.waiting >= MANY {
            self.due = Some(now);
        }
    }

    /// When [`poll`](Self::poll) has something to write; [`Time::MAX`] for never.
    #[inline]
    pub fn poll_timeout(&self) -> Time {
        self.due.unwrap_or(Time::MAX)
    }

    /// Writes one feedback packet if one is due; `timestamp` is `now` in units of 1/65536 s. Where more waits than fits,
    /// it is due again at once.
    pub fn poll(&mut self, now: Time, timestamp: u32, sender_ssrc: u32, writer: &mut RtcpWriter<'_>) -> bool {
        if self.poll_timeout() > now {
            return false;
        }
        let mut told = [0; MAX_SOURCES];
        let sources = &self.sources;
        let stream = |n: usize| {
            let source = sources.get(n)?;
            Some((source.ssrc, source.arrivals.first()?, source.arrivals.times()))
        };
        let written = writer.congestion_feedback(sender_ssrc, (now, timestamp), stream, |n, count| told[n] = count);
        for (source, count) in self.sources.iter_mut().zip(told) {
            source.arrivals.told(count);
        }
        let waits = self.sources.iter().any(|source| !source.arrivals.times().is_empty());
        if written.is_some() || !waits {
            self.waiting = 0;
            self.due = waits.then_some(now);
        }
        written.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::rtcp::{Packet, PacketReport, packets};
    use std::time::Duration;

    /// What is told: SSRC, sequence number, and how many milliseconds ago it arrived.
    fn polled(builder: &mut CongestionFeedbackBuilder, now: Time, room: usize) -> Vec<(u32, u16, Option<i64>)> {
        let mut all = Vec::new();
        let mut out = vec![0; room];
        loop {
            let mut writer = RtcpWriter::new(&mut out);
            if !builder.poll(now, 77, 1, &mut writer) {
                return all;
            }
            let len = writer.len();
            let Some(Ok(Packet::CongestionFeedback(feedback))) = packets(&out[..len]).next() else { panic!() };
            assert_eq!((feedback.sender_ssrc, feedback.timestamp), (1, 77));
            for stream in feedback.streams() {
                for (sequence_number, report) in stream.packets() {
                    let ago = match report {
                        PacketReport::Missing => None,
                        PacketReport::Arrived(ago) => Some(ago.expect("it was not long ago") / 1_000_000),
                    };
                    all.push((stream.ssrc, sequence_number, ago));
                }
            }
        }
    }

    #[test]
    fn tells_of_each_source_what_came_and_what_did_not() {
        let mut builder = CongestionFeedbackBuilder::default();
        assert_eq!(builder.poll_timeout(), Time::MAX);
        let start = Time::from_millis(1_000);
        builder.received(start, 7, 65_535);
        builder.received(start + Duration::from_millis(50), 8, 3);
        builder.received(start + Duration::from_millis(60), 7, 1);
        assert_eq!(polled(&mut builder, start + Duration::from_millis(99), 1_000), []);
        let told = polled(&mut builder, start + Duration::from_millis(100), 1_000);
        assert_eq!(told, [(7, 65_535, Some(99)), (7, 0, None), (7, 1, Some(39)), (8, 3, Some(49))]);
        assert_eq!(builder.poll_timeout(), Time::MAX);
        // One that was told to be missing is told of after all, and what came after it once more.
        builder.received(start + Duration::from_millis(110), 7, 0);
        let told = polled(&mut builder, start + Duration::from_millis(210), 1_000);
        assert_eq!(told, [(7, 0, Some(99)), (7, 1, Some(149))]);
    }

    #[test]
    fn what_does_not_fit_follows_and_sources_are_bounded() {
        let mut builder = CongestionFeedbackBuilder::default();
        for n in 0..300_u16 {
            builder.received(Time::from_millis(1), u32::from(n / 3), n);
        }
        let told = polled(&mut builder, Time::from_millis(101), 200);
        assert_eq!(told.len(), 3 * MAX_SOURCES);
        assert_eq!(polled(&mut builder, Time::from_millis(101), 200), []);
    }
}
