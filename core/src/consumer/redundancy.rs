//! Redundant audio (RFC 2198) made for a receiver that loses packets: the frames before the newest are sent once more.
//!
//! They are taken from the producer's history, so that nothing is kept for one receiver but which frames a packet had:
//! sent again without RTX, it has to be the same packet to the last bit.

use crate::codec::{Codec, red};
use crate::media_packet::MediaPacket;
use crate::producer::Producer;
use crate::time::Time;

use super::payload::{Body, PayloadTypes};

/// Earlier frames in a packet at most.
pub const MAX_FRAMES: u8 = 2;
/// Timestamp units of the longest Opus packet, 120 ms at 48 kHz (RFC 6716, section 3.2.5). What is farther away for
/// each packet between has a silence (DTX) before the newest frame, and would come too late to be heard.
const MAX_DURATION: u32 = 5_760;
/// Payload at most with what is repeated, so that the packet fits everywhere.
pub const MAX_PAYLOAD: usize = 1_100;

/// Packets of which it is known what they repeated: those that an audio history holds; a power of two.
const LOGGED: usize = 128;

/// What a packet repeated, small enough to be kept for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// Frames that were wanted; none for what the publisher sent, as it is.
    wanted: Option<u8>,
    /// Those that may be, or were, taken from the history: bit 0 for the packet before, bit 1 for the one before that.
    held: u8,
}

impl Repeats {
    /// The packet as the publisher sent it.
    pub const AS_SENT: Repeats = Repeats { wanted: None, held: 0 };
}

impl Default for Repeats {
    fn default() -> Self {
        Repeats::AS_SENT
    }
}

/// A frame that is sent once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Frame<'a> {
    /// How much earlier than the newest it is, in timestamp units.
    offset: u16,
    data: &'a [u8],
}

/// The frames that go before the newest one of a packet, the oldest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repeated<'a> {
    frames: [Frame<'a>; MAX_FRAMES as usize],
    len: u8,
    /// The receiver's payload type of each frame, the newest included.
    payload_type: u8,
    /// What is to be known to write the same packet once more.
    pub repeats: Repeats,
}

impl<'a> Repeated<'a> {
    /// Whether there is any.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What it adds to a payload, in bytes.
    #[inline]
    pub fn written_len(&self) -> usize {
        if self.is_empty() {
            return 0;
        }
        let data: usize = self.frames().iter().map(|frame| frame.data.len()).sum();
        data + self.frames().len() * red::BLOCK_HEADER_LEN + red::LAST_HEADER_LEN
    }

    /// Writes headers and frames; `out` has [`written_len`](Self::written_len) bytes, and the newest frame follows.
    pub fn write(&self, out: &mut [u8]) {
        let blocks = self.frames().iter().map(|frame| (frame.offset, frame.data));
        red::write_redundancy(self.payload_type, blocks, out);
    }

    fn frames(&self) -> &[Frame<'a>] {
        &self.frames[..usize::from(self.len)]
    }

    /// Puts a frame before all others. Returns whether it fits.
    fn prepend(&mut self, offset: u32, data: &'a [u8], newest_len: usize) -> bool {
        let Some(offset) = u16::try_from(offset).ok().filter(|offset| (1..=red::MAX_OFFSET).contains(offset)) else {
            return false;
        };
        let len = self.written_len() + red::BLOCK_HEADER_LEN + red::LAST_HEADER_LEN + data.len() + newest_len;
        if self.len == MAX_FRAMES || data.is_empty() || data.len() > red::MAX_BLOCK_LEN || len > MAX_PAYLOAD {
            return false;
        }
        self.frames.copy_within(..usize::from(self.len), 1);
        self.frames[0] = Frame { offset, data };
        self.len += 1;
        true
    }
}

/// What recent packets repeated, by outgoing sequence number. Empty until the first.
#[derive(Default)]
pub struct RepeatsLog {
    slots: Vec<Option<(u64, Repeats)>>,
}

impl RepeatsLog {
    /// Keeps what the packet that goes out as `sequence` repeats.
    pub fn insert(&mut self, sequence: u64, repeats: Repeats) {
        if self.slots.is_empty() {
            self.slots = vec![None; LOGGED];
        }
        self.slots[sequence as usize % LOGGED] = Some((sequence, repeats));
    }

    /// What the packet that went out as `sequence` repeated.
    pub fn get(&self, sequence: u64) -> Option<Repeats> {
        let (found, repeats) = (*self.slots.get(sequence as usize % LOGGED)?)?;
        (found == sequence).then_some(repeats)
    }
}

/// How a consumer repeats frames.
#[derive(Clone, Copy, Debug, Default)]
pub struct Redundancy {
    /// The receiver's payload type of redundant audio.
    pub payload_type: Option<u8>,
    /// Frames to repeat; none before anybody said how many: then a packet is sent as the publisher sent it.
    pub frames: Option<u8>,
}

impl Redundancy {
    /// Whether packets are written anew.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.frames.is_some()
    }

    /// What is to be repeated in a packet that follows `sent_before` others.
    pub fn repeats(&self, sent_before: u64) -> Repeats {
        Repeats { wanted: self.frames.map(|frames| sent_before.min(u64::from(frames)) as u8), held: u8::MAX }
    }

    /// What a packet goes out with when it repeats these frames, as far as they are held; what it had in the end, is in
    /// the body.
    pub fn body<'a>(
        &self,
        now: Time,
        types: &PayloadTypes,
        packet: &MediaPacket<'a>,
        producer: &'a Producer,
        repeats: Repeats,
    ) -> Option<Body<'a>> {
        let Some(wanted) = repeats.wanted else { return types.body(packet) };
        let Some((inner, newest)) = primary(types, packet) else { return types.body(packet) };
        let mut repeated =
            Repeated { payload_type: inner, repeats: Repeats { wanted: Some(wanted), held: 0 }, ..Repeated::default() };
        if self.payload_type.is_some() && !own_frames(types, packet, inner, newest, wanted, &mut repeated) {
            for distance in (1..=wanted).filter(|distance| repeats.held >> (distance - 1) & 1 == 1) {
                let Some(sequence) = packet.sequence.checked_sub(u64::from(distance)) else { break };
                let Some(earlier) = producer.held_packet(now, packet.stream, sequence) else { continue };
                let offset = packet.timestamp.wrapping_sub(earlier.timestamp);
                if offset > MAX_DURATION * u32::from(distance) {
                    continue;
                }
                if let Some((payload_type, frame)) = primary(types, &earlier)
                    && payload_type == inner
                    && repeated.prepend(offset, frame, newest.len())
                {
                    repeated.repeats.held |= 1 << (distance - 1);
                }
            }
        }
        let payload_type = self.payload_type.filter(|_| !repeated.is_empty()).unwrap_or(inner);
        Some(Body { payload_type, payload: newest, has_inner: false, repeated })
    }
}

/// The newest frame of a packet of Opus, redundant or not, and the receiver's payload type for it.
fn primary<'a>(types: &PayloadTypes, packet: &MediaPacket<'a>) -> Option<(u8, &'a [u8])> {
    let (payload_type, frame) = match packet.codec {
        Codec::Opus => (packet.payload_type, packet.payload),
        Codec::Red => red::blocks(packet.payload).ok()?.last().map(|newest| (newest.payload_type, newest.data))?,
        _ => return None,
    };
    Some((types.translate(payload_type)?, frame)).filter(|(_, frame)| !frame.is_empty())
}

/// Takes over the frames that the publisher repeated itself, if they are as many as wanted.
fn own_frames<'a>(
    types: &PayloadTypes,
    packet: &MediaPacket<'a>,
    inner: u8,
    newest: &[u8],
    wanted: u8,
    repeated: &mut Repeated<'a>,
) -> bool {
    if wanted == 0 {
        return true;
    }
    let Some(blocks) = (packet.codec == Codec::Red).then(|| red::blocks(packet.payload).ok()).flatten() else {
        return false;
    };
    let usable = |block: &red::Block<'_>| {
        block.timestamp_offset > 0 && !block.data.is_empty() && types.translate(block.payload_type) == Some(inner)
    };
    let count = blocks.clone().filter(usable).count();
    let wanted = usize::from(wanted);
    if count < wanted {
        return false;
    }
    // The newest of them, from the youngest on: each goes before those taken so far.
    let mut taken = *repeated;
    for nth in (count - wanted..count).rev() {
        let Some(block) = blocks.clone().filter(usable).nth(nth) else { return false };
        if !taken.prepend(u32::from(block.timestamp_offset), block.data, newest.len()) {
            break;
        }
    }
    *repeated = taken;
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::{Composed, Consumer, Stamps};
    use crate::packet::rtp::RtpPacket;
    use crate::params::{ConsumerParams, PayloadTypeMapping};
    use crate::producer::fixtures::*;

    /// Payload types of the receiver.
    const OWN_OPUS: u8 = 100;
    const OWN_RED: u8 = 63;

    struct Call {
        publisher: Publisher,
        consumer: Consumer,
        transport_sequence: u16,
        now: Time,
    }

    /// What a receiver got.
    #[derive(Debug, PartialEq)]
    struct Got {
        payload_type: u8,
        sequence_number: u16,
        /// Offset and frame, the newest last.
        frames: Vec<(u16, Vec<u8>)>,
        bytes: Vec<u8>,
    }

    impl Call {
        fn new(mappings: &[(u8, u8)], extensions: &[(&str, u8)]) -> Self {
            let params = ConsumerParams {
                transport_id: 2,
                producer_id: 1,
                ssrc: 0xaaaa,
                rtx_ssrc: None,
                mid: None,
                cname: "participant".to_owned(),
                payload_types: mappings
                    .iter()
                    .map(|&(producer_payload_type, payload_type)| PayloadTypeMapping {
                        producer_payload_type,
                        payload_type,
                        rtx_payload_type: None,
                    })
                    .collect(),
                redundancy_payload_type: Some(OWN_RED),
                rtcp_feedback: vec!["nack".to_owned()],
                paused: false,
            };
            let publisher = Publisher::audio();
            let mut consumer = Consumer::new(&params, &publisher.producer, 100, STALL_TIMEOUT).unwrap();
            consumer.set_extensions(&publisher.extensions, &extension_map(extensions));
            Call { publisher, consumer, transport_sequence: 0, now: Time::ZERO }
        }

        fn of_opus(frames: u8) -> Self {
            let mut call = Call::new(&[(OPUS, OWN_OPUS)], &[]);
            call.consumer.set_redundancy(frames).unwrap();
            call
        }

        fn send(&mut self, sent: &Sent) -> Got {
            self.now += std::time::Duration::from_millis(20);
            let bytes = sent.bytes();
            let packet = self.publisher.media(self.now, &bytes);
            let mut out = vec![0xee; Consumer::max_repeating_len(&packet)];
            let Call { publisher, consumer, transport_sequence, now } = self;
            let composed = consumer.forward_repeating(*now, &packet, &publisher.producer, &mut out).unwrap();
            let stamps = Stamps::new(*now, *transport_sequence);
            *transport_sequence += 1;
            composed.stamps.write(stamps, &mut out);
            consumer.stamped(&out, &composed, stamps);
            Self::read(&out, composed)
        }

        fn nack(&mut self, sequence_number: u16) -> Option<Got> {
            let resend = self.consumer.on_nack(self.now, sequence_number, &self.publisher.producer)?;
            assert!(resend.is_plain());
            let mut out = vec![0xee; resend.max_len()];
            let composed = self.consumer.resend(&resend, &mut out)?;
            Some(Self::read(&out, composed))
        }

        fn read(out: &[u8], composed: Composed) -> Got {
            let packet = RtpPacket::parse(&out[..composed.len]).unwrap();
            let payload_type = packet.header.payload_type;
            let frames = if payload_type == OWN_RED {
                red::blocks(packet.payload())
                    .unwrap()
                    .map(|block| {
                        assert_eq!(block.payload_type, OWN_OPUS);
                        (block.timestamp_offset, block.data.to_vec())
                    })
                    .collect()
            } else {
                vec![(0, packet.payload().to_vec())]
            };
            let bytes = packet.data().to_vec();
            Got { payload_type, sequence_number: packet.header.sequence_number, frames, bytes }
        }
    }

    fn opus(n: u16) -> Sent {
        Sent::audio(n, vec![n as u8; 40 + usize::from(n % 7)])
    }

    fn frame(offset: u16, n: u16) -> (u16, Vec<u8>) {
        (offset, opus(n).payload)
    }

    #[test]
    fn plain_opus_gets_the_last_frames_repeated() {
        for (frames, expected) in [
            (0, vec![frame(0, 5)]),
            (1, vec![frame(960, 4), frame(0, 5)]),
            (2, vec![frame(1_920, 3), frame(960, 4), frame(0, 5)]),
        ] {
            let mut call = Call::of_opus(frames);
            let first = call.send(&opus(2));
            assert_eq!((first.payload_type, first.frames), (OWN_OPUS, vec![frame(0, 2)]), "nothing came before");
            call.send(&opus(3));
            call.send(&opus(4));
            let got = call.send(&opus(5));
            assert_eq!((got.frames, got.sequence_number), (expected, 103));
            assert_eq!(got.payload_type, if frames == 0 { OWN_OPUS } else { OWN_RED });
        }
    }

    #[test]
    fn what_was_lost_upstream_is_left_out() {
        let mut call = Call::of_opus(2);
        call.send(&opus(1));
        call.send(&opus(2));
        assert_eq!(call.send(&opus(4)).frames, [frame(1_920, 2), frame(0, 4)]);
    }

    #[test]
    fn nothing_is_repeated_across_a_silence_nor_from_before_the_run() {
        let mut call = Call::of_opus(2);
        call.send(&opus(1));
        let after_dtx = |n: u16| Sent { timestamp: u32::from(n) * 960 + 19_200, ..opus(n) };
        assert_eq!(call.send(&after_dtx(2)).frames, [frame(0, 2)]);
        assert_eq!(call.send(&after_dtx(3)).frames, [frame(960, 2), frame(0, 3)]);
        call.consumer.set_paused(true);
        call.consumer.set_paused(false);
        assert_eq!(call.send(&after_dtx(4)).frames, [frame(0, 4)]);
        assert_eq!(call.send(&after_dtx(5)).frames, [frame(960, 4), frame(0, 5)]);
    }

    #[test]
    fn offsets_lengths_and_packets_stay_within_their_bounds() {
        let mut call = Call::of_opus(2);
        let large = |n: u16, len: usize| Sent::audio(n, vec![n as u8; len]);
        call.send(&large(1, red::MAX_BLOCK_LEN + 1));
        assert_eq!(call.send(&large(2, 30)).frames.len(), 1, "too long for a block");
        call.send(&large(3, 800));
        let got = call.send(&large(4, 900));
        assert_eq!(got.frames.len(), 2, "the last frame does not fit beside it, the small one before does");
        assert_eq!(got.frames[0].0, 1_920);
        call.send(&large(5, 1_275));
        for (gap, repeated) in [(5_760, 1), (5_761, 0), (16_384, 0)] {
            let mut call = Call::of_opus(1);
            call.send(&opus(1));
            let next = Sent { timestamp: 960 + gap, ..opus(2) };
            assert_eq!(call.send(&next).frames.len(), 1 + repeated, "{gap}");
        }
    }

    fn red_of(n: u16, repeated: &[u16]) -> Sent {
        let newest = opus(n);
        let frames: Vec<(u16, Vec<u8>)> = repeated.iter().map(|&old| ((n - old) * 960, opus(old).payload)).collect();
        let len = frames.iter().map(|(_, data)| data.len() + red::BLOCK_HEADER_LEN).sum::<usize>();
        let mut payload = vec![0; len + red::LAST_HEADER_LEN];
        red::write_redundancy(OPUS, frames.iter().map(|(offset, data)| (*offset, &data[..])), &mut payload);
        payload.extend(&newest.payload);
        Sent { payload_type: RED, payload, ..newest }
    }

    #[test]
    fn the_publishers_redundancy_is_kept_cut_or_filled_up() {
        let mappings = [(OPUS, OWN_OPUS), (RED, OWN_RED)];
        let mut call = Call::new(&mappings, &[]);
        assert!(!call.consumer.repeats());
        call.send(&red_of(1, &[]));
        assert_eq!(call.send(&red_of(2, &[1])).frames, [frame(960, 1), frame(0, 2)], "as it was sent");
        call.consumer.set_redundancy(0).unwrap();
        assert_eq!(call.send(&red_of(3, &[1, 2])).frames, [frame(0, 3)]);
        call.consumer.set_redundancy(1).unwrap();
        assert_eq!(call.send(&red_of(4, &[2, 3])).frames, [frame(960, 3), frame(0, 4)]);
        assert_eq!(call.send(&red_of(5, &[])).frames, [frame(960, 4), frame(0, 5)]);
        call.consumer.set_redundancy(2).unwrap();
        assert_eq!(call.send(&red_of(6, &[5])).frames, [frame(1_920, 4), frame(960, 5), frame(0, 6)]);
        // 7 was lost on the way to us, but 8 brought it along.
        assert_eq!(call.send(&red_of(8, &[6, 7])).frames, [frame(1_920, 6), frame(960, 7), frame(0, 8)]);
    }

    #[test]
    fn sent_again_it_is_the_same_to_the_last_bit_or_not_sent() {
        let mut call = Call::new(&[(OPUS, OWN_OPUS), (RED, OWN_RED)], &[(TWCC_URI, 3)]);
        call.consumer.set_redundancy(0).unwrap();
        let mut sent = vec![call.send(&opus(1))];
        for (n, frames) in (2..10).zip([1, 2, 0, 2, 2, 1, 0, 2]) {
            call.consumer.set_redundancy(frames).unwrap();
            // 6 comes after 7.
            let n = match n {
                6 => 7,
                7 => 6,
                n => n,
            };
            sent.push(call.send(&if n == 9 { red_of(9, &[7, 8]) } else { opus(n) }));
        }
        call.consumer.set_redundancy(1).unwrap();
        for got in &sent {
            assert_eq!(call.nack(got.sequence_number).as_ref(), Some(got));
        }
        // The frames that the oldest ones repeated are not held any more when they are asked for late.
        let (ninth, ahead) = (&sent[8], std::time::Duration::from_millis(900));
        call.now += ahead;
        assert_eq!(call.nack(sent[1].sequence_number), None);
        assert_eq!(call.nack(ninth.sequence_number).as_ref(), Some(ninth));
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        let mut call = Call::of_opus(1);
        assert!(call.consumer.set_redundancy(3).unwrap_err().to_string().contains("frames is 3"));
        call.consumer.redundancy.payload_type = None;
        assert!(call.consumer.set_redundancy(1).is_err());
        call.consumer.set_redundancy(0).unwrap();
    }
}
