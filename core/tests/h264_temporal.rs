//! H.264 whose encoder marks frames that others do without: receivers with thin lines get the rest.

mod common;

use _core::command::Command;
use _core::packet::rtp::{Fields, RtpPacket};
use _core::params::ConsumerAllocation;

use common::client::{FRAME_MARKING, MID, extensions};
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
    /// How frames are marked, by number; without it `nal_ref_idc` tells.
    marks: Option<fn(u32) -> Vec<u8>>,
    /// What came of it to the viewer.
    told: Vec<Vec<u8>>,
}

/// The viewer's id of frame marking.
const MARK: u8 = 7;

impl Call {
    fn new() -> Call {
        Call::with(None, &[(MID, 9)])
    }

    fn with(marks: Option<fn(u32) -> Vec<u8>>, taken: &[(&str, u8)]) -> Call {
        let mut sim = Sim::new();
        let publisher = Client::connect(&mut sim, 1, 10);
        let viewer = Client::connect_with(&mut sim, 1, 20, extensions(taken), None);
        let mut params = media::video_params(10, Some(SSRC));
        params.codecs[0].name = "H264".to_owned();
        sim.command(Command::CreateProducer { producer_id: 100, params });
        sim.command(Command::CreateConsumer { consumer_id: 200, params: media::video_consumer(20, 100, 9_000) });
        sim.assert_no_failure();
        Call { sim, publisher, viewer, sequence_number: 65_530, frame: 0, last: None, marks, told: Vec::new() }
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
                odd if odd % 2 == 1 && self.marks.is_none() => (0, 1),
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
                let mark = self.marks.map(|marks| marks(self.frame)).unwrap_or_default();
                let extensions: [(u8, &[u8]); 2] = [(4, b"v"), (13, &mark)];
                let bytes = packet(&fields, &extensions[..if mark.is_empty() { 1 } else { 2 }], &payload);
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
                self.told.extend(packet.extensions().filter(|(id, _)| *id == MARK).map(|(_, data)| data.to_vec()));
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

/// Three temporal layers by the long form: 0 2 1 2. The first of the highest and the middle one refer to the lowest alone.
fn three_layers(frame: u32) -> Vec<u8> {
    let (flags, temporal) = [(0x00, 0), (0x18, 2), (0x08, 1), (0x10, 2)][frame as usize % 4];
    let independent = if frame == 0 { 0x20 } else { 0 };
    vec![0xc0 | independent | flags | temporal, 0, (frame / 4) as u8]
}

/// Every second frame is one that others do without, by the short form.
fn discardable(frame: u32) -> Vec<u8> {
    vec![0xc0 | if frame % 2 == 1 { 0x10 } else { 0 }]
}

#[test]
fn layers_by_frame_marking_alone_are_left_at_once_and_taken_up_where_one_can_begin() {
    let mut call = Call::with(Some(three_layers), &[(MID, 9), (FRAME_MARKING, MARK)]);
    call.allocate(7);
    assert_eq!(call.frames(4), [0, 1, 2, 3]);
    assert_eq!(call.told[0], [0xe0, 0], "under its other name and id, without the count of lowest frames");
    assert_eq!(call.told.len(), 8);
    call.allocate(1);
    assert_eq!(call.frames(4), [4, 6]);
    call.allocate(0);
    assert_eq!(call.frames(4), [8]);
    call.allocate(7);
    assert_eq!(call.frames(4), [12, 13, 14, 15]);
    call.allocate(0);
    assert_eq!(call.frames(3), [16]);
    call.allocate(7);
    assert_eq!(call.frames(4), [20, 21, 22], "number 19 refers to one that was left out");
}

#[test]
fn the_short_form_tells_of_two_layers_and_is_taken_out_for_who_does_not_know_it() {
    let mut call = Call::with(Some(discardable), &[(MID, 9)]);
    call.allocate(0);
    assert_eq!(call.frames(6), [0, 2, 4]);
    call.allocate(7);
    assert_eq!(call.frames(4), [6, 7, 8, 9]);
    assert_eq!(call.told, Vec::<Vec<u8>>::new());
}
