//! The sockets and keys of all participants, and their ICE checks.

use std::net::SocketAddr;

use _core::net::{BufferSizes, Epoll, Interest, LocalEnd, ReceiveBatch, SendBatch, UdpSocket};
use _core::packet::stun::{BindingRequest, IntegrityKey, Role, TransactionId};
use _core::params::MediaKind;
use _core::path::{Path, Protocol, SocketId};
use _core::srtp::{SrtpReceiver, SrtpSender};
use _core::transmit::TransmitQueue;

use crate::call::{self, AUDIO_PAYLOAD_LEN, AUDIO_PAYLOAD_TYPE, Call, Side, VIDEO_PAYLOAD_TYPE};
use crate::feedback::Feedback;
use crate::packets::Stream;

/// Bursts are not to be lost on the clients' side.
const BUFFERS: BufferSizes = BufferSizes { receive: 4 << 20, send: 4 << 20 };
const RECEIVE_MESSAGES: usize = 32;

/// Both sockets of a participant and what it does with them.
pub struct Client {
    /// By [`Side`].
    pub sockets: [UdpSocket; 2],
    /// Protects what is published.
    pub sender: SrtpSender,
    /// Opens what is subscribed to.
    pub receiver: SrtpReceiver,
    pub video: Stream,
    pub audio: Stream,
    pub transport_sequence: u16,
    /// What it tells of what it receives, and protects that.
    pub feedback: Feedback,
    pub feedback_sender: SrtpSender,
}

pub struct Clients {
    pub call: Call,
    pub clients: Vec<Client>,
    /// Where the worker or the floor listens.
    pub server: SocketAddr,
    /// Reports a socket as 2 × participant + side.
    pub epoll: Epoll,
    pub receive: ReceiveBatch,
    send: SendBatch,
}

impl Clients {
    /// Sockets for everyone in `call`. Browsers send datagram by datagram, so that nothing here could be taken for a
    /// run; `runs` sends each frame as one, as network cards deliver what comes back to back.
    pub fn new(call: Call, server: SocketAddr, runs: bool) -> Self {
        let epoll = Epoll::new().expect("epoll");
        let clients = (0..call.participants()).map(|participant| Client::new(call, participant, &epoll)).collect();
        let send = SendBatch::new(runs);
        Clients { call, clients, server, epoll, receive: ReceiveBatch::new(RECEIVE_MESSAGES), send }
    }

    /// Sends an ICE check from every socket.
    pub fn send_checks(&mut self) {
        let key = IntegrityKey::new(call::PASSWORD);
        for participant in 0..self.clients.len() {
            for side in [Side::Publish, Side::Subscribe] {
                let id = call::transport_id(participant, side);
                let mut transaction_id = [0; 12];
                transaction_id[..8].copy_from_slice(&id.to_be_bytes());
                let request = BindingRequest {
                    transaction_id: TransactionId(transaction_id),
                    username: &format!("{}:client", call::ufrag(participant, side)),
                    priority: 1,
                    role: Role::Controlling(id),
                    use_candidate: true,
                };
                let mut packet = [0; 256];
                let len = request.write(&mut packet, &key).expect("the buffer has room");
                let mut queue = TransmitQueue::new();
                let flow = queue.flow(self.path());
                queue.push(flow, &packet[..len]);
                self.send(participant, side, &queue);
            }
        }
    }

    /// The path to the server. The socket is chosen by whom it is sent for.
    pub fn path(&self) -> Path {
        Path { protocol: Protocol::Udp, socket: SocketId(0), remote: self.server }
    }

    /// Sends what is in `queue` from a socket of `participant`. Returns how many packets left.
    pub fn send(&mut self, participant: usize, side: Side, queue: &TransmitQueue) -> u64 {
        let socket = &self.clients[participant].sockets[side as usize];
        self.send.send(queue.flows(), |_| Some(LocalEnd { socket, source: None })).sent
    }
}

impl Client {
    fn new(call: Call, participant: usize, epoll: &Epoll) -> Self {
        let sockets = [Side::Publish, Side::Subscribe].map(|side| {
            let socket = UdpSocket::bind(([127, 0, 0, 1], 0).into(), BUFFERS, false, true).expect("a loopback socket");
            socket.stamp_arrivals().expect("the kernel stamps");
            epoll.add(&socket, call::transport_id(participant, side), Interest::Read).expect("epoll");
            socket
        });
        let publish = call::srtp(participant, Side::Publish);
        let subscribe = call::srtp(participant, Side::Subscribe);
        let (video, audio) = (MediaKind::Video, MediaKind::Audio);
        Client {
            sockets,
            sender: SrtpSender::new(publish.profile, &publish.receive_key).expect("a key"),
            receiver: SrtpReceiver::new(subscribe.profile, &subscribe.send_key).expect("a key"),
            video: Stream::new(call::producer_ssrc(participant, video), VIDEO_PAYLOAD_TYPE, call.payload_len, 3_000),
            audio: Stream::new(call::producer_ssrc(participant, audio), AUDIO_PAYLOAD_TYPE, AUDIO_PAYLOAD_LEN, 960),
            transport_sequence: 0,
            feedback: Feedback::default(),
            feedback_sender: SrtpSender::new(subscribe.profile, &subscribe.receive_key).expect("a key"),
        }
    }
}
