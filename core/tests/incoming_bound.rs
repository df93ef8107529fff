//! Publishers that are told by REMB what anybody takes of what they send.

mod common;

use _core::command::Command;
use _core::packet::rtcp::{Packet, packets};
use _core::packet::rtp::Fields;
use _core::params::TransportUpdate;

use common::media::{self, VP8, vp8_payload};
use common::{Client, Sim};

/// Frames of a second.
const SECOND: u16 = 25;

/// A camera of transport 10, whose packets have transport-wide numbers where they are `numbered`.
struct Call {
    sim: Sim,
    publisher: Client,
    numbered: bool,
    frames: u16,
}

impl Call {
    fn new(heeds_remb: bool, numbered: bool) -> Call {
        let mut sim = Sim::new();
        let publisher = Client::connect(&mut sim, 1, 10);
        let mut params = media::video_params(10, Some(5_000));
        if heeds_remb {
            params.codecs[0].rtcp_feedback.push("goog-remb".to_owned());
        }
        sim.command(Command::CreateProducer { producer_id: 100, params });
        sim.assert_no_failure();
        Call { sim, publisher, numbered, frames: 0 }
    }

    fn bound(&mut self, bitrate: u64) {
        let update = TransportUpdate { max_incoming_bitrate: Some(bitrate), ..TransportUpdate::default() };
        self.sim.command(Command::UpdateTransport { transport_id: 10, update });
        self.sim.assert_no_failure();
    }

    /// What the publisher is told while it sends so many frames.
    fn told(&mut self, frames: u16) -> Vec<u64> {
        let mut told = Vec::new();
        for _ in 0..frames {
            self.frames += 1;
            let (number, timestamp) = (self.frames, u32::from(self.frames) * 3_600);
            let fields = Fields { marker: true, payload_type: VP8, sequence_number: number, timestamp, ssrc: 5_000 };
            let counted = number.to_be_bytes();
            let extensions: &[(u8, &[u8])] = if self.numbered { &[(4, b"v"), (3, &counted)] } else { &[(4, b"v")] };
            let frame = media::packet(&fields, extensions, &vp8_payload(number, number == 1, 1_000));
            self.publisher.send_rtp(&mut self.sim, &frame);
            self.sim.run_ms(40);
            self.take(&mut told);
        }
        told
    }

    fn take(&mut self, told: &mut Vec<u64>) {
        for compound in self.publisher.received(&mut self.sim).rtcp {
            for packet in packets(&compound) {
                if let Ok(Packet::Remb(remb)) = packet {
                    assert_eq!(remb.ssrcs().collect::<Vec<_>>(), [5_000]);
                    told.push(remb.bitrate);
                }
            }
        }
    }
}

#[test]
fn a_bound_is_told_at_once_and_once_a_second_and_a_lower_one_at_once() {
    let mut call = Call::new(true, true);
    assert!(call.told(3 * SECOND).is_empty(), "nothing bounds it, and its packets are told of singly");
    call.bound(256_000);
    assert_eq!(call.told(1), [256_000]);
    assert_eq!(call.told(3 * SECOND), [256_000; 3]);
    call.bound(128_000);
    assert_eq!(call.told(1), [128_000]);
    call.bound(512_000);
    assert!(call.told(10).is_empty(), "a rise has time");
    assert_eq!(call.told(SECOND), [512_000]);
}

#[test]
fn it_is_told_also_while_no_packet_comes() {
    let mut call = Call::new(true, true);
    call.told(1);
    call.bound(256_000);
    call.sim.run_ms(2_500);
    let mut told = Vec::new();
    call.take(&mut told);
    assert_eq!(told, [256_000; 3]);
}

#[test]
fn who_is_let_go_is_told_so_a_few_times_and_then_nothing() {
    let mut call = Call::new(true, true);
    call.told(1);
    call.bound(256_000);
    call.told(SECOND);
    call.bound(0);
    let told = call.told(20 * SECOND);
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told.iter().all(|bitrate| *bitrate > 900_000_000), "{told:?}");
    call.bound(0);
    assert!(call.told(5 * SECOND).is_empty());
}

#[test]
fn where_the_line_carries_less_than_the_bound_that_is_told() {
    let mut call = Call::new(true, false);
    let line = call.told(3 * SECOND);
    let carried = *line.last().unwrap();
    call.bound(4_000_000);
    assert!(call.told(3 * SECOND).iter().all(|bitrate| *bitrate < 1_000_000), "it carries {carried} bit/s");
    call.bound(128_000);
    let told = call.told(3 * SECOND);
    assert!((3..=4).contains(&told.len()), "both are one message: {told:?}");
    assert!(told.iter().all(|bitrate| *bitrate == 128_000), "{told:?}");
    call.bound(0);
    let told = call.told(10 * SECOND);
    assert!(told.len() >= 9, "what the line carries is told further: {told:?}");
    assert!(told.iter().all(|bitrate| (carried..1_000_000).contains(bitrate)), "{told:?}");
}

#[test]
fn who_did_not_negotiate_it_is_told_nothing() {
    for numbered in [true, false] {
        let mut call = Call::new(false, numbered);
        call.bound(256_000);
        assert!(call.told(3 * SECOND).is_empty());
    }
}

#[test]
fn before_its_first_packet_nobody_is_told_anything() {
    let mut sim = Sim::new();
    let mut publisher = Client::connect(&mut sim, 1, 10);
    let mut params = media::video_params(10, None);
    params.codecs[0].rtcp_feedback.push("goog-remb".to_owned());
    sim.command(Command::CreateProducer { producer_id: 100, params });
    let update = TransportUpdate { max_incoming_bitrate: Some(256_000), ..TransportUpdate::default() };
    sim.command(Command::UpdateTransport { transport_id: 10, update });
    sim.run_ms(3_000);
    assert!(publisher.received(&mut sim).rtcp.is_empty());
}
