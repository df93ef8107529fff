//! A publisher with camera and microphone, and one viewer of both, who tells what arrives.

use _core::command::Command;
use _core::event::{Event, TransportStats};
use _core::packet::rtcp::{Packet, packets};
use _core::packet::rtp::Fields;
use _core::params::{ConsumerParams, TransportDemand};

use super::media;
use super::viewer::{Departure, Viewer};
use super::{Client, Sim};

/// SSRCs as the viewer gets them.
pub const VIDEO: u32 = 9_000;
pub const RTX: u32 = 9_001;
pub const AUDIO: u32 = 9_500;

/// A publisher with camera and microphone on transport 10, and one viewer of both on transport 20.
pub struct Call {
    pub sim: Sim,
    pub publisher: Client,
    pub viewer: Viewer,
    pub camera: media::Camera,
    audio_number: u16,
}

impl Call {
    /// `start_bitrate` is the viewer's estimate to begin with.
    pub fn new(start_bitrate: u64) -> Call {
        let mut sim = Sim::new();
        let publisher = Client::connect(&mut sim, 1, 10);
        let viewer = Viewer::connect(&mut sim, 1, 20, start_bitrate);
        sim.command(Command::CreateProducer { producer_id: 100, params: media::video_params(10, Some(5_000)) });
        sim.command(Command::CreateProducer { producer_id: 101, params: media::audio_params(10, Some(5_100)) });
        // Sound first, as most calls begin, and held, as it is where it is sent again: nothing that is sent for a probe's
        // sake may be taken from there.
        let sound = ConsumerParams { rtcp_feedback: vec!["nack".into()], ..media::audio_consumer(20, 101, AUDIO) };
        sim.command(Command::CreateConsumer { consumer_id: 201, params: sound });
        sim.command(Command::CreateConsumer { consumer_id: 200, params: media::video_consumer(20, 100, VIDEO) });
        let mut call = Call { sim, publisher, viewer, camera: media::Camera::new(5_000), audio_number: 0 };
        call.demand(start_bitrate);
        call
    }

    pub fn demand(&mut self, bitrate: u64) {
        let demand = TransportDemand { allocated: bitrate, desired: bitrate };
        self.sim.command(Command::SetTransportDemand { transport_id: 20, demand });
        self.sim.assert_no_failure();
    }

    /// A frame of so many packets of 1,000 bytes.
    pub fn frame(&mut self, keyframe: bool, packets: usize) {
        for packet in self.camera.large_frame(keyframe, packets, 1_000) {
            self.publisher.send_rtp(&mut self.sim, &packet);
        }
        self.viewer.receive(&mut self.sim);
    }

    pub fn sound(&mut self) {
        self.audio_number = self.audio_number.wrapping_add(1);
        let fields = Fields {
            marker: false,
            payload_type: media::OPUS,
            sequence_number: self.audio_number,
            timestamp: u32::from(self.audio_number) * 960,
            ssrc: 5_100,
        };
        self.publisher.send_rtp(&mut self.sim, &media::packet(&fields, &[(4, b"a")], &[9; 80]));
        self.viewer.receive(&mut self.sim);
    }

    /// Sound for so long, and the picture `fps` times a second (0 for none).
    pub fn talk(&mut self, millis: u64, fps: u64, packets: usize) {
        for at in (0..millis).step_by(5) {
            if at.is_multiple_of(20) {
                self.sound();
            }
            if fps > 0 && at % (1_000 / fps).next_multiple_of(5) == 0 {
                self.frame(false, packets);
            }
            self.sim.run_ms(5);
            self.viewer.receive(&mut self.sim);
        }
    }

    pub fn stats(&mut self) -> TransportStats {
        self.sim.command(Command::TransportStats { request_id: 1, transport_id: 20 });
        let stats = self.sim.take_events().into_iter().rev().find_map(|event| match event {
            Event::TransportStats { stats, .. } => stats,
            _ => None,
        });
        stats.unwrap()
    }

    pub fn keyframes_asked_for(&mut self) -> usize {
        let compounds = self.publisher.received(&mut self.sim).rtcp;
        let all = compounds.iter().flat_map(|compound| packets(compound));
        all.filter(|packet| matches!(packet, Ok(Packet::Pli(_) | Packet::Fir(_)))).count()
    }
}

/// Those of one stream.
pub fn of(departures: &[Departure], ssrc: u32) -> Vec<&Departure> {
    departures.iter().filter(|departure| departure.ssrc == ssrc).collect()
}
