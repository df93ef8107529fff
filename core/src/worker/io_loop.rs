//! The thread's loop: wait, receive a batch, let the engine work, send what came of it.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Shared;
use super::arrival_clock::ArrivalClock;
use super::config::WorkerConfig;
use super::gather::Gather;
use super::sockets::{Listening, Place, Sockets};
use super::stats::Snapshot;
use super::tcp::{Closed, Connections};
use super::tokens::Token;
use crate::command::Command;
use crate::engine::Engine;
use crate::net::{BufferSizes, Epoll, Interest, Offloads, ReceiveBatch, SendBatch, UdpSocket, thread};
use crate::params::PlainTransportParams;
use crate::path::{Path, Protocol, SocketId};
use crate::time::{Time, WallClock};

/// Messages per receive. With GRO each may be a run.
const RECEIVE_MESSAGES: usize = 64;
/// Packets that the engine may put into the transmit queue before they are sent: enough for long runs, few enough to
/// stay in the second-level cache.
const FLUSH_PACKETS: usize = 512;
/// How late the kernel may end our sleeps.
const TIMER_SLACK: Duration = Duration::from_micros(10);
/// Timers of the engine may be this late: while packets keep coming, they are looked after in the turns that these
/// cause, and wake the thread only where it is silent.
const TIMER_PATIENCE: Duration = Duration::from_millis(1);
/// How often counters are copied out at most.
const SNAPSHOT_INTERVAL: Duration = Duration::from_millis(50);
/// A wait that took less than this did not put the thread to sleep.
const IDLE: Duration = Duration::from_micros(10);
/// How long new connections are left to the kernel when there is no descriptor or memory for them.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Connections accepted before everything else has its turn.
const ACCEPT_BATCH: usize = 64;

/// All that the thread owns.
pub(super) struct IoLoop {
    started: Instant,
    shared: Arc<Shared>,
    engine: Engine,
    epoll: Epoll,
    sockets: Sockets,
    /// UDP sockets with keys below this are listened on for the life of the worker.
    listening: usize,
    listeners: Vec<TcpListener>,
    connections: Connections,
    /// When to accept connections again, while that is paused.
    accept_again: Option<Time>,
    receive: ReceiveBatch,
    send: SendBatch,
    gather: Gather,
    commands: VecDeque<Command>,
    /// Whether the worker was closed: this turn is the last.
    closed: bool,
    offloads: Offloads,
    buffers: BufferSizes,
    snapshot: Snapshot,
    next_snapshot: Time,
    /// Whether something was done since counters were copied out.
    dirty: bool,
    /// Forwarded packets are measured from here: when the first UDP packet of the turn came; of others when the thread was
    /// woken or began to rest, the earliest that a packet of the turn can have come.
    turn_started: Time,
    /// When the turn began to work.
    turn_began: Time,
    /// Packets received by UDP, and packets sent, in this turn.
    turn_packets: (usize, u64),
    /// When all sockets had last been emptied, and whether this turn leaves something in one.
    caught_up: Time,
    is_behind: bool,
}

impl IoLoop {
    /// Prepares everything, on the thread that is to run it.
    pub fn new(
        config: WorkerConfig,
        listening: Listening,
        offloads: Offloads,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        if let Some(cpu) = config.pin_cpu {
            thread::pin_to_cpu(cpu)
                .map_err(|error| io::Error::new(error.kind(), format!("cannot run on CPU {cpu}: {error}")))?;
        }
        thread::set_timer_slack(TIMER_SLACK)?;
        let unix_time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seed = RandomState::new().hash_one(unix_time);
        let engine = Engine::new(config.engine(WallClock::new(unix_time.as_nanos() as u64), seed));
        let epoll = Epoll::new()?;
        epoll.add(shared.commands.wake(), Token::Commands.encode(), Interest::Read)?;
        let mut sockets = Sockets::default();
        let listening_count = listening.udp.len();
        for socket in listening.udp {
            add_udp(&mut sockets, &epoll, socket)?;
        }
        for (key, listener) in listening.tcp.iter().enumerate() {
            epoll.add(listener, Token::Listener(key).encode(), Interest::Read)?;
        }
        Ok(IoLoop {
            started: Instant::now(),
            shared,
            engine,
            epoll,
            sockets,
            listening: listening_count,
            listeners: listening.tcp,
            connections: Connections::new(config.max_strangers),
            accept_again: None,
            receive: ReceiveBatch::new(RECEIVE_MESSAGES),
            send: SendBatch::new(offloads.gso),
            gather: Gather::new(config.gather()),
            commands: VecDeque::new(),
            closed: false,
            offloads,
            buffers: config.buffers(),
            snapshot: Snapshot::default(),
            next_snapshot: Time::ZERO,
            dirty: false,
            turn_started: Time::ZERO,
            turn_began: Time::ZERO,
            turn_packets: (0, 0),
            caught_up: Time::ZERO,
            is_behind: false,
        })
    }

    /// Runs until the worker is closed.
    pub fn run(&mut self) -> io::Result<()> {
        while !self.closed {
            let ready = self.wait()?;
            self.take_turn(ready);
        }
        self.copy_out();
        Ok(())
    }

    /// Serves the first `ready` descriptors that `wait` found, and does what is due.
    fn take_turn(&mut self, ready: usize) {
        for index in 0..ready {
            let ready = self.epoll.ready(index);
            match Token::decode(ready.token) {
                Token::Commands => self.carry_out_commands(),
                Token::Udp(key) => self.receive_udp(key),
                Token::Tcp(key) => self.serve_connection(key, ready.readable, ready.writable),
                Token::Listener(key) => self.accept(key),
            }
        }
        self.do_what_is_due();
        if self.closed {
            self.engine.close();
        }
        self.finish_turn();
    }

    fn now(&self) -> Time {
        Time::from_nanos(self.started.elapsed().as_nanos() as u64)
    }

    /// Sleeps until there is something to do, and a little longer where that gathers company. Returns how many
    /// descriptors are ready.
    fn wait(&mut self) -> io::Result<usize> {
        let turn_ended = self.now();
        let mut before = turn_ended;
        // What the engine has left over for the next turn is not kept waiting.
        let has_time = self.engine.poll_timeout() > before;
        if has_time && let Some(rest) = self.gather.before_wait(before) {
            std::thread::sleep(rest);
            before = self.now();
        }
        let ready = self.epoll.wait(self.deadline().map(|deadline| deadline.since(before)))?;
        let woken = self.now();
        self.dirty |= ready > 0;
        let at_once = woken.since(before) <= IDLE;
        self.turn_started = if at_once { turn_ended } else { woken };
        let media = (0..ready).any(|index| matches!(Token::decode(self.epoll.ready(index).token), Token::Udp(_)));
        if media && let Some(rest) = self.gather.packets_came(woken, at_once) {
            std::thread::sleep(rest);
        }
        self.turn_began = self.now();
        Ok(ready)
    }

    /// When the thread is to be woken if nothing arrives.
    fn deadline(&self) -> Option<Time> {
        let mut deadline = self.engine.poll_timeout().min(self.connections.deadline()) + TIMER_PATIENCE;
        if let Some(at) = self.accept_again {
            deadline = deadline.min(at);
        }
        if self.dirty {
            deadline = deadline.min(self.next_snapshot);
        }
        (deadline < Time::MAX).then_some(deadline)
    }

    /// Receives one batch; the rest, if any, is left for the next turn.
    fn receive_udp(&mut self, key: usize) {
        let Some(endpoint) = self.sockets.udp(key) else {
            return;
        };
        // An unconnected UDP socket has no errors of its own; what another system call left there is of no interest.
        let messages = self.receive.receive(&endpoint.socket).unwrap_or_default();
        self.is_behind |= messages == RECEIVE_MESSAGES;
        self.obey_first();
        let now = self.now();
        let clock = ArrivalClock::at(now, self.caught_up);
        let mut packets = 0;
        for index in 0..messages {
            let Some(datagram) = self.receive.message(index) else {
                continue;
            };
            if let Some(drops) = datagram.drops
                && let Some(endpoint) = self.sockets.udp(key)
            {
                self.snapshot.kernel_drops += endpoint.count_drops(drops);
            }
            let socket = self.sockets.id_at(key, datagram.local);
            let path = Path { protocol: Protocol::Udp, socket, remote: datagram.remote };
            let arrived = clock.time_of(datagram.arrived);
            if packets == 0 {
                // They come in order, socket by socket.
                let is_first = self.turn_packets.0 == 0;
                self.turn_started = if is_first { arrived } else { self.turn_started.min(arrived) };
            }
            for segment in datagram.segments() {
                packets += 1;
                self.engine.handle_packet(now, arrived, &path, segment);
            }
            if self.engine.transmits().len() >= FLUSH_PACKETS {
                self.flush();
            }
        }
        self.turn_packets.0 += packets;
    }

    /// Serves one TCP connection that is ready.
    fn serve_connection(&mut self, key: usize, readable: bool, writable: bool) {
        let mut result = Ok(());
        if readable {
            result = self.connections.receive(key).and_then(|received| self.hand_on_frames(key, received));
        }
        if writable && result.is_ok() {
            result = self.connections.write(key);
        }
        match result {
            Ok(()) => self.watch_connection(key),
            Err(reason) => {
                self.snapshot.tcp_framing_errors += u64::from(reason == Closed::Garbage);
                self.close_connection(key);
            }
        }
    }

    /// Takes the frames that were received on a connection.
    fn hand_on_frames(&mut self, key: usize, received: usize) -> Result<(), Closed> {
        self.obey_first();
        let now = self.now();
        let engine = &mut self.engine;
        self.connections.hand_on(key, now, received, |path, frame| engine.handle_packet(now, now, path, frame))
    }

    /// Tells epoll whether there is something to be written on a connection.
    fn watch_connection(&mut self, key: usize) {
        if let Some((fd, interest)) = self.connections.changed_interest(key)
            && self.epoll.modify(fd, Token::Tcp(key).encode(), interest).is_err()
        {
            self.close_connection(key);
        }
    }

    /// Closes a connection and tells the engine.
    fn close_connection(&mut self, key: usize) {
        if let Some(id) = self.connections.remove(key) {
            self.sockets.remove_tcp(id);
            self.engine.handle_path_closed(self.now(), id);
        }
    }

    /// Accepts what waits on a listener, within bounds.
    fn accept(&mut self, key: usize) {
        for _ in 0..ACCEPT_BATCH {
            match self.listeners[key].accept() {
                Ok((stream, remote)) => match self.connections.make_room() {
                    Ok(oldest) => {
                        if let Some(oldest) = oldest {
                            self.close_connection(oldest);
                        }
                        self.add_connection(stream, remote);
                    }
                    // Closed at once; the peer tries its other candidates.
                    Err(_) => drop(stream),
                },
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return,
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => {}
                    // Out of descriptors or memory: asking again at once would only burn time.
                    _ => {
                        if let Some(oldest) = self.connections.oldest_stranger() {
                            self.close_connection(oldest);
                        }
                        return self.pause_accepting();
                    }
                },
            }
        }
    }

    fn add_connection(&mut self, stream: std::net::TcpStream, remote: SocketAddr) {
        let id = self.sockets.add_tcp(self.connections.next_key());
        let added = self.connections.add(stream, id, remote, self.now());
        let Ok(key) = added else {
            self.sockets.remove_tcp(id);
            return;
        };
        let watched = self
            .connections
            .fd(key)
            .is_some_and(|fd| self.epoll.add(fd, Token::Tcp(key).encode(), Interest::Read).is_ok());
        if !watched {
            self.close_connection(key);
        }
    }

    fn pause_accepting(&mut self) {
        self.accept_again = Some(self.now() + ACCEPT_PAUSE);
        self.watch_listeners(Interest::Nothing);
    }

    fn watch_listeners(&self, interest: Interest) {
        for (key, listener) in self.listeners.iter().enumerate() {
            // It can only fail for a descriptor that is not watched.
            let _ = self.epoll.modify(listener, Token::Listener(key).encode(), interest);
        }
    }

    /// Carries out commands before packets that came after them: a peer that was answered may send at once, and its first
    /// check must find the transport that was made for it. To be called once packets were received: what was commanded
    /// before they were sent is seen then.
    fn obey_first(&mut self) {
        if self.shared.commands.waits() {
            self.carry_out_commands();
        }
    }

    /// Carries out all commands that wait.
    fn carry_out_commands(&mut self) {
        let mut commands = std::mem::take(&mut self.commands);
        self.closed = self.shared.commands.take(&mut commands);
        let now = self.now();
        for command in commands.drain(..) {
            match command {
                Command::CreatePlainTransport { transport_id, params } => {
                    self.create_plain_transport(transport_id, params);
                }
                command => self.engine.handle_command(now, command),
            }
            if self.engine.transmits().len() >= FLUSH_PACKETS {
                self.flush();
            }
        }
        // Its memory serves the next ones.
        self.commands = commands;
    }

    fn create_plain_transport(&mut self, transport_id: u64, params: PlainTransportParams) {
        let address = SocketAddr::new(params.listen_ip, 0);
        let bound = UdpSocket::bind(address, self.buffers, true, self.offloads.gro)
            .and_then(|socket| Ok((socket.local_address(), add_udp(&mut self.sockets, &self.epoll, socket)?)));
        match bound {
            Ok((local, id)) => self.engine.create_plain_transport(transport_id, params, id, local),
            Err(error) => {
                let message = format!("cannot bind a socket on listen_ip: {error}");
                self.engine.fail_command("create_plain_transport", transport_id, message);
            }
        }
    }

    /// Timers of the engine, of connections and of our own.
    fn do_what_is_due(&mut self) {
        let now = self.now();
        if self.engine.poll_timeout() <= now {
            // What was received is on its way before that.
            self.flush();
            self.engine.handle_timeout(now);
            self.dirty = true;
        }
        if self.connections.deadline() <= now {
            for key in self.connections.expired(now) {
                self.close_connection(key);
            }
            self.dirty = true;
        }
        if self.accept_again.is_some_and(|at| at <= now) {
            self.accept_again = None;
            self.watch_listeners(Interest::Read);
        }
    }

    /// Hands out what the turn has led to: packets, events, counters; closes sockets that are not needed any more.
    fn finish_turn(&mut self) {
        self.flush();
        let engine = &mut self.engine;
        self.shared.events.extend(std::iter::from_fn(|| engine.poll_event()));
        while let Some(id) = self.engine.poll_released_socket() {
            self.release(id);
        }
        let now = self.now();
        let (received, sent) = std::mem::take(&mut self.turn_packets);
        if received > 0 {
            self.gather.turn_ended(self.turn_began, now, received, sent);
        }
        if !std::mem::take(&mut self.is_behind) {
            self.caught_up = self.turn_began;
        }
        if self.dirty && now >= self.next_snapshot {
            self.copy_out();
        }
    }

    /// Closes a socket that the engine does not use any more.
    fn release(&mut self, id: SocketId) {
        match self.sockets.place(id) {
            Some(Place::Udp { key, .. }) if key >= self.listening => self.sockets.remove_udp(key),
            Some(Place::Tcp { key }) => {
                self.connections.remove(key);
                self.sockets.remove_tcp(id);
            }
            _ => {}
        }
    }

    /// Sends everything in the transmit queue.
    fn flush(&mut self) {
        let queue = self.engine.transmits();
        if queue.is_empty() {
            return;
        }
        let sockets = &self.sockets;
        let datagrams = queue.flows().filter(|(path, _)| path.protocol == Protocol::Udp);
        let report = self.send.send(datagrams, |id| sockets.local_end(id));
        let mut failed = report.failed;
        let mut touched = Vec::new();
        for (path, packets) in queue.flows().filter(|(path, _)| path.protocol == Protocol::Tcp) {
            let Some(Place::Tcp { key }) = sockets.place(path.socket) else {
                failed += packets.len() as u64;
                continue;
            };
            let result = self.connections.send(key, packets);
            failed += result.unwrap_or_default();
            touched.push((key, result.is_ok()));
        }
        let packets = queue.len() as u64;
        queue.clear();
        for (key, intact) in touched {
            if intact { self.watch_connection(key) } else { self.close_connection(key) }
        }
        self.turn_packets.1 += packets;
        self.snapshot.send_failures += failed;
        self.snapshot.forward_delay.record(self.now().since(self.turn_started), packets);
    }

    /// Copies the counters out for other threads.
    fn copy_out(&mut self) {
        self.snapshot.engine.clone_from(self.engine.counters());
        self.snapshot.tcp_connections = self.connections.len() as u64;
        self.snapshot.busy = thread::cpu_time();
        self.shared.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&self.snapshot);
        self.next_snapshot = self.now() + SNAPSHOT_INTERVAL;
        self.dirty = false;
    }
}

/// Adds a socket and watches it; returns its id.
fn add_udp(sockets: &mut Sockets, epoll: &Epoll, socket: UdpSocket) -> io::Result<SocketId> {
    // A kernel that does not stamp, as some sandboxes have it, costs precision and nothing else.
    let _ = socket.stamp_arrivals();
    let (key, id) = sockets.add_udp(socket);
    let watched = match sockets.udp(key) {
        Some(endpoint) => epoll.add(&endpoint.socket, Token::Udp(key).encode(), Interest::Read),
        None => Ok(()),
    };
    watched.inspect_err(|_| sockets.remove_udp(key)).map(|()| id)
}

#[cfg(test)]
mod tests;
