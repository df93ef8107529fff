//! What we report and ask for: due by the transport's timer, gathered into few compounds.

use super::compound::Compound;
use super::consumers::ConsumerEntry;
use super::{Engine, bandwidth};
use crate::packet::rtcp::{FirEntry, ReportBlock};
use crate::params::MediaKind;
use crate::producer::KeyframeRequest;
use crate::time::Time;
use crate::transport::REPORT_INTERVAL;

/// CNAME of what we say as a receiver: it names nobody.
const OWN_CNAME: &str = "bridge";
/// Report blocks of one RR, and sources of one BYE (RFC 3550, section 6.4: the count has five bits).
const MAX_SOURCES: usize = 31;
/// Sources that one REMB names (draft-alvestrand-rmcat-remb-03: the count has eight bits).
const MAX_REMB_SOURCES: usize = 255;

impl Engine {
    /// Does what is due for the producers and consumers of a transport. Returns when the next is due.
    pub(super) fn look_after_media(&mut self, now: Time, key: usize) -> Time {
        for index in 0..self.transports[key].producers.len() {
            let producer = self.transports[key].producers[index];
            self.poll_producer_watchdog(now, producer);
        }
        for index in 0..self.transports[key].consumers.len() {
            let (_, consumer) = self.transports[key].consumers[index];
            self.poll_consumer_watchdog(now, consumer);
            let ConsumerEntry { producer, ref mut consumer, .. } = self.consumers[consumer];
            if consumer.poll_still(now) {
                let encoding = consumer.wanted_encoding();
                self.want_keyframe_of(now, producer, encoding);
            }
        }
        if self.transports[key].report_at <= now {
            self.send_reports(now, key);
            self.transports[key].measure_received(REPORT_INTERVAL);
            bandwidth::summarize(now, &mut self.transports[key]);
            self.expire_histories(now, key);
            self.transports[key].report_at = now + REPORT_INTERVAL;
        }
        self.send_feedback(now, key);
        self.media_deadline(key)
    }

    /// Makes sure that reports are sent, now that there is something to report.
    pub(super) fn schedule_reports(&mut self, now: Time, key: usize) {
        let transport = &mut self.transports[key];
        if transport.report_at == Time::MAX {
            // Spread over the interval, so that the transports of a worker do not all report at once.
            let spread = u64::from(transport.ssrc) % REPORT_INTERVAL.as_nanos() as u64;
            transport.report_at = now + std::time::Duration::from_nanos(spread);
        }
        self.timers.no_later_than(key, transport.report_at);
    }

    fn media_deadline(&self, key: usize) -> Time {
        let transport = &self.transports[key];
        let producers = transport.producers.iter().map(|key| self.producers[*key].producer.poll_timeout());
        let consumers = transport.consumers.iter().map(|(_, key)| {
            let consumer = &self.consumers[*key].consumer;
            consumer.poll_timeout().min(consumer.still_due())
        });
        let from_peer = transport.from_peer.as_ref().map_or(Time::MAX, |estimator| estimator.poll_timeout());
        let by_source = transport.source_feedback.as_ref().map_or(Time::MAX, |feedback| feedback.poll_timeout());
        let bound = transport.incoming_bound.as_ref().map_or(Time::MAX, |bound| bound.poll_timeout());
        let told = by_source.min(from_peer).min(bound);
        let own = transport.report_at.min(transport.feedback.poll_timeout()).min(told);
        producers.chain(consumers).fold(own, Time::min)
    }

    /// SR and SDES for each consumer that sends, RR for what arrives.
    fn send_reports(&mut self, now: Time, key: usize) {
        let wall = self.config.wall_clock;
        let transport = &mut self.transports[key];
        let mut blocks: Vec<ReportBlock> = Vec::new();
        for producer in &transport.producers {
            self.producers[*producer].producer.for_each_report_block(now, |block| blocks.push(block));
        }
        if let Some(estimator) = &mut transport.from_peer {
            let lost = blocks.iter().map(|block| f64::from(block.fraction_lost) / 256.0);
            estimator.lost(now, lost.fold(0.0, f64::max));
        }
        let ssrc = transport.ssrc;
        // Another report now would be answered in the place of one that stands behind a train.
        let awaits = transport.estimator.as_ref().is_some_and(|estimator| estimator.awaits_answer(now));
        let senders = transport.consumers.iter().filter(|_| !awaits).map(|(_, consumer)| *consumer);
        let senders: Vec<usize> = senders.collect();
        let mut compound = Compound::new(transport, &mut self.out);
        for consumer in senders {
            let entry = &mut self.consumers[consumer];
            let producer = &self.producers[entry.producer].producer;
            if let Some(info) = entry.consumer.sender_info(now, wall, producer) {
                let consumer = &entry.consumer;
                compound.append(true, |writer| {
                    writer.sender_report(consumer.ssrc(), &info, &[])?;
                    writer.cname(consumer.ssrc(), consumer.cname())
                });
            }
        }
        for blocks in blocks.chunks(MAX_SOURCES) {
            compound.append(true, |writer| {
                writer.receiver_report(ssrc, blocks)?;
                writer.cname(ssrc, OWN_CNAME)
            });
        }
        if !blocks.is_empty() {
            // What comes back of it is the only round trip to a publisher that receives nothing from us.
            compound.append(false, |writer| writer.receiver_reference_time(ssrc, wall.ntp(now)));
        }
        compound.flush();
    }

    /// Sends a report behind a train of packets, on a source whose receiver reports often: of video before audio.
    pub(super) fn report_behind_train(&mut self, now: Time, key: usize) {
        let wall = self.config.wall_clock;
        let Engine { transports, consumers, producers, out, .. } = self;
        let transport = &mut transports[key];
        let mut senders: Vec<usize> = transport.consumers.iter().map(|(_, consumer)| *consumer).collect();
        senders.sort_by_key(|sender| consumers[*sender].consumer.kind() != MediaKind::Video);
        let found = senders.into_iter().find_map(|sender| {
            let entry = &mut consumers[sender];
            Some((sender, entry.consumer.sender_info(now, wall, &producers[entry.producer].producer)?))
        });
        if let Some((sender, info)) = &found {
            let consumer = &consumers[*sender].consumer;
            let mut compound = Compound::new(transport, out);
            compound.append(true, |writer| {
                writer.sender_report(consumer.ssrc(), info, &[])?;
                writer.cname(consumer.ssrc(), consumer.cname())
            });
            compound.flush();
        }
        if let Some(estimator) = &mut transport.estimator {
            estimator.report_left(now, found.is_some());
        }
    }

    /// Says BYE for consumers of a transport.
    pub(super) fn say_goodbye(&mut self, key: usize, consumers: &[usize]) {
        let ssrcs: Vec<u32> = consumers.iter().map(|consumer| self.consumers[*consumer].consumer.ssrc()).collect();
        let mut compound = Compound::new(&mut self.transports[key], &mut self.out);
        for ssrcs in ssrcs.chunks(MAX_SOURCES) {
            compound.append(false, |writer| writer.goodbye(ssrcs));
        }
        compound.flush();
    }

    /// Gives back the memory of packets that nobody will ask for any more.
    fn expire_histories(&mut self, now: Time, key: usize) {
        for producer in &self.transports[key].producers {
            self.producers[*producer].producer.expire_history(now, &mut self.pool);
        }
    }

    /// NACK, keyframe requests, REMB and congestion feedback that are due.
    fn send_feedback(&mut self, now: Time, key: usize) {
        let transport = &mut self.transports[key];
        let ssrc = transport.ssrc;
        let timestamp = self.config.wall_clock.ntp_middle(now);
        let mut feedback = std::mem::take(&mut transport.feedback);
        let mut source_feedback = transport.source_feedback.take();
        let remb = bandwidth::poll_remb(now, transport);
        let mut producers = std::mem::take(&mut self.scratch_keys);
        producers.clone_from(&transport.producers);
        let mut requests = std::mem::take(&mut self.nack_requests);
        let mut compound = Compound::new(transport, &mut self.out);
        let mut media_ssrc = 0;
        for producer in &producers {
            let producer = &mut self.producers[*producer].producer;
            media_ssrc = producer.ssrcs().next().unwrap_or(media_ssrc);
            while let Some(media) = producer.poll_nack(now, &mut requests) {
                let mut rest = &requests[..];
                while !rest.is_empty() {
                    let mut told = rest.len();
                    compound.append(false, |writer| {
                        told = writer.nack(ssrc, media, rest.iter().copied())?;
                        Some(())
                    });
                    compound.counters().nacks_sent += told as u64;
                    rest = &rest[told..];
                }
                requests.clear();
            }
            while let Some(request) = producer.poll_keyframe_request(now) {
                compound.counters().keyframe_requests_sent += 1;
                compound.append(false, |writer| match request {
                    KeyframeRequest::Pli { ssrc: media } => writer.pli(ssrc, media),
                    KeyframeRequest::Fir { ssrc: media, sequence_number } => {
                        writer.fir(ssrc, &[FirEntry { ssrc: media, sequence_number }])
                    }
                });
            }
        }
        if let Some(bitrate) = remb {
            let sources = producers.iter().flat_map(|producer| self.producers[*producer].producer.remb_ssrcs());
            let sources: Vec<u32> = sources.take(MAX_REMB_SOURCES).collect();
            // Before the first packet of video there is nobody to tell.
            if !sources.is_empty() {
                compound.append(false, |writer| writer.remb(ssrc, bitrate.as_bps(), &sources));
            }
        }
        while feedback.poll_timeout() <= now {
            let mut written = false;
            compound.append(false, |writer| {
                written = feedback.poll(now, ssrc, media_ssrc, writer);
                written.then_some(())
            });
            if !written {
                break;
            }
        }
        while let Some(feedback) = source_feedback.as_mut().filter(|feedback| feedback.poll_timeout() <= now) {
            let mut written = false;
            compound.append(false, |writer| {
                written = feedback.poll(now, timestamp, ssrc, writer);
                written.then_some(())
            });
            if !written {
                break;
            }
        }
        compound.flush();
        self.nack_requests = requests;
        self.scratch_keys = producers;
        self.transports[key].feedback = feedback;
        self.transports[key].source_feedback = source_feedback;
    }
}
