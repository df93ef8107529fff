//! Which layers of its producer a consumer sends.
//!
//! Between encodings (simulcast) it switches at the wanted one's next keyframe, and sends the old one until then.
//! Temporal layers are left at once, and taken up again where the sender says that one can; so are spatial layers of one
//! encoding (SVC), where a dependency descriptor tells them apart. Still pictures are keyframes without what follows
//! them.

use std::time::Duration;

use super::Consumer;
use super::frame_selection::FrameSelection;
use crate::codec::{Codec, vp8};
use crate::media_packet::MediaPacket;
use crate::params::ConsumerAllocation;
use crate::time::Time;

/// No limit: all temporal layers there are.
const ALL: u8 = 7;

/// One picture now and then.
#[derive(Clone, Copy, Debug)]
struct Stills {
    interval: Duration,
    /// When the next picture is due.
    due: Time,
    /// RTP timestamp, as the producer has it, of the picture that is being sent.
    frame: Option<u32>,
    /// Whether a keyframe was asked for.
    asked: bool,
}

/// What is to become of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// It is sent.
    Send,
    /// It is left out; with it begins a picture that is left out where `closes`.
    LeaveOut { closes: bool },
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Layers {
    /// The encoding allocated; what is sent instead while that is dead is `wanted`.
    pub target: u8,
    pub wanted: u8,
    /// The encoding that is sent.
    pub encoding: u8,
    limit: u8,
    temporal: u8,
    /// Highest spatial layer within the encoding.
    spatial_limit: u8,
    frames: FrameSelection,
    stills: Option<Stills>,
    pub switches: u64,
    /// What was told last: encoding and temporal layer.
    told: Option<(u8, u8)>,
}

impl Default for Layers {
    fn default() -> Self {
        Layers {
            target: 0,
            wanted: 0,
            encoding: 0,
            limit: ALL,
            temporal: ALL,
            spatial_limit: ALL,
            frames: FrameSelection::default(),
            stills: None,
            switches: 0,
            told: None,
        }
    }
}

impl Layers {
    /// Those of another producer, of which nothing was allocated yet, and this encoding is sent.
    pub fn of_another_producer(before: &Layers, encoding: u8) -> Self {
        let (switches, told) = (before.switches, before.told);
        Layers { wanted: encoding, encoding, switches, told, ..Layers::default() }
    }

    /// Whether everything of the encoding is sent.
    #[inline]
    fn takes_all(&self) -> bool {
        self.limit == ALL
            && self.temporal == ALL
            && self.spatial_limit == ALL
            && self.stills.is_none()
            && self.frames.current().is_none()
    }

    /// A run begins: nothing of the frames before counts.
    pub fn begin_run(&mut self) {
        self.frames = FrameSelection::default();
    }

    /// Whether a packet that is sent is the last one that the receiver gets of its picture.
    #[inline]
    pub fn ends_picture(&self, packet: &MediaPacket<'_>) -> bool {
        let current = self.frames.current();
        packet.frame.zip(current).is_some_and(|(frame, current)| frame.end && frame.spatial == current.0)
    }

    /// Spatial index and temporal layer that are sent.
    fn sent(&self) -> (u8, u8) {
        match self.frames.current() {
            // Of simulcast the encoding counts.
            Some((spatial, temporal)) => (self.encoding.max(spatial), temporal),
            None => (self.encoding, self.temporal),
        }
    }
}

impl Consumer {
    /// Takes over what is to be sent, of a producer with so many encodings. The caller says with [`want_encoding`](Self::want_encoding) what of it is alive,
    /// and starts the consumer.
    pub fn allocate(&mut self, now: Time, allocation: &ConsumerAllocation, encodings: usize) {
        self.set_priority(allocation.priority);
        self.layers.target = allocation.spatial;
        self.layers.spatial_limit = if encodings == 1 { allocation.spatial } else { ALL };
        self.layers.limit = allocation.temporal.min(ALL);
        self.layers.temporal = self.layers.temporal.min(self.layers.limit);
        let interval = allocation.still_interval_ms.map(|ms| Duration::from_millis(u64::from(ms)));
        self.layers.stills = match (interval, self.layers.stills) {
            (Some(interval), Some(stills)) => Some(Stills { interval, ..stills }),
            // The picture that the receiver has is fresh.
            (Some(interval), None) => Some(Stills { interval, due: now + interval, frame: None, asked: false }),
            (None, Some(_)) => {
                // What follows the last picture was left out.
                self.stop();
                None
            }
            (None, None) => None,
        };
    }

    /// The encoding that was allocated.
    pub fn target_encoding(&self) -> u8 {
        self.layers.target
    }

    /// Sends this encoding of the producer from its next keyframe on, and the present one until then.
    pub fn want_encoding(&mut self, encoding: u8) {
        self.layers.wanted = encoding;
    }

    /// The encoding that is, or is going to be sent.
    pub fn wanted_encoding(&self) -> u8 {
        self.layers.wanted
    }

    /// The encoding that is sent.
    pub fn encoding(&self) -> u8 {
        self.layers.encoding
    }

    /// Whether [`forward`](Self::forward) would look at a packet at all.
    #[inline]
    pub fn takes(&self, packet: &MediaPacket<'_>) -> bool {
        !self.paused && (packet.encoding == self.layers.encoding || packet.encoding == self.layers.wanted)
    }

    /// Whether it is time for the next still picture; told once.
    pub fn poll_still(&mut self, now: Time) -> bool {
        let paused = self.paused;
        let due = self.layers.stills.as_mut().filter(|stills| !paused && !stills.asked && stills.due <= now);
        due.map(|stills| stills.asked = true).is_some()
    }

    /// When [`poll_still`](Self::poll_still) has something to say; [`Time::MAX`] for never.
    pub fn still_due(&self) -> Time {
        let stills = self.layers.stills.filter(|stills| !stills.asked && !self.paused);
        stills.map_or(Time::MAX, |stills| stills.due)
    }

    /// What is sent, if that changed since it was told last: encoding and highest temporal layer; none for nothing.
    #[inline]
    pub fn poll_layers(&mut self) -> Option<Option<(u8, u8)>> {
        let sent = self.current.map(|_| self.layers.sent());
        if sent == self.layers.told {
            return None;
        }
        self.layers.told = sent;
        Some(sent)
    }

    /// Whether a keyframe is to be asked for, since the spatial layer that is wanted within the encoding can only be had
    /// with one; told once.
    #[inline]
    pub fn poll_spatial_layer(&mut self) -> bool {
        self.layers.frames.poll_blocked()
    }

    /// Changes over to the encoding of `packet` if that is wanted and begins here. Whether the packet is one to send.
    #[inline]
    pub(super) fn admits_encoding(&mut self, packet: &MediaPacket<'_>, is_sendable: bool) -> bool {
        if packet.encoding == self.layers.encoding {
            return true;
        }
        if packet.encoding != self.layers.wanted || !packet.keyframe || !is_sendable {
            return false;
        }
        self.layers.encoding = packet.encoding;
        self.layers.switches += 1;
        true
    }

    /// Whether the layer of a packet is one to send.
    #[inline]
    pub(super) fn choose_layer(&mut self, now: Time, packet: &MediaPacket<'_>) -> Choice {
        if self.layers.takes_all() { Choice::Send } else { self.select(now, packet) }
    }

    fn select(&mut self, now: Time, packet: &MediaPacket<'_>) -> Choice {
        let (send, leave_out) = (Choice::Send, Choice::LeaveOut { closes: false });
        let layers = &mut self.layers;
        if let Some(stills) = &mut layers.stills {
            if packet.keyframe && now >= stills.due && stills.frame != Some(packet.timestamp) {
                stills.frame = Some(packet.timestamp);
                stills.due = now + stills.interval;
                stills.asked = false;
            }
            let is_small = packet.frame.is_none_or(|frame| frame.spatial <= layers.spatial_limit);
            return if stills.frame == Some(packet.timestamp) && is_small { send } else { leave_out };
        }
        // Chromium leaves everything out of VP8's payload descriptor that the dependency descriptor tells.
        if packet.codec != Codec::Vp8 || packet.frame.is_some() {
            let limits = (layers.spatial_limit, layers.limit);
            let is_sent = packet.frame.is_none_or(|frame| layers.frames.admits(&frame, limits));
            // What is left out leaves a gap in VP9's picture ids: receivers tell temporal layers by them.
            return if is_sent { send } else { leave_out };
        }
        let Ok(descriptor) = vp8::Descriptor::parse(packet.payload) else { return send };
        if packet.keyframe {
            layers.temporal = layers.limit;
        }
        let Some(temporal) = descriptor.temporal_layer else { return send };
        let begins = descriptor.partition_start && descriptor.partition == 0;
        if temporal > layers.temporal && temporal <= layers.limit && descriptor.layer_sync && begins {
            // Nothing between the lowest layer and this frame is needed to go on from here.
            layers.temporal = if layers.limit == ALL && temporal == layers.temporal + 1 { ALL } else { temporal };
        }
        if temporal <= layers.temporal { send } else { Choice::LeaveOut { closes: begins } }
    }
}
