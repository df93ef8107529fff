//! A producer: one incoming media source with its encodings.
//!
//! It takes packets in, undoes retransmission, counts, asks for what is missing, keeps what receivers may ask for, and
//! hands each packet on once, as a [`MediaPacket`] for all its consumers.

mod audio_level;
mod codecs;
mod dependencies;
mod h264_layers;
mod keyframe_requester;
mod layer_meter;
mod layers;
mod outcome;
mod received_window;
mod rtcp;
mod stream;
mod vp9_layers;
mod watchdog;

use std::time::Duration;

use self::audio_level::AudioLevelMeter;
use self::codecs::Codecs;
use self::layers::LayerNews;
pub use self::outcome::{Binding, Discard, KeyframeRequest, ProducerError, Received};
use self::stream::{EncodingStream, Placement};
pub use self::watchdog::{Liveness, ProducerWatchdog};
use crate::codec::Codec;
use crate::codec::red::Block;
use crate::event::ProducerStats;
use crate::extension::ExtensionValues;
use crate::media_packet::{MediaPacket, StreamId};
use crate::packet::rtp::RtpPacket;
use crate::params::{MediaKind, ProducerParams};
use crate::repair::{self, BlockPool};
use crate::report::BitrateMeter;
use crate::speakers::Speech;
use crate::time::Time;

/// Encodings at most: more than any sender's simulcast has.
const MAX_ENCODINGS: usize = 8;
/// A keyframe younger than this starts a new receiver at once. An older one would start it with a picture that is
/// late by as much, and receivers take seconds to catch up.
const MAX_REPLAY_AGE: Duration = Duration::from_millis(250);

/// Packets back that one which repeats earlier frames is taken for (RFC 2198): what is older comes too late to be heard, and a
/// packet can name hundreds.
const MAX_REPEATED: u64 = 4;

#[derive(Default)]
struct Totals {
    packets: u64,
    bytes: u64,
    nacks_sent: u64,
    retransmissions_received: u64,
    keyframe_requests_sent: u64,
    keyframes: u64,
}

/// One incoming media source.
pub struct Producer {
    kind: MediaKind,
    mid: Option<String>,
    codecs: Codecs,
    encodings: Vec<EncodingStream>,
    next_stream: u32,
    paused: bool,
    keeps_history: bool,
    watchdog: ProducerWatchdog,
    layer_news: LayerNews,
    fir_sequence_number: u8,
    audio_level: AudioLevelMeter,
    speech: Speech,
    round_trip: Option<Duration>,
    meter: BitrateMeter,
    totals: Totals,
}

impl Producer {
    /// A producer that waits for its packets. Silence beyond `stall_timeout` is reported by its watchdog.
    pub fn new(now: Time, params: &ProducerParams, stall_timeout: Duration) -> Result<Self, ProducerError> {
        let codecs = Codecs::new(&params.codecs)?;
        if params.encodings.is_empty() || params.encodings.len() > MAX_ENCODINGS {
            return Err(ProducerError::Encodings(params.encodings.len()));
        }
        let encodings: Vec<EncodingStream> = (0..)
            .zip(&params.encodings)
            .map(|(id, encoding)| EncodingStream::new(params.kind, encoding, StreamId(id)))
            .collect();
        Ok(Producer {
            kind: params.kind,
            mid: params.mid.clone(),
            codecs,
            next_stream: encodings.len() as u32,
            encodings,
            paused: params.paused,
            keeps_history: false,
            watchdog: ProducerWatchdog::new(now, stall_timeout, params.paused),
            layer_news: LayerNews::default(),
            fir_sequence_number: 0,
            audio_level: AudioLevelMeter::default(),
            speech: Speech::default(),
            round_trip: None,
            meter: BitrateMeter::default(),
            totals: Totals::default(),
        })
    }

    /// Audio or video.
    pub fn kind(&self) -> MediaKind {
        self.kind
    }

    /// MID of its m-line.
    pub fn mid(&self) -> Option<&str> {
        self.mid.as_deref()
    }

    /// Whether nothing of it is forwarded.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether its publisher heeds REMB for packets of this payload type, and how many timestamp units they count per
    /// second.
    #[inline]
    pub fn remb_clock(&self, payload_type: u8) -> Option<u32> {
        let codec = self.codecs.media(payload_type).filter(|codec| codec.remb)?;
        (self.kind == MediaKind::Video).then_some(codec.clock_rate)
    }

    /// The SSRCs of its media, where its publisher heeds REMB.
    pub fn remb_ssrcs(&self) -> impl Iterator<Item = u32> {
        let heeds = self.kind == MediaKind::Video && self.codecs.iter().any(|codec| codec.remb);
        self.encodings.iter().filter(move |_| heeds).filter_map(|encoding| encoding.ssrc)
    }

    /// Timestamp units per second of the codec negotiated first.
    pub fn clock_rate(&self) -> u32 {
        self.codecs.preferred().clock_rate
    }

    /// What a payload type of it stands for.
    pub fn codec(&self, payload_type: u8) -> Option<Codec> {
        self.codecs.media(payload_type).map(|entry| entry.codec)
    }

    /// The SSRCs known to be its own, of media and of retransmissions.
    pub fn ssrcs(&self) -> impl Iterator<Item = u32> {
        self.encodings.iter().flat_map(|encoding| [encoding.ssrc, encoding.rtx_ssrc]).flatten()
    }

    /// Takes an unknown SSRC, whose packet carried our MID, for one of this producer's encodings, by RID. Where no packet
    /// carries one, media fills the encodings in the order in which it comes; retransmissions are left alone then, since
    /// a wrong guess would mix two pictures. The only encoding of a producer takes any, but keeps to the one it has, or
    /// was agreed on, while that comes: there are senders that send all their encodings whatever was answered. None where
    /// it fits nowhere.
    pub fn bind(
        &mut self,
        now: Time,
        ssrc: u32,
        payload_type: u8,
        extensions: &ExtensionValues<'_>,
    ) -> Option<Binding> {
        let is_repair = self.codecs.original_of(payload_type).is_some();
        if !is_repair && self.codecs.media(payload_type).is_none() {
            return None;
        }
        let rid = if is_repair { extensions.repaired_rid.or(extensions.rid) } else { extensions.rid };
        let has_rid = |encoding: &EncodingStream| encoding.rid.as_deref().map(str::as_bytes) == rid;
        let index = match self.encodings.as_slice() {
            [only] if only.is_beside(rid) && self.watchdog.is_live(now) => return None,
            [_] => 0,
            encodings if rid.is_some() => encodings.iter().position(has_rid)?,
            encodings if is_repair || encodings.iter().any(EncodingStream::has_heard_rid) => return None,
            encodings => encodings.iter().position(|encoding| encoding.ssrc.is_none())?,
        };
        let stream = &mut self.encodings[index];
        if is_repair {
            return Some(Binding { replaced: stream.rtx_ssrc.replace(ssrc) });
        }
        let replaced = stream.ssrc;
        if !stream.bind_media(now, ssrc, rid) {
            return None;
        }
        if replaced.is_some() {
            self.restart(now, index);
        }
        Some(Binding { replaced })
    }

    /// Takes a packet in.
    #[inline]
    pub fn receive<'a>(
        &mut self,
        now: Time,
        arrived: Time,
        packet: &RtpPacket<'a>,
        extensions: &ExtensionValues<'a>,
        pool: &mut BlockPool,
    ) -> Received<'a> {
        let header = &packet.header;
        let is_media = |encoding: &EncodingStream| encoding.ssrc == Some(header.ssrc);
        let is_repair = |encoding: &EncodingStream| encoding.rtx_ssrc == Some(header.ssrc);
        let (index, placement, payload_type, payload) = if let Some(index) = self.encodings.iter().position(is_media) {
            let Some(codec) = self.codecs.media(header.payload_type) else {
                return Received::Nothing(Discard::UnknownPayloadType);
            };
            let stream = &mut self.encodings[index];
            let placement = stream.place(arrived, header.sequence_number, header.timestamp, codec.clock_rate);
            (index, placement, header.payload_type, packet.payload())
        } else if let Some(index) = self.encodings.iter().position(is_repair) {
            let Some(payload_type) = self.codecs.original_of(header.payload_type) else {
                return Received::Nothing(Discard::UnknownPayloadType);
            };
            let Some((sequence_number, payload)) = repair::original(packet.payload()) else {
                return Received::Nothing(Discard::Probe);
            };
            let placement = self.encodings[index].place_recovered(sequence_number);
            if matches!(placement, Placement::New(_)) {
                self.totals.retransmissions_received += 1;
            }
            (index, placement, payload_type, payload)
        } else {
            return Received::Nothing(Discard::UnknownSsrc);
        };
        self.watchdog.packet(now);
        let sequence = match placement {
            Placement::New(sequence) => sequence,
            Placement::Restarted(sequence) => {
                self.restart_after_jump(now, index);
                sequence
            }
            Placement::Duplicate => return Received::Nothing(Discard::Duplicate),
            Placement::Astray => return Received::Nothing(Discard::Astray),
        };
        let Some(codec) = self.codecs.media(payload_type) else {
            return Received::Nothing(Discard::UnknownPayloadType);
        };
        let elements = packet.extensions();
        let stream = &mut self.encodings[index];
        let frame = match extensions.dependency_descriptor {
            Some(data) => stream.dependencies.read(sequence, data),
            None => match codec.codec {
                Codec::Vp9 => stream.vp9_layers.read(payload),
                Codec::H264 => {
                    stream.h264_layers.read(header.timestamp, header.marker, payload, extensions.frame_marking)
                }
                _ => None,
            },
        };
        let media = MediaPacket {
            stream: self.encodings[index].id,
            encoding: index as u8,
            sequence,
            timestamp: header.timestamp,
            arrival: arrived,
            payload_type,
            marker: header.marker,
            codec: codec.codec,
            keyframe: !payload.is_empty() && codec.codec.is_keyframe_start(payload),
            frame,
            extension_form: elements.form(),
            extensions: elements.as_bytes(),
            payload,
        };
        let nack = codec.nack;
        self.count(now, index, &media, nack, extensions);
        if self.paused {
            return Received::Nothing(Discard::Paused);
        }
        if self.keeps_history && !payload.is_empty() {
            self.encodings[index].history.insert(&media, pool);
        }
        Received::Media(media)
    }

    /// The packet `distance` before `carrier`, one just received, whose frame `block` of that repeats (RFC 2198). None where it
    /// came already, or where nobody would wait for it.
    pub fn repeated<'a>(
        &mut self,
        now: Time,
        carrier: &MediaPacket<'a>,
        block: &Block<'a>,
        distance: u64,
        pool: &mut BlockPool,
    ) -> Option<MediaPacket<'a>> {
        if self.paused || block.data.is_empty() || distance > MAX_REPEATED {
            return None;
        }
        let codec = self.codecs.media(block.payload_type).filter(|codec| codec.codec != Codec::Red)?;
        let stream = &mut self.encodings[usize::from(carrier.encoding)];
        let Placement::New(sequence) = stream.place_recovered(carrier.sequence.checked_sub(distance)? as u16) else {
            return None;
        };
        stream.nack.received(now, sequence);
        let media = MediaPacket {
            sequence,
            timestamp: carrier.timestamp.wrapping_sub(u32::from(block.timestamp_offset)),
            payload_type: block.payload_type,
            marker: false,
            codec: codec.codec,
            extensions: &[],
            payload: block.data,
            ..*carrier
        };
        if self.keeps_history {
            self.encodings[usize::from(carrier.encoding)].history.insert(&media, pool);
        }
        Some(media)
    }

    #[inline]
    fn count(&mut self, now: Time, index: usize, media: &MediaPacket<'_>, nack: bool, values: &ExtensionValues<'_>) {
        self.totals.packets += 1;
        self.totals.bytes += media.payload.len() as u64;
        self.meter.add(now, media.payload.len());
        if let Some((level, voice)) = values.audio_level {
            self.audio_level.add(now, level, voice);
            self.speech.add(now, level, voice);
        }
        self.count_layer(now, index, media);
        let stream = &mut self.encodings[index];
        if nack
            && !self.paused
            && let Some(sample) = stream.nack.received(now, media.sequence)
        {
            self.measured_round_trip(sample);
        }
        if media.keyframe && media.codec.has_keyframes() && self.encodings[index].keyframe(media) {
            self.totals.keyframes += 1;
            self.encodings[index].keyframes.keyframe_arrived();
        }
    }

    /// Pauses or resumes. A resumed producer is a new run to its consumers, and a keyframe is asked for.
    pub fn set_paused(&mut self, now: Time, paused: bool) {
        if self.paused == paused {
            return;
        }
        self.paused = paused;
        self.watchdog.set_paused(now, paused);
        if paused {
            self.encodings.iter_mut().for_each(|encoding| encoding.keyframes.cancel());
            return;
        }
        for index in 0..self.encodings.len() {
            let id = self.new_stream_id();
            self.encodings[index].renew(id);
        }
        self.request_keyframe(now);
    }

    /// Keeps packets from now on: a consumer that answers NACKs needs them.
    pub fn enable_history(&mut self) {
        self.keeps_history = true;
    }

    /// The packet of `stream` with this extended sequence number, if it is still held.
    pub fn held_packet(&self, now: Time, stream: StreamId, sequence: u64) -> Option<MediaPacket<'_>> {
        self.encodings.iter().find_map(|encoding| encoding.history.get(now, stream, sequence))
    }

    /// What a new receiver of `encoding` can be started with at once: everything since a keyframe that came a moment
    /// ago. Nothing where there is none, or where history is not kept.
    pub fn replay_from_keyframe(&self, now: Time, encoding: u8) -> impl Iterator<Item = MediaPacket<'_>> {
        let encoding = self.encodings.get(usize::from(encoding)).filter(|_| !self.paused);
        encoding.into_iter().flat_map(move |encoding| encoding.packets_since_keyframe(now, MAX_REPLAY_AGE))
    }

    /// The publisher answered after this time: a packet asked for again came, or the time of a report came back.
    pub fn measured_round_trip(&mut self, sample: Duration) {
        let round_trip = self.round_trip.map_or(sample, |smoothed| (smoothed * 7 + sample) / 8);
        self.round_trip = Some(round_trip);
        for encoding in &mut self.encodings {
            encoding.nack.set_round_trip_time(round_trip);
            encoding.keyframes.set_round_trip_time(round_trip);
        }
    }

    /// The watchdog's news, if any.
    pub fn poll_watchdog(&mut self, now: Time) -> Option<Liveness> {
        let change = self.watchdog.poll(now)?;
        if change == Liveness::Live {
            self.encodings.iter_mut().for_each(|encoding| encoding.keyframes.revived(now));
        }
        Some(change)
    }

    /// When one of the `poll` functions has something to say; [`Time::MAX`] for never.
    pub fn poll_timeout(&self) -> Time {
        let nack = self.encodings.iter().map(|encoding| encoding.nack.poll_timeout()).min().unwrap_or(Time::MAX);
        let asked = self.encodings.iter().filter(|encoding| encoding.ssrc.is_some());
        let keyframe = asked.map(|encoding| encoding.keyframes.poll_timeout()).min().unwrap_or(Time::MAX);
        nack.min(keyframe).min(self.watchdog.poll_timeout())
    }

    /// Smoothed level in −dBov and whether it is a voice; none where no levels came lately, or while paused.
    pub fn audio_level(&self, now: Time) -> Option<(u8, bool)> {
        if self.paused { None } else { self.audio_level.level(now) }
    }

    /// When it spoke last, by its levels.
    pub fn speech(&self) -> Speech {
        self.speech
    }

    /// Gives back the memory of packets that are too old. To be called about once a second.
    pub fn expire_history(&mut self, now: Time, pool: &mut BlockPool) {
        for encoding in &mut self.encodings {
            encoding.history.expire(now, pool);
        }
    }

    /// Gives all memory of kept packets back: before it is dropped, and where no consumer needs them any more.
    pub fn release_history(&mut self, pool: &mut BlockPool) {
        self.keeps_history = false;
        for encoding in &mut self.encodings {
            encoding.clear_history(pool);
        }
    }

    /// What was counted so far.
    pub fn stats(&self, now: Time, producer_id: u64) -> ProducerStats {
        ProducerStats {
            producer_id,
            packets: self.totals.packets,
            bytes: self.totals.bytes,
            packets_lost: self.encodings.iter().map(EncodingStream::lost).sum(),
            jitter: self.encodings.iter().map(|e| e.jitter_seconds(self.clock_rate())).fold(0.0, f64::max),
            nacks_sent: self.totals.nacks_sent,
            retransmissions_received: self.totals.retransmissions_received,
            keyframe_requests_sent: self.totals.keyframe_requests_sent,
            keyframes: self.totals.keyframes,
            bitrate: self.meter.rate(now),
            live: self.watchdog.is_live(now),
        }
    }

    fn new_stream_id(&mut self) -> StreamId {
        let id = StreamId(self.next_stream);
        self.next_stream += 1;
        id
    }

    /// Another SSRC took over: nothing of the old numbers holds.
    fn restart(&mut self, now: Time, index: usize) {
        let id = self.new_stream_id();
        self.encodings[index].restart(id);
        self.request_keyframe_of(now, index as u8);
    }

    /// The numbers jumped; the stream has begun its new run already.
    #[cold]
    fn restart_after_jump(&mut self, now: Time, index: usize) {
        let id = self.new_stream_id();
        self.encodings[index].renew(id);
        self.request_keyframe_of(now, index as u8);
    }
}

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;
