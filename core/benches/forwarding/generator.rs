//! Sends as all publishers, receives as all participants, and measures what the bridge adds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use _core::packet::rtp::{RtpHeader, RtpPacket};
use _core::transmit::TransmitQueue;

use crate::call::{AUDIO_PACKETS_PER_SECOND, Call, Side};
use crate::clients::Clients;
use crate::packets::{MAX_PACKET_LEN, STAMP_LEN};

/// Packets on their way into the bridge at saturation: enough that it never waits, few enough for its buffer.
const WINDOW: u64 = 1_200;
/// Without any progress for so long, packets on their way are taken for lost.
const STUCK: Duration = Duration::from_millis(300);
/// One video packet of so many is opened for its time stamp, at saturation and otherwise; and every audio packet.
const SAMPLING: [u16; 2] = [16, 4];
/// Longer packets are video.
const SMALL: usize = 300;
/// Frames sent at saturation before packets are received again.
const FRAMES_AT_ONCE: usize = 16;
/// A generator that is later than this offers less, instead of a burst that no network would bring.
const MAX_LATENESS: Duration = Duration::from_millis(5);
/// How long to wait for the last packets.
const DRAIN: Duration = Duration::from_millis(200);

/// How packets are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As many as the bridge takes.
    Saturation,
    /// Frames and audio packets at their times, publishers evenly spread.
    RealTime,
}

/// What was seen on the clients' side.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// RTP packets sent to the bridge.
    pub sent: u64,
    /// RTP packets received from it.
    pub delivered: u64,
    /// RTCP packets received from it.
    pub rtcp: u64,
    /// Time that the generator was behind and did not make up for.
    pub late: Duration,
    /// Delays of those that were opened, in nanoseconds: from just before they were written until the kernel had them
    /// for the receiver. How late the generator reads them is not the subject's doing.
    pub delays: Vec<u32>,
}

pub struct Generator {
    clients: Clients,
    pace: Pace,
    started: Instant,
    queue: TransmitQueue,
    /// When which publisher sends what next (saturation: only the order counts).
    due: BinaryHeap<Reverse<(u64, usize, bool)>>,
    /// Whether receivers tell what arrives.
    feedback: bool,
    pub traffic: Traffic,
}

impl Generator {
    pub fn new(clients: Clients, pace: Pace, feedback: bool) -> Self {
        let mut generator = Generator {
            clients,
            pace,
            started: Instant::now(),
            queue: TransmitQueue::new(),
            due: BinaryHeap::new(),
            feedback,
            traffic: Traffic::default(),
        };
        let call = generator.clients.call;
        let count = call.publishers().count() as u64;
        for (index, publisher) in call.publishers().enumerate() {
            let offset = |interval: Duration| interval.as_nanos() as u64 * index as u64 / count;
            generator.due.push(Reverse((offset(Call::frame_interval()), publisher, true)));
            if call.audio {
                generator.due.push(Reverse((offset(audio_interval()), publisher, false)));
            }
        }
        generator
    }

    /// Keeps the traffic going for `duration`.
    pub fn run(&mut self, duration: Duration) {
        self.forget_the_pause();
        self.traffic.late = Duration::ZERO;
        let end = self.started.elapsed() + duration;
        let mut progress = (self.traffic.delivered, Instant::now());
        let mut written_off = self.on_the_way();
        while self.started.elapsed() < end {
            match self.pace {
                Pace::Saturation => {
                    if self.traffic.delivered != progress.0 {
                        progress = (self.traffic.delivered, Instant::now());
                    } else if progress.1.elapsed() > STUCK {
                        written_off = self.on_the_way();
                    }
                    let window = WINDOW * self.clients.call.fan_out() as u64;
                    let room = window.saturating_sub(self.on_the_way().saturating_sub(written_off));
                    let frame = (self.clients.call.packets_per_frame * self.clients.call.fan_out()) as u64;
                    for _ in 0..(room / frame).min(FRAMES_AT_ONCE as u64) {
                        self.send_next();
                    }
                    self.receive(Duration::ZERO);
                }
                Pace::RealTime => {
                    let now = self.started.elapsed().as_nanos() as u64;
                    let next = self.due.peek().map_or(u64::MAX, |Reverse((at, ..))| *at);
                    if next <= now {
                        self.send_next();
                        self.receive(Duration::ZERO);
                        if now - next > MAX_LATENESS.as_nanos() as u64 {
                            self.forget_the_pause();
                        }
                    } else {
                        self.receive(Duration::from_nanos(next - now));
                    }
                }
            }
        }
    }

    /// What was due while nothing was sent is not made up for.
    fn forget_the_pause(&mut self) {
        let now = self.started.elapsed().as_nanos() as u64;
        let next = self.due.peek().map_or(now, |Reverse((at, ..))| *at);
        let pause = now.saturating_sub(next);
        self.traffic.late += Duration::from_nanos(pause);
        self.due = self.due.drain().map(|Reverse((at, who, video))| Reverse((at + pause, who, video))).collect();
    }

    /// Takes what is still on its way. (RTCP never ends.)
    pub fn drain(&mut self) {
        let mut progress = (self.traffic.delivered, Instant::now());
        while self.on_the_way() > 0 && progress.1.elapsed() < DRAIN {
            self.receive(DRAIN);
            if self.traffic.delivered != progress.0 {
                progress = (self.traffic.delivered, Instant::now());
            }
        }
    }

    fn on_the_way(&self) -> u64 {
        (self.traffic.sent * self.clients.call.fan_out() as u64).saturating_sub(self.traffic.delivered)
    }

    /// Sends the next frame or audio packet.
    fn send_next(&mut self) {
        let Some(Reverse((at, publisher, video))) = self.due.pop() else {
            return;
        };
        let interval = if video { Call::frame_interval() } else { audio_interval() };
        self.due.push(Reverse((at + interval.as_nanos() as u64, publisher, video)));

        let stamp = unix_nanos();
        self.queue.clear();
        let flow = self.queue.flow(self.clients.path());
        let packets = if video { self.clients.call.packets_per_frame } else { 1 };
        let client = &mut self.clients.clients[publisher];
        let stream = if video { &mut client.video } else { &mut client.audio };
        stream.next_frame();
        for index in 0..packets {
            client.transport_sequence = client.transport_sequence.wrapping_add(1);
            let place = (index == 0, index == packets - 1);
            self.queue.push_with(flow, MAX_PACKET_LEN, |out| {
                Some(stream.write(out, &mut client.sender, client.transport_sequence, stamp, video, place))
            });
        }
        self.traffic.sent += self.clients.send(publisher, Side::Publish, &self.queue);
    }

    /// Waits for packets and takes a batch from every socket that has some.
    fn receive(&mut self, timeout: Duration) {
        let ready = self.clients.epoll.wait(Some(timeout)).expect("epoll");
        for index in 0..ready {
            let id = self.clients.epoll.ready(index).token as usize;
            self.receive_from(id / 2, id % 2);
        }
    }

    fn receive_from(&mut self, participant: usize, side: usize) {
        let sampling = SAMPLING[usize::from(self.pace == Pace::RealTime)];
        let Clients { clients, receive, .. } = &mut self.clients;
        let client = &mut clients[participant];
        let count = receive.receive(&client.sockets[side]).expect("a receive");
        let now = self.started.elapsed().as_nanos() as u64;
        for index in 0..count {
            let Some(datagram) = receive.message(index) else {
                continue;
            };
            let arrived = datagram.arrived.expect("the kernel stamps").as_nanos() as u64;
            for packet in datagram.segments() {
                if packet[0] >> 6 != 2 {
                    continue;
                }
                // RFC 5761, section 4.
                if (192..=223).contains(&packet[1]) {
                    self.traffic.rtcp += 1;
                    continue;
                }
                self.traffic.delivered += 1;
                let header = RtpHeader::parse(packet).expect("a packet of the bridge");
                if self.feedback {
                    // How much of it is padding is encrypted; what is read here is not.
                    let mut plain = header;
                    plain.has_padding = false;
                    client.feedback.arrived(&RtpPacket::with_header(plain, packet).expect("a packet of the bridge"));
                }
                // A probe's padding holds no time.
                if header.has_padding || packet.len() > SMALL && !header.sequence_number.is_multiple_of(sampling) {
                    continue;
                }
                let len = client.receiver.unprotect_rtp(&header, packet).expect("a packet of the bridge");
                let stamp = packet[len - STAMP_LEN..len].try_into().expect("eight bytes");
                let delay = arrived.saturating_sub(u64::from_ne_bytes(stamp));
                self.traffic.delays.push(u32::try_from(delay).unwrap_or(u32::MAX));
            }
        }
        if self.feedback && side == Side::Subscribe as usize {
            self.tell(participant, now);
        }
    }

    /// Sends the feedback of a receiver that is due.
    fn tell(&mut self, participant: usize, now: u64) {
        let mut out = [0; 1_400];
        let client = &mut self.clients.clients[participant];
        if let Some(len) = client.feedback.poll(now, &mut client.feedback_sender, &mut out) {
            self.queue.clear();
            let flow = self.queue.flow(self.clients.path());
            self.queue.push(flow, &out[..len]);
            self.clients.send(participant, Side::Subscribe, &self.queue);
        }
    }
}

/// The clock that the kernel stamps arrivals by.
fn unix_nanos() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is set").as_nanos() as u64
}

fn audio_interval() -> Duration {
    Duration::from_secs(1) / AUDIO_PACKETS_PER_SECOND
}
