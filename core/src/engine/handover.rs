//! Handing consumers over from one producer to another, within their streams.
//!
//! Until the keyframe comes with which the other producer can begin, a consumer goes on with the one that it has, so that
//! its receiver sees no gap. Where that one ends, the consumer waits.

use super::Engine;
use super::consumers::ConsumerEntry;
use crate::consumer::{Alignment, PayloadTypes};
use crate::event::Event;
use crate::media_packet::MediaPacket;
use crate::params::{ConsumerAllocation, ConsumerHandover};
use crate::time::Time;

/// What a consumer is to send instead of what it sends.
pub(super) struct Handover {
    /// Key of the producer.
    pub(super) producer: usize,
    payload_types: PayloadTypes,
    /// What of it is to be sent, as far as that has been said.
    pub(super) allocation: Option<ConsumerAllocation>,
}

impl Engine {
    pub(super) fn hand_over_consumer(&mut self, now: Time, id: u64, params: &ConsumerHandover) -> Result<(), String> {
        let key = self.consumer_key(id)?;
        let producer = *self.producer_ids.get(&params.producer_id).ok_or("there is no such producer")?;
        let entry = &self.consumers[key];
        let router = |transport: usize| self.transports[transport].router;
        if router(self.producers[producer].transport) != router(entry.transport) {
            return Err("producer and consumer belong to different routers".to_owned());
        }
        let planned = entry.consumer.plan_handover(&params.payload_types, &self.producers[producer].producer);
        let payload_types = planned.map_err(|error| error.to_string())?;
        let (has_it, is_paused) = (entry.producer == producer, entry.consumer.is_paused());
        self.cancel_handover(key);
        if has_it {
            self.out.event(Event::ConsumerHandedOver { consumer_id: id, producer_id: params.producer_id });
            return Ok(());
        }
        self.producers[producer].producer.enable_history();
        self.producers[producer].awaited_by.push(key);
        self.consumers[key].handover = Some(Box::new(Handover { producer, payload_types, allocation: None }));
        if is_paused {
            // There is nothing that could go on, nor a keyframe to ask for.
            self.complete_handover(key, None);
        } else {
            self.try_handover(now, key);
        }
        Ok(())
    }

    /// Hands a consumer over with a keyframe that came a moment ago, or else asks for one.
    pub(super) fn try_handover(&mut self, now: Time, key: usize) {
        let Some((producer, encoding)) = self.handover_encoding(key) else { return };
        let entry = &self.consumers[key];
        let to = &self.producers[producer].producer;
        let Some(first) = to.replay_from_keyframe(now, encoding).next().filter(|first| first.keyframe) else {
            self.want_keyframe_of(now, producer, encoding);
            return;
        };
        let alignment = entry.consumer.align_between(&first, &self.producers[entry.producer].producer, to);
        self.complete_handover(key, alignment);
        self.start_consumer(now, key);
    }

    /// A keyframe comes: those begin with it that wait for it.
    #[cold]
    pub(super) fn hand_over_at(&mut self, producer: usize, media: &MediaPacket<'_>) {
        for index in (0..self.producers[producer].awaited_by.len()).rev() {
            let key = self.producers[producer].awaited_by[index];
            let entry = &self.consumers[key];
            let takes = |handover: &Handover| handover.payload_types.translate(media.payload_type).is_some();
            let is_for_it = self.handover_encoding(key) == Some((producer, media.encoding));
            if !is_for_it || !entry.handover.as_deref().is_some_and(takes) {
                continue;
            }
            let (from, to) = (&self.producers[entry.producer].producer, &self.producers[producer].producer);
            let alignment = entry.consumer.align_between(media, from, to);
            self.complete_handover(key, alignment);
        }
    }

    /// Has a consumer send what it was to be handed over to, if anything.
    pub(super) fn complete_handover(&mut self, key: usize, alignment: Option<Alignment>) {
        let Some((to, encoding)) = self.handover_encoding(key) else { return };
        let ConsumerEntry { id, transport, ref mut producer, ref mut consumer, ref mut handover } = self.consumers[key];
        let Some(Handover { payload_types, allocation, .. }) = handover.take().map(|handover| *handover) else {
            return;
        };
        let from = std::mem::replace(producer, to);
        consumer.hand_over(payload_types, encoding, alignment);
        let other = &mut self.producers[to];
        if let Some(allocation) = allocation {
            // Of this producer the receiver has no picture: the first still is due.
            consumer.allocate(Time::ZERO, &allocation, other.producer.encoding_count());
        }
        let (receive, send) = (&self.transports[other.transport], &self.transports[transport]);
        consumer.set_extensions(&receive.receive_extensions, &send.send_extensions);
        self.timers.no_later_than(transport, consumer.still_due());
        other.awaited_by.retain(|waiting| *waiting != key);
        other.consumers.push(key);
        let producer_id = other.id;
        self.producers[from].consumers.retain(|consumer| *consumer != key);
        self.release_history(from);
        self.out.event(Event::ConsumerHandedOver { consumer_id: id, producer_id });
    }

    /// Has a consumer stay with what it sends.
    pub(super) fn cancel_handover(&mut self, key: usize) {
        if let Some(handover) = self.consumers[key].handover.take() {
            self.producers[handover.producer].awaited_by.retain(|waiting| *waiting != key);
            self.release_history(handover.producer);
        }
    }

    /// A producer ends: who waits for it stays with what there is, and who waits for another goes there.
    pub(super) fn part_with_handovers(&mut self, producer: usize) {
        while let Some(&waiting) = self.producers[producer].awaited_by.last() {
            self.cancel_handover(waiting);
        }
        for key in self.producers[producer].consumers.clone() {
            self.complete_handover(key, None);
        }
    }

    /// Key of the producer that a consumer is to be handed over to, and the encoding with which that begins.
    fn handover_encoding(&self, key: usize) -> Option<(usize, u8)> {
        let handover = self.consumers[key].handover.as_ref()?;
        let wanted = handover.allocation.map_or(0, |allocation| allocation.spatial);
        Some((handover.producer, self.producers[handover.producer].producer.live_encoding(wanted)))
    }
}
