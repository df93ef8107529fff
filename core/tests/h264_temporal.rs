//! H.264 whose encoder marks frames that others do without: receivers with thin lines get the rest.

mod common;

use _core::command::Command;
use _core::packet::rtp::{Fields, RtpPacket};
use _core::params::ConsumerAllocation;

use common::media::{self, VP8, packet};
use common::{Client, Sim};

const SSRC: u32 = 5_000;

struct Call {
    sim: Sim,
    publisher: Client,
    viewer: Client,
    sequence_number: u16,
    frame: u32,
    last: Option<u16>,
}

impl Call {
    fn new() -> Call {
        let mut sim = Sim::new();
        let publisher = Client::connect(&mut sim, 1, 10);
        let viewer = Client::connect(&mut sim, 1, 20);
        let mut params = media::video_params(10, Some(SSRC));
        params.codecs[0].name = "H264".to_owned();
        sim.command(Command::CreateProducer { producer_id: 100, params });
        sim.command(Command::CreateConsumer { consumer_id: 200, params: media::video_consumer(20, 100, 9_000) });
        sim.assert_no_failure();
        Call { sim, publisher, viewer, sequence_number: 65_530, frame: 0, last: None }
    }

    fn allocate(&mut self, temporal: u8) {
        let allocation = ConsumerAllocation { spatial: 0, temporal, priority: 0, still_interval_ms: None };
        self.sim.command(Command::AllocateConsumer { consumer_id: 200, allocation });
        self.sim.assert_no_failure();
    }

    /// So many frames, the first one of the call a keyframe, every second one of no use to others, each in two
    /// fragments; the frames that arrive whole, without a gap in sequence numbers.
    fn frames(&mut self, count: usize) -> Vec<u32> {
        let mut got = Vec::new();
        for _ in 0..count {
            let (nri, nal_type) = match self.frame {
                0 => (0x60, 5),
                odd if odd % 2 == 1 => (0, 1),
                _ => (0x40, 1),
            };
            for (head, marker) in [(0x80, false), (0x40, true)] {
                self.sequence_number = self.sequence_number.wrapping_add(1);
                let fields = Fields {
                    marker,
                    payload_type: VP8,
                    sequence_number: self.sequence_number,
                    timestamp: self.frame * 3_000,
                    ssrc: SSRC,
                };
                let payload = [&[nri | 28, head | nal_type, self.frame as u8][..], &[0x55; 100]].concat();
                let bytes = packet(&fields, &[(4, b"v")], &payload);
                self.publisher.send_rtp(&mut self.sim, &bytes);
            }
            self.frame += 1;
            self.sim.run_ms(33);
            for bytes in self.viewer.received(&mut self.sim).rtp {
                let packet = RtpPacket::parse(&bytes).unwrap();
                if packet.payload().is_empty() || packet.header.payload_type != 100 {
                    continue;
                }
                if let Some(last) = self.last.replace(packet.header.sequence_number) {
                    assert_eq!(packet.header.sequence_number, last.wrapping_add(1), "a gap");
                }
                if packet.header.marker {
                    got.push(u32::from(packet.payload()[2]));
                }
            }
        }
        got
    }
}

#[test]
fn frames_that_are_no_reference_are_left_out_at_once_and_taken_up_again_without_a_keyframe() {
    let mut call = Call::new();
    call.allocate(7);
    assert_eq!(call.frames(4), [0, 1, 2, 3]);
    call.allocate(0);
    assert_eq!(call.frames(6), [4, 6, 8]);
    call.allocate(7);
    assert_eq!(call.frames(4), [10, 11, 12, 13]);
}
