//! Making, pausing and ending producers.

use super::Engine;
use crate::event::Event;
use crate::params::{ProducerParams, is_told_by_source};
use crate::producer::{Liveness, Producer};
use crate::time::Time;

/// Producers of one transport at most.
const MAX_PRODUCERS_PER_TRANSPORT: usize = 64;

/// A producer and who gets its packets.
pub(super) struct ProducerEntry {
    /// As the control plane calls it.
    pub(super) id: u64,
    /// Key of the transport it arrives on.
    pub(super) transport: usize,
    pub(super) producer: Producer,
    /// Keys of its consumers.
    pub(super) consumers: Vec<usize>,
    /// Keys of those of other producers that are handed over to it at its next keyframe.
    pub(super) awaited_by: Vec<usize>,
}

impl Engine {
    pub(super) fn create_producer(&mut self, now: Time, id: u64, params: &ProducerParams) -> Result<(), String> {
        if self.producer_ids.contains_key(&id) {
            return Err("its id is in use".to_owned());
        }
        let transport = *self.transport_ids.get(&params.transport_id).ok_or("there is no such transport")?;
        self.work_for(transport);
        if self.transports[transport].producers.len() >= MAX_PRODUCERS_PER_TRANSPORT {
            return Err(format!("the transport has its {MAX_PRODUCERS_PER_TRANSPORT} producers"));
        }
        let producer = Producer::new(now, params, self.config.stall_timeout).map_err(|error| error.to_string())?;
        let key = self.producers.vacant_key();
        self.transports[transport].routes.declare(key, params)?;
        let deadline = producer.poll_timeout();
        self.producers.insert(ProducerEntry { id, transport, producer, consumers: Vec::new(), awaited_by: Vec::new() });
        self.producer_ids.insert(id, key);
        let entry = &mut self.transports[transport];
        entry.producers.push(key);
        if params.codecs.iter().any(|codec| is_told_by_source(&codec.rtcp_feedback)) {
            entry.source_feedback.get_or_insert_default();
        }
        self.schedule_reports(now, transport);
        self.timers.no_later_than(transport, deadline);
        self.out.counters.producers = self.producers.len() as u64;
        Ok(())
    }

    pub(super) fn pause_producer(&mut self, now: Time, id: u64, paused: bool) -> Result<(), String> {
        let key = self.producer_key(id)?;
        let entry = &mut self.producers[key];
        entry.producer.set_paused(now, paused);
        if paused {
            self.forget_speaker(key, false);
        }
        self.producer_changed(key);
        Ok(())
    }

    pub(super) fn request_keyframe(&mut self, now: Time, id: u64) -> Result<(), String> {
        let key = self.producer_key(id)?;
        self.want_keyframe(now, key);
        Ok(())
    }

    pub(super) fn close_producer(&mut self, id: u64) -> Result<(), String> {
        let key = self.producer_key(id)?;
        self.remove_producer(key);
        Ok(())
    }

    /// Asks for a keyframe as soon as that is not too soon.
    pub(super) fn want_keyframe(&mut self, now: Time, key: usize) {
        self.producers[key].producer.request_keyframe(now);
        self.producer_changed(key);
    }

    /// Asks for a keyframe of one encoding as soon as that is not too soon.
    pub(super) fn want_keyframe_of(&mut self, now: Time, key: usize, encoding: u8) {
        self.producers[key].producer.request_keyframe_of(now, encoding);
        self.producer_changed(key);
    }

    /// Tells which layers of a producer live, if that changed, and has its consumers send what is the best for them now.
    /// What is only in doubt is not told: it is soon either back or dead.
    #[cold]
    pub(super) fn layers_changed(&mut self, now: Time, key: usize) {
        let entry = &mut self.producers[key];
        let producer_id = entry.id;
        let flow_changed = entry.producer.poll_flow();
        match entry.producer.poll_layers() {
            Some(layers) => self.out.event(Event::ProducerLayers { producer_id, layers: layers.to_vec() }),
            None if !flow_changed => return,
            None => {}
        }
        for index in 0..self.producers[key].consumers.len() {
            let receiver = self.producers[key].consumers[index];
            self.work_for(self.consumers[receiver].transport);
            self.choose_encoding(now, receiver);
        }
        for index in (0..self.producers[key].awaited_by.len()).rev() {
            let receiver = self.producers[key].awaited_by[index];
            self.work_for(self.consumers[receiver].transport);
            self.try_handover(now, receiver);
        }
    }

    /// Ends a producer and its consumers, but for those that are on their way to another.
    pub(super) fn remove_producer(&mut self, key: usize) {
        self.part_with_handovers(key);
        while let Some(&consumer) = self.producers[key].consumers.last() {
            self.remove_consumer(consumer);
        }
        self.forget_speaker(key, true);
        let mut entry = self.producers.remove(key);
        entry.producer.release_history(&mut self.pool);
        self.producer_ids.remove(&entry.id);
        let transport = &mut self.transports[entry.transport];
        transport.routes.remove(key);
        transport.producers.retain(|producer| *producer != key);
        self.out.counters.producers = self.producers.len() as u64;
    }

    /// Tells what the watchdog of a producer found out.
    pub(super) fn poll_producer_watchdog(&mut self, now: Time, key: usize) {
        let entry = &mut self.producers[key];
        let producer_id = entry.id;
        match entry.producer.poll_watchdog(now) {
            Some(Liveness::Live) => self.out.event(Event::ProducerLive { producer_id }),
            Some(Liveness::Stalled) => self.out.event(Event::ProducerStalled { producer_id }),
            None => {}
        }
    }

    fn producer_key(&mut self, id: u64) -> Result<usize, String> {
        let key = *self.producer_ids.get(&id).ok_or("there is no such producer")?;
        self.work_for(self.producers[key].transport);
        Ok(key)
    }

    /// Lets the transport look after a producer when that asks for it.
    fn producer_changed(&mut self, key: usize) {
        let entry = &self.producers[key];
        self.timers.no_later_than(entry.transport, entry.producer.poll_timeout());
    }
}
