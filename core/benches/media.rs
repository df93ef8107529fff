//! What a media packet costs between decryption and encryption, beside merely copying it: taken in by its producer
//! (parsed, counted, kept in the history), composed for a consumer, and composed again for one that lost it.
//!
//! `cargo bench --bench media` prints nanoseconds a packet, medians of several rounds.

use std::hint::black_box;
use std::time::{Duration, Instant};

use _core::consumer::Consumer;
use _core::extension::ExtensionMap;
use _core::packet::rtp::{Fields, RtpPacket, write_header};
use _core::params::{
    CodecParams, ConsumerParams, EncodingParams, HeaderExtension, MediaKind, PayloadTypeMapping, ProducerParams,
};
use _core::producer::{Producer, Received};
use _core::repair::BlockPool;
use _core::time::Time;

const PAYLOAD_LEN: usize = 1_150;
const PACKETS: u64 = 20_000;
const ROUNDS: usize = 9;
const SSRC: u32 = 1;
const PAYLOAD_TYPE: u8 = 96;
/// Between two packets: 2,000 a second, about 18 Mbit/s.
const PACE: Duration = Duration::from_micros(500);

fn extensions(first_id: u8) -> ExtensionMap {
    let uris = [
        "urn:ietf:params:rtp-hdrext:sdes:mid",
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        "urn:3gpp:video-orientation",
    ];
    let list: Vec<HeaderExtension> =
        (first_id..).zip(uris).map(|(id, uri)| HeaderExtension { uri: uri.to_owned(), id }).collect();
    ExtensionMap::new(&list).expect("ids and URIs are each their own")
}

fn producer() -> Producer {
    let params = ProducerParams {
        transport_id: 1,
        kind: MediaKind::Video,
        mid: Some("0".to_owned()),
        codecs: vec![CodecParams {
            payload_type: PAYLOAD_TYPE,
            name: "VP8".to_owned(),
            clock_rate: 90_000,
            rtx_payload_type: Some(97),
            rtcp_feedback: vec!["nack".to_owned(), "nack pli".to_owned()],
        }],
        encodings: vec![EncodingParams { ssrc: Some(SSRC), rtx_ssrc: Some(2), rid: None }],
        paused: false,
    };
    let mut producer = Producer::new(Time::ZERO, &params, Duration::from_secs(3)).expect("the parameters are valid");
    producer.enable_history();
    producer
}

fn consumer(producer: &Producer) -> Consumer {
    let params = ConsumerParams {
        transport_id: 2,
        producer_id: 1,
        ssrc: 3,
        rtx_ssrc: Some(4),
        mid: Some("1".to_owned()),
        cname: "bench".to_owned(),
        payload_types: vec![PayloadTypeMapping {
            producer_payload_type: PAYLOAD_TYPE,
            payload_type: 120,
            rtx_payload_type: Some(121),
        }],
        redundancy_payload_type: None,
        rtcp_feedback: vec!["nack".to_owned()],
        paused: false,
    };
    let mut consumer = Consumer::new(&params, producer, 77, Duration::from_secs(3)).expect("the parameters are valid");
    consumer.set_extensions(&extensions(1), &extensions(5));
    consumer
}

fn packet(number: u64) -> Vec<u8> {
    let fields = Fields {
        marker: number.is_multiple_of(3),
        payload_type: PAYLOAD_TYPE,
        sequence_number: number as u16,
        timestamp: number as u32 * 45,
        ssrc: SSRC,
    };
    let mut bytes = vec![0xab; 100 + PAYLOAD_LEN];
    let elements: [(u8, &[u8]); 4] = [(1, b"0"), (2, &[1, 2]), (3, &[1, 2, 3]), (4, &[0])];
    let header_len = write_header(&mut bytes, &fields, elements).expect("there is room");
    bytes.truncate(header_len + PAYLOAD_LEN);
    // A descriptor with picture id and TL0PICIDX, and the first byte of a keyframe or another frame.
    let head = [0x90, 0xc0, 0x80, number as u8, number as u8, u8::from(number != 0)];
    bytes[header_len..header_len + head.len()].copy_from_slice(&head);
    bytes
}

/// Median of the rounds, in nanoseconds a packet.
fn median(mut rounds: Vec<Duration>) -> f64 {
    rounds.sort_unstable();
    rounds[rounds.len() / 2].as_nanos() as f64 / PACKETS as f64
}

fn main() {
    let packets: Vec<Vec<u8>> = (0..PACKETS).map(packet).collect();
    let at = |number: u64| Time::ZERO + PACE * number as u32;
    let mut out = vec![0; 2_048];
    let (mut copying, mut receiving, mut forwarding, mut resending) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for bytes in &packets {
            out[..bytes.len()].copy_from_slice(bytes);
            black_box(&mut out);
        }
        copying.push(start.elapsed());

        let (receive_map, mut pool) = (extensions(1), BlockPool::new(1_000));
        let mut producer = producer();
        let mut consumer = consumer(&producer);
        let (mut received, mut forwarded, mut resent) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        for (number, bytes) in (0..).zip(&packets) {
            let start = Instant::now();
            let packet = RtpPacket::parse(bytes).expect("it was written by us");
            let values = receive_map.read(&packet);
            let Received::Media(media) = producer.receive(at(number), at(number), &packet, &values, &mut pool) else {
                unreachable!("every packet is new and of the producer");
            };
            let after_receive = Instant::now();
            let composed = consumer.forward(at(number), &media, &mut out).expect("it started at a keyframe");
            black_box((&mut out, composed));
            let after_forward = Instant::now();
            if let Some(resend) = consumer.on_nack(at(number), 77_u16.wrapping_add(number as u16), &producer) {
                black_box(consumer.resend(&resend, &mut out));
            }
            resent += after_forward.elapsed();
            received += after_receive - start;
            forwarded += after_forward - after_receive;
        }
        receiving.push(received);
        forwarding.push(forwarded);
        resending.push(resent);
    }
    println!("ns a packet of {PAYLOAD_LEN} bytes (the last three with about 25 ns of clock reading each)");
    for (name, rounds) in [
        ("copy of the packet", copying),
        ("Producer::receive", receiving),
        ("Consumer::forward", forwarding),
        ("on_nack and resend", resending),
    ] {
        println!("{name:>20}: {:6.1}", median(rounds));
    }
}
