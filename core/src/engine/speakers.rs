//! Which audio producers of a router are forwarded, and who is its active speaker.

use std::time::Duration;

use super::Engine;
use super::consumers::ConsumerEntry;
use crate::event::Event;
use crate::media_packet::MediaPacket;
use crate::params::{MediaKind, SpeakerSelection};
use crate::speakers::{Admission, Dominant, PRE_ROLL, PRE_ROLL_PACKETS, Selection};
use crate::time::Time;
use crate::transport::Sent;

/// Sound that has waited for the thread for longer than this is not forwarded: a machine that stood still would send what was
/// said meanwhile all at once, and nothing holds sound back on a thin line.
const MAX_WAIT: Duration = Duration::from_millis(500);
/// Producers that may be forwarded whatever their level, per router at most.
const MAX_ALWAYS: usize = 64;

/// Who is heard in a router.
#[derive(Default)]
pub(super) struct Speakers {
    selection: Selection,
    dominant: Dominant,
    /// Ids of producers that are forwarded whatever their level; they need not exist.
    always: Vec<u64>,
}

impl Engine {
    pub(super) fn select_speakers(&mut self, id: u64, wanted: SpeakerSelection) -> Result<(), String> {
        let router = *self.router_ids.get(&id).ok_or("there is no such router")?;
        if wanted.always.len() > MAX_ALWAYS {
            return Err(format!("always has {} producers, and {MAX_ALWAYS} are possible", wanted.always.len()));
        }
        let mut ended = Vec::new();
        let speakers = &mut self.routers[router].speakers;
        speakers.selection.set_max(wanted.max, &mut ended);
        for id in &wanted.always {
            if let Some(producer) = self.producer_ids.get(id) {
                speakers.selection.forget(*producer);
            }
        }
        speakers.always = wanted.always;
        for producer in ended {
            self.stop_forwarding(producer);
        }
        Ok(())
    }

    /// Whether a packet is forwarded. Where its producer begins to be heard with it, what came just before goes first.
    #[inline]
    pub(super) fn admit(&mut self, now: Time, router: usize, producer: usize, media: &MediaPacket<'_>) -> bool {
        let speakers = &mut self.routers[router].speakers;
        let entry = &mut self.producers[producer];
        if entry.producer.kind() == MediaKind::Video {
            return true;
        }
        if now.since(media.arrival) > MAX_WAIT {
            self.stop_forwarding(producer);
            return false;
        }
        if !speakers.selection.is_active() {
            return true;
        }
        // Nobody knows how loud a producer without levels is.
        let Some((level, _)) = entry.producer.audio_level(now) else { return true };
        if speakers.always.contains(&entry.id) {
            return true;
        }
        match speakers.selection.heard(now, producer, level, entry.producer.speech()) {
            Admission::Forwarded => true,
            Admission::Begins { instead_of } => {
                if let Some(other) = instead_of {
                    self.stop_forwarding(other);
                }
                self.catch_up(now, producer, media);
                true
            }
            Admission::LeftOut => {
                // What it says just before it is loud enough will be needed.
                entry.producer.enable_history();
                self.stop_forwarding(producer);
                false
            }
        }
    }

    /// Sends what a producer said just before `media`, and was not forwarded then. Consumers leave out what they have
    /// sent already.
    #[cold]
    fn catch_up(&mut self, now: Time, producer: usize, media: &MediaPacket<'_>) {
        let Engine { producers, consumers, transports, out, working_for, .. } = self;
        let entry = &producers[producer];
        for &receiver in &entry.consumers {
            let ConsumerEntry { transport, ref mut consumer, .. } = consumers[receiver];
            if consumer.is_sending() {
                continue;
            }
            *working_for = Some(transport);
            let before = (1..=PRE_ROLL_PACKETS).rev().filter_map(|distance| media.sequence.checked_sub(distance));
            let before = before.filter_map(|sequence| entry.producer.held_packet(now, media.stream, sequence));
            for earlier in before.filter(|earlier| now.since(earlier.arrival) <= PRE_ROLL) {
                if let Sent::Left(bytes) = transports[transport].send_media(now, &mut out.transmits, consumer, &earlier)
                {
                    out.sent(Some(bytes));
                }
            }
        }
        self.work_for(self.producers[producer].transport);
    }

    /// A producer is heard no more: its consumers begin anew when it is again, without a gap in their numbers.
    fn stop_forwarding(&mut self, producer: usize) {
        let Some(entry) = self.producers.get(producer) else { return };
        for &receiver in &entry.consumers {
            self.consumers[receiver].consumer.stop();
        }
    }

    /// A producer is gone or muted.
    pub(super) fn forget_speaker(&mut self, producer: usize, is_gone: bool) {
        let router = self.transports[self.producers[producer].transport].router;
        let entry = &mut self.routers[router];
        entry.speakers.selection.forget(producer);
        if is_gone && entry.speakers.dominant.forget(producer) {
            self.out.event(Event::ActiveSpeaker { router_id: entry.id, producer_id: None });
        }
    }

    /// Tells who the active speaker is, if that has changed.
    pub(super) fn tell_active_speaker(&mut self, now: Time, router: usize) {
        let Engine { routers, transports, producers, out, .. } = self;
        let Some(entry) = routers.get_mut(router) else { return };
        let all = entry.transports.iter().flat_map(|&key| transports[key].producers.iter().copied());
        let all = all.filter_map(|key| {
            let producer = &producers[key].producer;
            producer.audio_level(now).map(|(level, _)| (key, level, producer.speech()))
        });
        if entry.speakers.dominant.update(now, all) {
            let producer_id = entry.speakers.dominant.producer().map(|key| producers[key].id);
            out.event(Event::ActiveSpeaker { router_id: entry.id, producer_id });
        }
    }
}
