//! What is measured: a real worker, set up as the control plane does it.

use std::net::SocketAddr;
use std::time::Duration;

use _core::command::Command;
use _core::event::{Event, IceState};
use _core::net::{Epoll, Interest};
use _core::params::{MediaKind, TransportDemand};
use _core::worker::{Worker, WorkerConfig};

use crate::call::{self, Call, Side};
use crate::clients::Clients;

/// How long setting up may take.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Bridge {
    worker: Worker,
}

impl Bridge {
    pub fn start(call: &Call, cpu: Option<usize>, gather_us: Option<u64>) -> Self {
        let mut config = WorkerConfig::new(0, vec![([127, 0, 0, 1], 0).into()]);
        config.tcp = false;
        config.pin_cpu = cpu;
        config.gather_us = gather_us.unwrap_or(config.gather_us);
        let bridge = Bridge { worker: Worker::start(config).expect("a worker") };
        for participant in 0..call.participants() {
            for side in [Side::Publish, Side::Subscribe] {
                let transport_id = call::transport_id(participant, side);
                let params = call::transport(call, participant, side);
                bridge.command(Command::CreateWebRtcTransport { transport_id, params });
                bridge.command(Command::SetSrtp { transport_id, params: call::srtp(participant, side) });
            }
        }
        for publisher in call.publishers() {
            bridge.publish(call, publisher, MediaKind::Video);
            if call.audio {
                bridge.publish(call, publisher, MediaKind::Audio);
            }
        }
        bridge
    }

    /// Has the worker pace what it sends, by what the lines carry.
    pub fn pace(&self, call: &Call) {
        let demand = TransportDemand { allocated: call.line_rate, desired: call.line_rate };
        for participant in 0..call.participants() {
            let transport_id = call::transport_id(participant, Side::Subscribe);
            self.command(Command::SetTransportDemand { transport_id, demand });
        }
    }

    fn publish(&self, call: &Call, publisher: usize, kind: MediaKind) {
        let producer_id = u64::from(call::producer_ssrc(publisher, kind));
        self.command(Command::CreateProducer { producer_id, params: call::producer(publisher, kind) });
        for receiver in call.receivers_of(publisher) {
            let consumer_id = (receiver as u64) << 32 | producer_id;
            self.command(Command::CreateConsumer { consumer_id, params: call::consumer(receiver, publisher, kind) });
        }
    }

    fn command(&self, command: Command) {
        self.worker.command(command).expect("the worker takes commands");
    }

    pub fn address(&self) -> SocketAddr {
        self.worker.local_addresses()[0]
    }

    /// Has every transport of `clients` connected.
    pub fn connect(&self, clients: &mut Clients) {
        clients.send_checks();
        let mut connected = 0;
        let mut epoll = Epoll::new().expect("epoll");
        epoll.add(self.worker.event_fd(), 0, Interest::Read).expect("epoll");
        while connected < clients.call.participants() * 2 {
            assert!(epoll.wait(Some(PATIENCE)).expect("epoll") > 0, "ICE did not connect");
            for event in self.worker.drain(usize::MAX) {
                match event {
                    Event::Ice { state: IceState::Connected, .. } => connected += 1,
                    Event::CommandFailed { command, message, .. } => panic!("{command}: {message}"),
                    _ => {}
                }
            }
        }
    }

    /// CPU time that the thread has used.
    pub fn cpu(&self) -> Duration {
        Duration::from_nanos(self.worker.stats().busy_ns)
    }
}
