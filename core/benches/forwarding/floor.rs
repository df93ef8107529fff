//! What no bridge can go below: a bare loop that receives, decrypts, rewrites the header, encrypts and sends, with the
//! batching of a worker, and knows nothing of ICE, RTCP, loss or statistics.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use _core::net::{BufferSizes, Epoll, Interest, LocalEnd, ReceiveBatch, SendBatch, UdpSocket, probe_offloads, thread};
use _core::packet::rtp::RtpHeader;
use _core::path::{Path, Protocol, SocketId};
use _core::srtp::{MAX_RTP_OVERHEAD, SrtpReceiver, SrtpSender};
use _core::transmit::TransmitQueue;
use rustc_hash::FxHashMap;

use crate::call::{self, Call, Side};
use crate::clients::Clients;

/// As a worker has them by default.
const BUFFERS: BufferSizes = BufferSizes { receive: 4 << 20, send: 4 << 20 };
/// As in a worker.
const RECEIVE_MESSAGES: usize = 64;
/// As in a worker.
const FLUSH_PACKETS: usize = 512;
/// How long it goes on waiting before it looks whether it is to stop, and how often it tells its CPU time.
const TICK: Duration = Duration::from_millis(20);

pub struct Floor {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    cpu_ns: AtomicU64,
    routes: Mutex<Option<Routes>>,
}

/// What the loop knows.
#[derive(Default)]
struct Routes {
    publishers: FxHashMap<SocketAddr, Publisher>,
    receivers: Vec<Receiver>,
}

struct Publisher {
    srtp: SrtpReceiver,
    receivers: Vec<usize>,
}

struct Receiver {
    srtp: SrtpSender,
    path: Path,
}

impl Floor {
    pub fn start(cpu: Option<usize>) -> Self {
        let offloads = probe_offloads();
        let socket = UdpSocket::bind(([127, 0, 0, 1], 0).into(), BUFFERS, false, offloads.gro).expect("a socket");
        let address = socket.local_address();
        let shared = Arc::new(Shared::default());
        let run = {
            let shared = Arc::clone(&shared);
            move || {
                cpu.map(thread::pin_to_cpu).transpose().expect("the CPU is there");
                run(&socket, offloads.gso, &shared);
            }
        };
        let thread = std::thread::Builder::new().name("floor".into()).spawn(run).expect("a thread");
        Floor { address, shared, thread: Some(thread) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells the loop who receives whom.
    pub fn connect(&self, clients: &Clients) {
        let call: Call = clients.call;
        let mut routes = Routes::default();
        for (participant, client) in clients.clients.iter().enumerate() {
            let keys = call::srtp(participant, Side::Subscribe);
            routes.receivers.push(Receiver {
                srtp: SrtpSender::new(keys.profile, &keys.send_key).expect("a key"),
                path: Path {
                    protocol: Protocol::Udp,
                    socket: SocketId(0),
                    remote: client.sockets[Side::Subscribe as usize].local_address(),
                },
            });
        }
        for publisher in call.publishers() {
            let keys = call::srtp(publisher, Side::Publish);
            routes.publishers.insert(
                clients.clients[publisher].sockets[Side::Publish as usize].local_address(),
                Publisher {
                    srtp: SrtpReceiver::new(keys.profile, &keys.receive_key).expect("a key"),
                    receivers: call.receivers_of(publisher).collect(),
                },
            );
        }
        *self.shared.routes.lock().expect("no panic") = Some(routes);
    }

    /// CPU time that the thread has used.
    pub fn cpu(&self) -> Duration {
        Duration::from_nanos(self.shared.cpu_ns.load(Ordering::Relaxed))
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the floor does not panic");
        }
    }
}

fn run(socket: &UdpSocket, gso: bool, shared: &Shared) {
    let mut epoll = Epoll::new().expect("epoll");
    epoll.add(socket, 0, Interest::Read).expect("epoll");
    let mut receive = ReceiveBatch::new(RECEIVE_MESSAGES);
    let mut send = SendBatch::new(gso);
    let mut queue = TransmitQueue::new();
    let mut flows = Vec::new();
    let mut routes = Routes::default();
    while !shared.stop.load(Ordering::Relaxed) {
        let ready = epoll.wait(Some(TICK)).expect("epoll");
        if routes.receivers.is_empty() {
            routes = shared.routes.lock().expect("no panic").take().unwrap_or_default();
        }
        let count = if ready > 0 { receive.receive(socket).expect("a receive") } else { 0 };
        for index in 0..count {
            let Some(datagram) = receive.message(index) else {
                continue;
            };
            let Some(publisher) = routes.publishers.get_mut(&datagram.remote) else {
                continue;
            };
            for packet in datagram.segments() {
                let header = RtpHeader::parse(packet).expect("a packet of the generator");
                let len = publisher.srtp.unprotect_rtp(&header, packet).expect("a packet of the generator");
                for receiver in &publisher.receivers {
                    let flow = *flow_of(&mut flows, *receiver, &mut queue, &routes.receivers);
                    let srtp = &mut routes.receivers[*receiver].srtp;
                    queue.push_with(flow, len + MAX_RTP_OVERHEAD, |out| {
                        out[..len].copy_from_slice(&packet[..len]);
                        let ssrc = call::consumer_ssrc(header.ssrc).to_be_bytes();
                        out[8..12].copy_from_slice(&ssrc);
                        srtp.protect_rtp(out, header.len(), len).ok()
                    });
                }
            }
            if queue.len() >= FLUSH_PACKETS {
                flush(&mut send, &mut queue, &mut flows, socket);
            }
        }
        flush(&mut send, &mut queue, &mut flows, socket);
        // Told when there is nothing to do: reading the clock is a system call of its own.
        if count == 0 {
            shared.cpu_ns.store(thread::cpu_time().as_nanos() as u64, Ordering::Relaxed);
        }
    }
}

/// The flow of a receiver in the queue as it is.
fn flow_of<'f>(
    flows: &'f mut Vec<Option<_core::transmit::Flow>>,
    receiver: usize,
    queue: &mut TransmitQueue,
    receivers: &[Receiver],
) -> &'f _core::transmit::Flow {
    flows.resize(receivers.len(), None);
    flows[receiver].get_or_insert_with(|| queue.flow(receivers[receiver].path))
}

fn flush(
    send: &mut SendBatch,
    queue: &mut TransmitQueue,
    flows: &mut [Option<_core::transmit::Flow>],
    socket: &UdpSocket,
) {
    if queue.is_empty() {
        return;
    }
    send.send(queue.flows(), |_| Some(LocalEnd { socket, source: None }));
    queue.clear();
    flows.fill(None);
}
