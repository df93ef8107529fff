//! The receiving half of a participant: accepts what the bridge sends, and keeps account of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant, SystemTime};

use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind};
use str0m::rtp::{RtpPacket, Ssrc};
use str0m::{Event, Rtc};

use crate::connection::{Clocks, Connection, Purpose};
use crate::media::{h264, vp8};
use crate::net::Datagram;
use crate::report::arrivals::{Arrival, Stream};

pub struct Subscriber {
    pub connection: Connection,
    pub streams: HashMap<Ssrc, (Codec, Stream)>,
    pending: Option<SdpPendingOffer>,
    /// Of the session at the door, where there is one.
    pub session: Option<String>,
    /// Of the first picture that could be decoded, and of the first sound.
    pub first_picture: Option<Duration>,
    pub first_sound: Option<Duration>,
}

impl Subscriber {
    pub fn new(now: Instant) -> Self {
        Subscriber {
            connection: Connection::new(&Purpose::Receive, now),
            streams: HashMap::new(),
            pending: None,
            session: None,
            first_picture: None,
            first_sound: None,
        }
    }

    /// Takes an offer of the bridge's; returns our answer, and whether the socket is new.
    pub fn accept(&mut self, offer: &str) -> Result<(String, bool), String> {
        let parsed = SdpOffer::from_sdp_string(offer).map_err(|error| format!("the offer: {error}"))?;
        let answer =
            self.connection.rtc.sdp_api().accept_offer(parsed).map_err(|error| format!("the offer: {error}"))?;
        let is_new = self.connection.settle(offer)?;
        Ok((answer.to_sdp_string(), is_new))
    }

    /// An offer to receive so many sources.
    pub fn offer(&mut self, audio: usize, video: usize) -> Result<String, String> {
        let mut changes = self.connection.rtc.sdp_api();
        for (kind, count) in [(MediaKind::Audio, audio), (MediaKind::Video, video)] {
            for _ in 0..count {
                changes.add_media(kind, Direction::RecvOnly, None, None, None);
            }
        }
        let (offer, pending) = changes.apply().ok_or("view_audio, view_video: both are 0")?;
        self.pending = Some(pending);
        Ok(offer.to_sdp_string())
    }

    /// Takes the answer to our offer; returns whether the socket is new.
    pub fn answer(&mut self, answer: &str) -> Result<bool, String> {
        let pending = self.pending.take().ok_or("an answer without an offer")?;
        let parsed = SdpAnswer::from_sdp_string(answer).map_err(|error| format!("the answer: {error}"))?;
        self.connection.rtc.sdp_api().accept_answer(pending, parsed).map_err(|error| format!("the answer: {error}"))?;
        self.connection.settle(answer)
    }

    /// Takes a datagram; `began` is when the run began.
    pub fn receive(&mut self, datagram: &Datagram<'_>, clocks: &Clocks, began: Instant) -> Result<(), String> {
        let now = self.connection.receive(datagram, clocks)?;
        self.poll(now, began, datagram.received)
    }

    /// Sends feedback and takes note of what came in.
    pub fn poll(&mut self, now: Instant, began: Instant, received: Option<SystemTime>) -> Result<(), String> {
        let at = now.saturating_duration_since(began);
        let Subscriber { connection, streams, first_picture, first_sound, .. } = self;
        connection.poll(now, |rtc, event| {
            let Event::RtpPacket(packet) = event else { return };
            let Some((codec, stream)) = stream_of(streams, rtc, &packet) else { return };
            note(*codec, stream, &packet, received.unwrap_or_else(SystemTime::now), at);
            match stream.kind {
                MediaKind::Audio => *first_sound = first_sound.or(Some(at)),
                MediaKind::Video => *first_picture = first_picture.or(stream.frames.first_at),
            }
        })
    }
}

/// The stream of a packet; a new one begins with its first packet.
fn stream_of<'a>(
    streams: &'a mut HashMap<Ssrc, (Codec, Stream)>,
    rtc: &Rtc,
    packet: &RtpPacket,
) -> Option<&'a mut (Codec, Stream)> {
    Some(match streams.entry(packet.header.ssrc) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => {
            let pt = packet.header.payload_type;
            let codec = rtc.codec_config().params().iter().find(|params| params.pt() == pt)?.spec().codec;
            let kind = if codec == Codec::Opus { MediaKind::Audio } else { MediaKind::Video };
            entry.insert((codec, Stream::new(kind)))
        }
    })
}

fn note(codec: Codec, stream: &mut Stream, packet: &RtpPacket, received: SystemTime, at: Duration) {
    let payload = &packet.payload;
    stream.note(&Arrival {
        sequence: *packet.seq_no,
        sent: packet.header.ext_vals.abs_capture_time.map(|time| time.capture_time),
        received,
        at,
        ends_frame: packet.header.marker,
        begins_keyframe: match codec {
            Codec::Vp8 => vp8::begins_keyframe(payload),
            Codec::H264 => h264::begins_keyframe(payload),
            _ => false,
        },
    });
}
