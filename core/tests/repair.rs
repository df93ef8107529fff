//! Loss, reports and feedback between publishers, the engine and receivers.

mod common;

use _core::command::Command;
use _core::event::Event;
use _core::packet::rtcp::{DelaySinceLastRr, ExtendedReportBlock, Packet, ReportBlock, SenderInfo, packets};
use _core::packet::rtp::{Fields, RtpPacket};
use _core::params::{CodecParams, PayloadTypeMapping};

use common::client::TWCC;
use common::media::{self, Camera};
use common::{Client, Sim};

/// A camera of transport 10 that is shown on transports 20 and 30.
fn two_viewers(sim: &mut Sim) -> (Client, [Client; 2], Camera) {
    let publisher = Client::connect(sim, 1, 10);
    let viewers = [20, 30].map(|id| Client::connect(sim, 1, id));
    sim.command(Command::CreateProducer { producer_id: 100, params: media::video_params(10, Some(5_000)) });
    for id in [20, 30] {
        sim.command(Command::CreateConsumer { consumer_id: id, params: media::video_consumer(id, 100, 9_000) });
    }
    sim.assert_no_failure();
    (publisher, viewers, Camera::new(5_000))
}

fn numbers(packets: &[Vec<u8>]) -> Vec<u16> {
    packets.iter().map(|packet| RtpPacket::parse(packet).unwrap().header.sequence_number).collect()
}

/// The sequence numbers that compounds ask for.
fn nacked(compounds: &[Vec<u8>]) -> Vec<u16> {
    let mut asked = Vec::new();
    for packet in compounds.iter().flat_map(|compound| packets(compound)) {
        if let Ok(Packet::Nack(nack)) = packet {
            asked.extend(nack.sequence_numbers());
        }
    }
    asked
}

#[test]
fn what_one_receiver_lost_is_sent_again_to_it_alone() {
    let mut sim = Sim::new();
    let (mut publisher, [mut lossy, mut other], mut camera) = two_viewers(&mut sim);
    let mut first = None;
    for n in 0..100 {
        publisher.send_rtp(&mut sim, &camera.frame(n == 0));
        let got = lossy.received(&mut sim).rtp;
        first = first.or_else(|| numbers(&got).first().copied());
        sim.run_ms(10);
    }
    let first = first.unwrap();
    let lost: Vec<u16> = (90..95).map(|n| first.wrapping_add(n)).collect();
    other.received(&mut sim);
    publisher.received(&mut sim);
    lossy.send_rtcp(&mut sim, |writer| {
        writer.nack(1, 9_000, lost.iter().copied()).unwrap();
    });
    let repaired = lossy.received(&mut sim).rtp;
    let originals: Vec<u16> = repaired
        .iter()
        .map(|packet| {
            let packet = RtpPacket::parse(packet).unwrap();
            assert_eq!((packet.header.ssrc, packet.header.payload_type), (9_001, 101));
            u16::from_be_bytes([packet.payload()[0], packet.payload()[1]])
        })
        .collect();
    assert_eq!(originals, lost);
    assert!(other.received(&mut sim).rtp.is_empty());
    assert!(nacked(&publisher.received(&mut sim).rtcp).is_empty());
    assert_eq!((sim.engine.counters().nacks_received, sim.engine.counters().retransmissions), (5, 5));
}

/// Sound whose publisher repeats each frame with the next packet (RFC 2198).
struct RepeatingTalker {
    frames: u16,
}

impl RepeatingTalker {
    const OPUS: u8 = 111;
    const RED: u8 = 63;

    /// The frame is its number.
    fn packet(&mut self) -> Vec<u8> {
        let number = self.frames;
        self.frames += 1;
        let earlier = (number - 1).to_be_bytes();
        let mut payload = vec![0x80 | Self::OPUS, 0x0f, 0x00, 0x02, Self::OPUS];
        payload.extend_from_slice(&earlier);
        payload.extend_from_slice(&number.to_be_bytes());
        let fields = Fields {
            payload_type: Self::RED,
            sequence_number: 65_530_u16.wrapping_add(number),
            timestamp: u32::from(number) * 960,
            ssrc: 5_000,
            marker: false,
        };
        media::packet(&fields, &[], &payload)
    }
}

/// The newest frame of each packet, by the receiver's numbers.
fn frames(packets: &[Vec<u8>]) -> Vec<u16> {
    let mut packets: Vec<_> = packets.iter().map(|packet| RtpPacket::parse(packet).unwrap()).collect();
    packets.sort_by_key(|packet| packet.header.timestamp);
    packets.iter().map(|packet| *packet.payload().last_chunk().unwrap()).map(u16::from_be_bytes).collect()
}

#[test]
fn sound_that_is_repeated_is_passed_on_and_not_asked_for() {
    let mut sim = Sim::new();
    let mut publisher = Client::connect(&mut sim, 1, 10);
    let mut knows = Client::connect(&mut sim, 1, 20);
    let mut plain = Client::connect(&mut sim, 1, 30);
    let mut params = media::audio_params(10, Some(5_000));
    params.codecs[0].rtcp_feedback.push("nack".into());
    let opus = &params.codecs[0];
    let red = CodecParams { payload_type: RepeatingTalker::RED, name: "red".into(), ..opus.clone() };
    params.codecs.insert(0, red);
    sim.command(Command::CreateProducer { producer_id: 100, params });
    for (id, takes) in [(20, true), (30, false)] {
        let mut params = media::audio_consumer(id, 100, 9_000);
        params.payload_types[0].payload_type = 109;
        params.payload_types.extend(takes.then_some(PayloadTypeMapping {
            producer_payload_type: RepeatingTalker::RED,
            payload_type: 62,
            rtx_payload_type: None,
        }));
        sim.command(Command::CreateConsumer { consumer_id: id, params });
    }
    sim.assert_no_failure();
    let mut talker = RepeatingTalker { frames: 1 };
    for number in 1..40 {
        let packet = talker.packet();
        // The first is with the second; one is lost alone, and three in a row, of which two are nowhere.
        if ![10, 20, 21, 22].contains(&number) {
            publisher.send_rtp(&mut sim, &packet);
        }
        sim.run_ms(20);
    }
    let heard: Vec<u16> = (0..40).filter(|number| ![20, 21].contains(number)).collect();
    for listener in [&mut knows, &mut plain] {
        let received = listener.received(&mut sim).rtp;
        assert_eq!(frames(&received), heard);
        let first = numbers(&received)[0];
        let mut seen: Vec<u16> = numbers(&received).iter().map(|number| number.wrapping_sub(first)).collect();
        seen.sort_unstable();
        assert_eq!(seen, heard, "each has its own place, and what is missing still has one");
    }
    sim.run_ms(6_000);
    let compounds = publisher.received(&mut sim).rtcp;
    let mut asked = nacked(&compounds);
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked, [65_530_u16.wrapping_add(20), 65_530_u16.wrapping_add(21)]);
    let lost = compounds.iter().flat_map(|compound| packets(compound)).filter_map(|packet| match packet {
        Ok(Packet::ReceiverReport(report)) => report.reports().map(|block| block.cumulative_lost).max(),
        _ => None,
    });
    assert!(lost.max() == Some(4), "reports are of packets, whatever was in the others");
}

/// A blackout too short to be told from silence, and too long to be repaired: the receiver is not left to wait until it
/// asks by itself.
#[test]
fn what_is_too_old_to_be_sent_again_is_made_up_for_by_a_keyframe() {
    let mut sim = Sim::new();
    let (mut publisher, [mut lossy, _], mut camera) = two_viewers(&mut sim);
    let mut show = |sim: &mut Sim, publisher: &mut Client, frames: usize, keyframe: bool| {
        for n in 0..frames {
            publisher.send_rtp(sim, &camera.frame(keyframe && n == 0));
            sim.run_ms(33);
        }
    };
    show(&mut sim, &mut publisher, 30, true);
    let old = *numbers(&lossy.received(&mut sim).rtp).last().unwrap();
    show(&mut sim, &mut publisher, 30, false);
    let plis = |publisher: &mut Client, sim: &mut Sim| {
        sim.run_ms(100);
        let compounds = publisher.received(sim).rtcp;
        let all: Vec<_> = compounds.iter().flat_map(|compound| packets(compound)).collect();
        all.iter().filter(|packet| matches!(packet, Ok(Packet::Pli(_)))).count()
    };
    plis(&mut publisher, &mut sim);
    let ask = |lossy: &mut Client, sim: &mut Sim, numbers: &[u16]| {
        lossy.send_rtcp(sim, |writer| {
            writer.nack(1, 9_000, numbers.iter().copied()).unwrap();
        });
    };
    let lost: Vec<u16> = (1..=30).map(|n| old.wrapping_add(n)).collect();
    ask(&mut lossy, &mut sim, &lost);
    assert_eq!(plis(&mut publisher, &mut sim), 1);
    show(&mut sim, &mut publisher, 20, true);
    ask(&mut lossy, &mut sim, &lost);
    assert_eq!(plis(&mut publisher, &mut sim), 0, "it has come");
}

#[test]
fn what_is_lost_on_the_way_to_the_engine_is_asked_for_and_passed_on() {
    let mut sim = Sim::new();
    let (mut publisher, [mut viewer, _], mut camera) = two_viewers(&mut sim);
    let first = camera.frame(true);
    publisher.send_rtp(&mut sim, &first);
    let lost = camera.frame(false);
    let lost_number = RtpPacket::parse(&lost).unwrap().header.sequence_number;
    for _ in 0..3 {
        publisher.send_rtp(&mut sim, &camera.frame(false));
    }
    sim.run_ms(50);
    assert_eq!(nacked(&publisher.received(&mut sim).rtcp)[0], lost_number);
    let mut got = numbers(&viewer.received(&mut sim).rtp);
    let start = got[0];
    let keyframes = sim.engine.counters().keyframe_requests_sent;
    viewer.send_rtcp(&mut sim, |writer| {
        writer.nack(1, 9_000, [start.wrapping_add(1)]).unwrap();
    });
    sim.run_ms(100);
    assert_eq!(sim.engine.counters().keyframe_requests_sent, keyframes, "it is to come yet");
    publisher.send_rtp(&mut sim, &media::rtx(&lost, 5_001, 1));
    sim.run_ms(1_000);
    assert!(nacked(&publisher.received(&mut sim).rtcp).iter().all(|number| *number == lost_number));
    got.extend(numbers(&viewer.received(&mut sim).rtp));
    got.sort_by_key(|number| number.wrapping_sub(start));
    assert_eq!(got, (0..5).map(|n| start.wrapping_add(n)).collect::<Vec<u16>>());
    sim.command(Command::TransportStats { request_id: 1, transport_id: 10 });
    let events = sim.take_events();
    let Some(Event::TransportStats { stats: Some(stats), .. }) = events.last() else { panic!("{events:?}") };
    assert_eq!((stats.producers[0].packets, stats.producers[0].retransmissions_received), (5, 1));
}

#[test]
fn twenty_percent_loss_on_one_line_leaves_no_gap() {
    let mut sim = Sim::new();
    let (mut publisher, [mut lossy, mut other], mut camera) = two_viewers(&mut sim);
    let mut random = 1_u32;
    let mut have = std::collections::BTreeSet::new();
    let mut highest = None;
    for n in 0..1_000 {
        publisher.send_rtp(&mut sim, &camera.frame(n == 0));
        for packet in lossy.received(&mut sim).rtp {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if random >> 24 < 51 && have.len() > 10 {
                continue;
            }
            let packet = RtpPacket::parse(&packet).unwrap();
            let number = match packet.header.ssrc {
                9_000 => packet.header.sequence_number,
                _ => u16::from_be_bytes([packet.payload()[0], packet.payload()[1]]),
            };
            have.insert(number);
            highest = highest.max(Some(number));
        }
        let missing: Vec<u16> =
            have.first().into_iter().flat_map(|first| *first..highest.unwrap()).filter(|n| !have.contains(n)).collect();
        if n % 3 == 0 && !missing.is_empty() {
            lossy.send_rtcp(&mut sim, |writer| {
                writer.nack(1, 9_000, missing.iter().copied().take(50)).unwrap();
            });
        }
        sim.run_ms(20);
    }
    let first = *have.first().unwrap();
    let missing = (first..first + 980).filter(|number| !have.contains(number)).count();
    assert_eq!(missing, 0);
    assert_eq!(other.received(&mut sim).rtp.len(), 1_000);
    assert_eq!(sim.engine.counters().nacks_sent, 0, "the publisher is not bothered");
}

#[test]
fn reports_carry_the_publishers_clock_to_the_receiver_and_the_truth_to_the_publisher() {
    let mut sim = Sim::new();
    let (mut publisher, [mut viewer, _], mut camera) = two_viewers(&mut sim);
    for n in 0..100 {
        publisher.send_rtp(&mut sim, &camera.frame(n == 0));
        if n % 25 == 0 {
            let info = SenderInfo {
                ntp: u64::from(n) << 32,
                rtp_timestamp: camera.timestamp,
                packet_count: n,
                octet_count: 0,
            };
            publisher.send_rtcp(&mut sim, |writer| writer.sender_report(5_000, &info, &[]).unwrap());
        }
        sim.run_ms(33);
    }
    let (mut reports, mut names) = (0, 0);
    for packet in viewer.received(&mut sim).rtcp.iter().flat_map(|compound| packets(compound)) {
        match packet.unwrap() {
            Packet::SenderReport(report) => {
                assert_eq!(report.ssrc, 9_000);
                assert!(report.info.packet_count > 0);
                reports += 1;
            }
            Packet::SourceDescription(_) => names += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!((2..=4).contains(&reports), "{reports}");
    assert_eq!(reports, names);
    let mut blocks: Vec<ReportBlock> = Vec::new();
    for packet in publisher.received(&mut sim).rtcp.iter().flat_map(|compound| packets(compound)) {
        if let Packet::ReceiverReport(report) = packet.unwrap() {
            blocks.extend(report.reports());
        }
    }
    let last = blocks.last().unwrap();
    assert_eq!((last.ssrc, last.cumulative_lost), (5_000, 0));
    assert!(last.last_sender_report != 0);
}

#[test]
fn transport_wide_feedback_tells_what_arrived() {
    let mut sim = Sim::new();
    let (mut publisher, _, _) = two_viewers(&mut sim);
    assert_eq!(TWCC.len(), 73);
    for n in 0..30_u16 {
        let fields = Fields { marker: true, payload_type: media::VP8, sequence_number: n, timestamp: 0, ssrc: 5_000 };
        let payload = media::vp8_payload(n, n == 0, 200);
        if n != 7 {
            publisher.send_rtp(&mut sim, &media::packet(&fields, &[(3, &(1_000 + n).to_be_bytes())], &payload));
        }
        sim.run_ms(10);
    }
    sim.run_ms(200);
    let mut arrived = Vec::new();
    let mut compounds = 0;
    for packet in publisher.received(&mut sim).rtcp.iter().flat_map(|compound| packets(compound)) {
        if let Packet::TransportFeedback(feedback) = packet.unwrap() {
            arrived.extend(feedback.arrivals().map(|arrival| arrival.sequence_number - 1_000));
            compounds += 1;
        }
    }
    assert_eq!(arrived, (0..30).filter(|n| *n != 7).collect::<Vec<u16>>());
    assert!((3..=5).contains(&compounds), "{compounds}");
}

#[test]
fn watchdogs_see_a_publisher_stop_and_a_receiver_that_gets_nothing() {
    let mut sim = Sim::new();
    let (mut publisher, [mut viewer, _], mut camera) = two_viewers(&mut sim);
    sim.take_events();
    let mut highest = 0;
    for n in 0..300 {
        publisher.send_rtp(&mut sim, &camera.frame(n == 0));
        for number in numbers(&viewer.received(&mut sim).rtp) {
            highest = u32::from(number);
        }
        if n % 30 == 29 && n < 150 {
            let block = ReportBlock { ssrc: 9_000, highest_sequence_number: highest, ..Default::default() };
            viewer.send_rtcp(&mut sim, |writer| writer.receiver_report(1, &[block]).unwrap());
        }
        sim.run_ms(33);
    }
    let is = |event: &Event, wanted: &Event| event == wanted;
    let events = sim.take_events();
    let count = |wanted: Event| events.iter().filter(|event| is(event, &wanted)).count();
    assert_eq!(count(Event::ProducerLive { producer_id: 100 }), 1);
    assert_eq!(count(Event::ConsumerLive { consumer_id: 20 }), 1);
    assert_eq!(count(Event::ConsumerStalled { consumer_id: 20 }), 1, "its reports ceased");
    assert_eq!(count(Event::ConsumerLive { consumer_id: 30 }), 0, "it never reported");
    sim.run_ms(5_000);
    assert!(sim.take_events().contains(&Event::ProducerStalled { producer_id: 100 }));
    publisher.send_rtp(&mut sim, &camera.frame(false));
    sim.run_ms(100);
    assert!(sim.take_events().contains(&Event::ProducerLive { producer_id: 100 }));
}

#[test]
fn a_publisher_that_moved_is_asked_for_a_keyframe() {
    let mut sim = Sim::new();
    let (mut publisher, _viewers, mut camera) = two_viewers(&mut sim);
    publisher.send_rtp(&mut sim, &camera.frame(true));
    sim.run_ms(5_000);
    publisher.received(&mut sim);
    let asks = |compounds: &[Vec<u8>]| {
        let packets = compounds.iter().flat_map(|compound| packets(compound));
        packets.filter(|packet| matches!(packet, Ok(Packet::Pli(_)))).count()
    };
    publisher.path = common::udp(4_711);
    publisher.check(&mut sim, true);
    sim.run_ms(50);
    assert_eq!(asks(&publisher.received(&mut sim).rtcp), 1);
}

/// The reference time in a compound: who asks, and the middle of its NTP time.
fn reference_time(compounds: &[Vec<u8>]) -> Option<(u32, u32)> {
    compounds.iter().flat_map(|compound| packets(compound)).find_map(|packet| {
        let Ok(Packet::ExtendedReports(reports)) = packet else { return None };
        reports.blocks().find_map(|block| match block {
            ExtendedReportBlock::ReceiverReferenceTime(ntp) => Some((reports.ssrc, (ntp >> 16) as u32)),
            ExtendedReportBlock::DelaySinceLastRr(_) => None,
        })
    })
}

#[test]
fn a_publisher_that_only_sends_is_asked_again_by_the_round_trip_of_reports() {
    let mut sim = Sim::new();
    let (mut publisher, _, mut camera) = two_viewers(&mut sim);
    let mut asked = None;
    for n in 0..200 {
        publisher.send_rtp(&mut sim, &camera.frame(n == 0));
        sim.run_ms(10);
        asked = asked.or_else(|| reference_time(&publisher.received(&mut sim).rtcp));
        if asked.is_some() {
            break;
        }
    }
    let (ssrc, last_receiver_reference) = asked.expect("a report every second");
    sim.run_ms(40);
    let answer = |delay| [DelaySinceLastRr { ssrc, last_receiver_reference, delay }];
    publisher.send_rtcp(&mut sim, |writer| writer.delay_since_last_rr(5_000, &answer(0)).unwrap());
    // One that would have us wait for ever is not believed.
    publisher.send_rtcp(&mut sim, |writer| writer.delay_since_last_rr(5_000, &answer(1 << 30)).unwrap());
    publisher.received(&mut sim);
    camera.frame(false);
    publisher.send_rtp(&mut sim, &camera.frame(false));
    sim.run_ms(80);
    let times = nacked(&publisher.received(&mut sim).rtcp).len();
    assert_eq!(times, 2, "after 5 ms, and some 50 ms later: without a round trip it would be over a hundred");
}

#[test]
fn a_publisher_without_transport_wide_feedback_is_told_by_remb_what_its_line_carries() {
    for heeds in [true, false] {
        let mut sim = Sim::new();
        let mut publisher = Client::connect(&mut sim, 1, 10);
        let mut params = media::video_params(10, Some(5_000));
        if heeds {
            params.codecs[0].rtcp_feedback.push("goog-remb".to_owned());
        }
        sim.command(Command::CreateProducer { producer_id: 100, params });
        let mut camera = Camera::new(5_000);
        let mut told = Vec::new();
        for number in 0..150 {
            publisher.send_rtp(&mut sim, &camera.frame(number == 0));
            sim.run_ms(33);
            for compound in publisher.received(&mut sim).rtcp {
                for packet in packets(&compound) {
                    if let Ok(Packet::Remb(remb)) = packet {
                        told.push((remb.bitrate, remb.ssrcs().collect::<Vec<_>>()));
                    }
                }
            }
        }
        assert_eq!(!told.is_empty(), heeds, "only where it was negotiated");
        assert!(told.len() <= 5, "once a second");
        assert!(told.iter().all(|(bitrate, ssrcs)| *bitrate >= 290_000 && ssrcs == &[5_000]), "{told:?}");
    }
}
