//! Making, pausing and ending consumers.

use super::Engine;
use super::handover::Handover;
use crate::consumer::Consumer;
use crate::event::Event;
use crate::params::{ConsumerAllocation, ConsumerParams, MediaKind, is_told_by_source};
use crate::producer::Liveness;
use crate::time::Time;
use crate::transport::{Held, Sent};

/// Consumers of one transport at most: three medias each of a hundred others.
const MAX_CONSUMERS_PER_TRANSPORT: usize = 300;

/// Spatial layers of one encoding at most (SVC).
const MAX_SPATIAL_LAYERS: usize = 8;

/// A consumer, and between whom it stands.
pub(super) struct ConsumerEntry {
    /// As the control plane calls it.
    pub(super) id: u64,
    /// Key of the receiver's transport.
    pub(super) transport: usize,
    /// Key of what is sent.
    pub(super) producer: usize,
    pub(super) consumer: Consumer,
    /// What it is to send instead, from the next keyframe of that on.
    pub(super) handover: Option<Box<Handover>>,
}

impl Engine {
    pub(super) fn create_consumer(&mut self, now: Time, id: u64, params: &ConsumerParams) -> Result<(), String> {
        if self.consumer_ids.contains_key(&id) {
            return Err("its id is in use".to_owned());
        }
        let transport_key = *self.transport_ids.get(&params.transport_id).ok_or("there is no such transport")?;
        let producer_key = *self.producer_ids.get(&params.producer_id).ok_or("there is no such producer")?;
        self.work_for(transport_key);
        let transport = &self.transports[transport_key];
        let producer = &mut self.producers[producer_key];
        if self.transports[producer.transport].router != transport.router {
            return Err("producer and transport belong to different routers".to_owned());
        }
        if transport.consumers.len() >= MAX_CONSUMERS_PER_TRANSPORT {
            return Err(format!("the transport has its {MAX_CONSUMERS_PER_TRANSPORT} consumers"));
        }
        let is_taken = |ssrc: u32| {
            transport.consumers.iter().any(|(_, key)| {
                let consumer = &self.consumers[*key].consumer;
                consumer.ssrc() == ssrc || consumer.rtx_ssrc() == Some(ssrc)
            })
        };
        if is_taken(params.ssrc) || params.rtx_ssrc.is_some_and(|rtx| is_taken(rtx) || rtx == params.ssrc) {
            return Err("an SSRC of it belongs to another consumer of the transport".to_owned());
        }
        let seed = self.random.next_u64();
        let mut consumer = Consumer::new(params, &producer.producer, seed, self.config.stall_timeout)
            .map_err(|error| error.to_string())?;
        consumer.set_extensions(&self.transports[producer.transport].receive_extensions, &transport.send_extensions);
        if consumer.wants_history() {
            producer.producer.enable_history();
        }
        let entry = ConsumerEntry { id, transport: transport_key, producer: producer_key, consumer, handover: None };
        let key = self.consumers.insert(entry);
        self.consumer_ids.insert(id, key);
        producer.consumers.push(key);
        let transport = &mut self.transports[transport_key];
        transport.consumers.push((params.ssrc, key));
        transport.is_told_by_source |= is_told_by_source(&params.rtcp_feedback);
        self.out.counters.consumers = self.consumers.len() as u64;
        self.schedule_reports(now, transport_key);
        self.start_consumer(now, key);
        Ok(())
    }

    pub(super) fn pause_consumer(&mut self, now: Time, id: u64, paused: bool) -> Result<(), String> {
        let key = self.consumer_key(id)?;
        if paused {
            self.clear_waiting(key);
            self.complete_handover(key, None);
        }
        self.consumers[key].consumer.set_paused(paused);
        self.start_consumer(now, key);
        Ok(())
    }

    pub(super) fn set_consumer_redundancy(&mut self, id: u64, frames: u8) -> Result<(), String> {
        let key = self.consumer_key(id)?;
        let entry = &mut self.consumers[key];
        entry.consumer.set_redundancy(frames).map_err(|error| error.to_string())?;
        self.producers[entry.producer].producer.enable_history();
        Ok(())
    }

    pub(super) fn allocate_consumer(
        &mut self,
        now: Time,
        id: u64,
        allocation: &ConsumerAllocation,
    ) -> Result<(), String> {
        let key = self.consumer_key(id)?;
        let ConsumerEntry { transport, producer, ref mut consumer, ref mut handover, .. } = self.consumers[key];
        if consumer.kind() != MediaKind::Video {
            return Err("only video has layers".to_owned());
        }
        let producer = handover.as_ref().map_or(producer, |handover| handover.producer);
        let encodings = self.producers[producer].producer.encoding_count();
        if usize::from(allocation.spatial) >= encodings.max(MAX_SPATIAL_LAYERS) {
            return Err(format!("spatial: {} is not below {}", allocation.spatial, encodings.max(MAX_SPATIAL_LAYERS)));
        }
        if let Some(handover) = handover {
            consumer.set_priority(allocation.priority);
            handover.allocation = Some(*allocation);
            self.try_handover(now, key);
            return Ok(());
        }
        consumer.allocate(now, allocation, encodings);
        self.choose_encoding(now, key);
        let consumer = &self.consumers[key].consumer;
        self.timers.no_later_than(transport, consumer.still_due());
        self.tell_consumer_layers(now, key);
        Ok(())
    }

    /// Has a consumer send the best live encoding that was allocated to it.
    pub(super) fn choose_encoding(&mut self, now: Time, key: usize) {
        let ConsumerEntry { producer, ref mut consumer, .. } = self.consumers[key];
        let encoding = self.producers[producer].producer.live_encoding(consumer.target_encoding());
        consumer.want_encoding(encoding);
        self.start_consumer(now, key);
    }

    /// Tells what is sent to a receiver, if that changed.
    #[inline]
    pub(super) fn tell_consumer_layers(&mut self, now: Time, key: usize) {
        let entry = &mut self.consumers[key];
        if entry.consumer.kind() == MediaKind::Video
            && let Some(sent) = entry.consumer.poll_layers()
        {
            if let Some(flight) = &mut self.transports[entry.transport].flight {
                flight.layers(now, entry.id, sent);
            }
            let (spatial, temporal) = sent.unzip();
            self.out.event(Event::ConsumerLayers { consumer_id: entry.id, spatial, temporal });
        }
    }

    pub(super) fn close_consumer(&mut self, id: u64) -> Result<(), String> {
        let key = self.consumer_key(id)?;
        // No RTCP BYE: the m-line may carry another source soon, and receivers such as aiortc end its track for good on
        // BYE. Signalling tells who left.
        self.remove_consumer(key);
        Ok(())
    }

    /// Starts a consumer that waits for a keyframe: with one that came a moment ago, or else with one that is asked
    /// for. Not before its transport can send, or the keyframe would be lost.
    pub(super) fn start_consumer(&mut self, now: Time, key: usize) {
        let ConsumerEntry { transport: transport_key, producer, ref mut consumer, .. } = self.consumers[key];
        if !consumer.needs_keyframe() || !self.transports[transport_key].can_send() {
            return;
        }
        let encoding = consumer.wanted_encoding();
        let transport = &mut self.transports[transport_key];
        let Engine { producers, out, pool, .. } = self;
        for media in producers[producer].producer.replay_from_keyframe(now, encoding) {
            if media.keyframe {
                consumer.align(&media, &producers[producer].producer);
            }
            match transport.send_media(now, &mut out.transmits, consumer, &media) {
                Sent::Left(bytes) => {
                    out.sent(Some(bytes));
                }
                Sent::HasToWait => {
                    let held = transport.hold_media(now, &mut out.transmits, pool, (key, consumer), &media);
                    if matches!(held, Held::NoRoom | Held::LineIsOut) {
                        consumer.stop();
                        transport.pacer.starve(key);
                        return;
                    }
                }
                Sent::Nothing => {}
            }
        }
        if consumer.needs_keyframe() {
            self.want_keyframe_of(now, producer, encoding);
        }
        self.schedule_departures(now, transport_key);
    }

    /// A transport has a path and keys: what waits for that begins.
    pub(super) fn media_can_flow(&mut self, now: Time, key: usize) {
        for index in 0..self.transports[key].consumers.len() {
            let (_, consumer) = self.transports[key].consumers[index];
            self.start_consumer(now, consumer);
        }
    }

    /// A transport lost its path. What is sent when it has one again begins anew: nobody would ask for what was
    /// missed meanwhile.
    pub(super) fn media_stops(&mut self, key: usize) {
        for index in 0..self.transports[key].consumers.len() {
            let (_, consumer) = self.transports[key].consumers[index];
            self.clear_waiting(consumer);
            self.consumers[consumer].consumer.stop();
        }
    }

    /// Header extensions of a transport changed: its consumers, and those of its producers, translate anew.
    pub(super) fn translate_extensions(&mut self, key: usize) {
        let transport = &self.transports[key];
        let own = transport.consumers.iter().map(|(_, consumer)| *consumer);
        let others =
            transport.producers.iter().flat_map(|producer| self.producers[*producer].consumers.iter().copied());
        for consumer in own.chain(others) {
            let entry = &mut self.consumers[consumer];
            let from = self.producers[entry.producer].transport;
            let (from, to) = (&self.transports[from], &self.transports[entry.transport]);
            entry.consumer.set_extensions(&from.receive_extensions, &to.send_extensions);
        }
    }

    /// Ends a consumer.
    pub(super) fn remove_consumer(&mut self, key: usize) {
        self.clear_waiting(key);
        self.cancel_handover(key);
        let entry = self.consumers.remove(key);
        self.consumer_ids.remove(&entry.id);
        let transport = &mut self.transports[entry.transport];
        transport.consumers.retain(|(_, consumer)| *consumer != key);
        for ssrc in [Some(entry.consumer.ssrc()), entry.consumer.rtx_ssrc()].into_iter().flatten() {
            transport.keys.retire(ssrc);
        }
        self.producers[entry.producer].consumers.retain(|consumer| *consumer != key);
        self.release_history(entry.producer);
        self.out.counters.consumers = self.consumers.len() as u64;
    }

    /// Tells what the watchdog of a consumer found out.
    pub(super) fn poll_consumer_watchdog(&mut self, now: Time, key: usize) {
        let entry = &mut self.consumers[key];
        let consumer_id = entry.id;
        match entry.consumer.poll_watchdog(now) {
            Some(Liveness::Live) => self.out.event(Event::ConsumerLive { consumer_id }),
            Some(Liveness::Stalled) => self.out.event(Event::ConsumerStalled { consumer_id }),
            None => {}
        }
    }

    /// Gives back what a producer keeps of its packets, if nobody may ask for them.
    pub(super) fn release_history(&mut self, key: usize) {
        let producer = &mut self.producers[key];
        let wants_history = |consumer: &usize| self.consumers[*consumer].consumer.wants_history();
        if producer.awaited_by.is_empty() && !producer.consumers.iter().any(wants_history) {
            producer.producer.release_history(&mut self.pool);
        }
    }

    pub(super) fn consumer_key(&mut self, id: u64) -> Result<usize, String> {
        let key = *self.consumer_ids.get(&id).ok_or("there is no such consumer")?;
        self.work_for(self.consumers[key].transport);
        Ok(key)
    }
}
