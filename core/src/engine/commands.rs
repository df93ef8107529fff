//! Commands: looking up what they name, and carrying them out.

use super::Engine;
use super::address_table::Owner;
use crate::bitrate::Bitrate;
use crate::command::Command;
use crate::estimator::{Estimator, EstimatorConfig};
use crate::event::Event;
use crate::extension::ExtensionMap;
use crate::flight::FlightRecorder;
use crate::ice::{Agent, Credentials};
use crate::params::{HeaderExtension, PlainTransportParams, SrtpParams, TransportUpdate, WebRtcTransportParams};
use crate::path::SocketId;
use crate::time::Time;
use crate::transport::{Endpoint, Keys, PlainEndpoint, Transport};

impl Engine {
    pub(super) fn carry_out(&mut self, now: Time, command: Command) {
        let (name, id, result) = self.dispatch(now, command);
        if let Err(message) = result {
            self.fail_command(name, id, message);
        }
    }

    /// Carries a command out. Returns its name in `_core.pyi`, the id it named, and what was wrong.
    fn dispatch(&mut self, now: Time, command: Command) -> (&'static str, u64, Result<(), String>) {
        match command {
            Command::CreateWebRtcTransport { transport_id, params } => {
                ("create_webrtc_transport", transport_id, self.add_webrtc_transport(transport_id, &params))
            }
            Command::CreatePlainTransport { transport_id, .. } => {
                ("create_plain_transport", transport_id, Err("no socket was bound for it".to_owned()))
            }
            Command::UpdateTransport { transport_id, update } => {
                let change = |engine: &mut Self, key| engine.update(now, key, &update);
                ("update_transport", transport_id, self.on(transport_id, change))
            }
            Command::RestartIce { transport_id, ice_ufrag, ice_pwd } => {
                let restart = |engine: &mut Self, key| engine.restart_ice(key, &ice_ufrag, &ice_pwd);
                ("restart_ice", transport_id, self.on(transport_id, restart))
            }
            Command::SendDtls { transport_id, datagrams } => {
                ("send_dtls", transport_id, self.on(transport_id, |engine, key| engine.send_dtls(key, &datagrams)))
            }
            Command::SetSrtp { transport_id, params } => {
                ("set_srtp", transport_id, self.on(transport_id, |engine, key| engine.set_srtp(now, key, &params)))
            }
            Command::CloseTransport { transport_id } => {
                let close = |engine: &mut Self, key| {
                    engine.close_transport(key);
                    Ok(())
                };
                ("close_transport", transport_id, self.on(transport_id, close))
            }
            Command::CreateProducer { producer_id, params } => {
                ("create_producer", producer_id, self.create_producer(now, producer_id, &params))
            }
            Command::PauseProducer { producer_id, paused } => {
                ("pause_producer", producer_id, self.pause_producer(now, producer_id, paused))
            }
            Command::CloseProducer { producer_id } => ("close_producer", producer_id, self.close_producer(producer_id)),
            Command::CreateConsumer { consumer_id, params } => {
                ("create_consumer", consumer_id, self.create_consumer(now, consumer_id, &params))
            }
            Command::PauseConsumer { consumer_id, paused } => {
                ("pause_consumer", consumer_id, self.pause_consumer(now, consumer_id, paused))
            }
            Command::CloseConsumer { consumer_id } => ("close_consumer", consumer_id, self.close_consumer(consumer_id)),
            Command::RequestKeyframe { producer_id } => {
                ("request_keyframe", producer_id, self.request_keyframe(now, producer_id))
            }
            Command::AllocateConsumer { consumer_id, allocation } => {
                ("allocate_consumer", consumer_id, self.allocate_consumer(now, consumer_id, &allocation))
            }
            Command::HandOverConsumer { consumer_id, handover } => {
                ("hand_over_consumer", consumer_id, self.hand_over_consumer(now, consumer_id, &handover))
            }
            Command::SetConsumerRedundancy { consumer_id, frames } => {
                ("set_consumer_redundancy", consumer_id, self.set_consumer_redundancy(consumer_id, frames))
            }
            Command::SetTransportDemand { transport_id, demand } => {
                let set = |engine: &mut Self, key| engine.set_demand(now, key, demand);
                ("set_transport_demand", transport_id, self.on(transport_id, set))
            }
            Command::SelectSpeakers { router_id, selection } => {
                ("select_speakers", router_id, self.select_speakers(router_id, selection))
            }
            Command::FlightRecord { request_id, transport_id } => {
                let flight = self.transport_ids.get(&transport_id).map(|key| &self.transports[*key].flight);
                let write = |flight: &FlightRecorder| flight.write(now, self.config.wall_clock).into();
                let record = flight.and_then(|flight| flight.as_deref().map(write));
                self.out.event(Event::FlightRecord { request_id, record });
                ("flight_record", transport_id, Ok(()))
            }
            Command::TransportStats { request_id, transport_id } => {
                let key = self.transport_ids.get(&transport_id).copied();
                let stats = key.map(|key| self.transport_stats(now, key));
                self.out.event(Event::TransportStats { request_id, stats });
                ("transport_stats", transport_id, Ok(()))
            }
        }
    }

    /// Works for the transport with this id.
    fn on(
        &mut self,
        transport_id: u64,
        work: impl FnOnce(&mut Self, usize) -> Result<(), String>,
    ) -> Result<(), String> {
        let key = *self.transport_ids.get(&transport_id).ok_or("there is no such transport")?;
        self.work_for(key);
        work(self, key)
    }

    fn add_webrtc_transport(&mut self, id: u64, params: &WebRtcTransportParams) -> Result<(), String> {
        self.check_new_transport(id)?;
        let credentials = Credentials::new(&params.ice_ufrag, &params.ice_pwd)?;
        let ufrag = credentials.ufrag.clone();
        if self.ufrags.contains_key(&ufrag) {
            return Err("ice_ufrag is in use".to_owned());
        }
        let agent = Agent::new(credentials, self.config.consent_timeout);
        let mut transport = Transport::new(id, Endpoint::Ice(Box::new(agent)), Keys::Missing, self.random.next_u32());
        transport.receive_extensions = extension_map(&params.receive_extensions)?;
        transport.send_extensions = extension_map(&params.send_extensions)?;
        transport.estimator = Some(Box::new(Estimator::new(estimator_config(params)?)));
        transport.flight = Some(Box::new(FlightRecorder::new(self.flight_budget.clone())));
        let key = self.insert_transport(params.router_id, transport);
        self.ufrags.insert(ufrag, key);
        Ok(())
    }

    /// Makes a `PlainTransport` on a socket that was bound for it.
    pub(super) fn add_plain_transport(
        &mut self,
        id: u64,
        params: &PlainTransportParams,
        socket: SocketId,
    ) -> Result<(), String> {
        self.check_new_transport(id)?;
        let keys = match &params.srtp {
            Some(srtp) => Keys::srtp(srtp).map_err(|error| error.to_string())?,
            None => Keys::Plain,
        };
        let plain = PlainEndpoint::new(socket, params.remote, params.srtp.is_some())?;
        let path = plain.path();
        let mut transport = Transport::new(id, Endpoint::Plain(plain), keys, self.random.next_u32());
        transport.receive_extensions = extension_map(&params.receive_extensions)?;
        transport.send_extensions = extension_map(&params.send_extensions)?;
        let key = self.insert_transport(params.router_id, transport);
        self.sockets.insert(socket, key);
        if let Some(path) = path {
            self.addresses.insert(&path, Owner { transport: key, slot: 0 });
        }
        Ok(())
    }

    fn check_new_transport(&self, id: u64) -> Result<(), String> {
        if self.transport_ids.contains_key(&id) {
            return Err("its id is in use".to_owned());
        }
        if self.transports.len() >= self.config.max_transports {
            return Err(format!("the worker has its {} transports", self.config.max_transports));
        }
        Ok(())
    }

    fn insert_transport(&mut self, router_id: u64, mut transport: Transport) -> usize {
        let (id, deadline) = (transport.id, transport.endpoint.deadline());
        transport.router = self.router(router_id);
        let router = transport.router;
        let key = self.transports.insert(transport);
        self.routers[router].transports.push(key);
        self.transport_ids.insert(id, key);
        self.timers.set(key, deadline);
        self.send_timers.set(key, Time::MAX);
        self.out.counters.transports = self.transports.len() as u64;
        key
    }

    fn update(&mut self, now: Time, key: usize, update: &TransportUpdate) -> Result<(), String> {
        let receive = update.receive_extensions.as_deref().map(extension_map).transpose()?;
        let send = update.send_extensions.as_deref().map(extension_map).transpose()?;
        let transport = &mut self.transports[key];
        if let Some(map) = receive {
            transport.receive_extensions = map;
        }
        if let Some(map) = send {
            transport.send_extensions = map;
        }
        self.translate_extensions(key);
        if let Some(agent) = self.transports[key].endpoint.ice() {
            if update.leave_udp {
                agent.leave_udp();
            }
            if update.leave_udp_at_restart {
                agent.leave_udp_at_restart();
            }
        }
        if let Some(peer) = &update.peer_ice {
            self.set_peer_ice(now, key, &peer.ufrag, &peer.pwd)?;
        }
        if let Some(bitrate) = update.max_incoming_bitrate {
            self.bound_incoming(now, key, Bitrate::bps(bitrate));
        }
        Ok(())
    }

    fn restart_ice(&mut self, key: usize, ufrag: &str, pwd: &str) -> Result<(), String> {
        let credentials = Credentials::new(ufrag, pwd)?;
        if self.ufrags.contains_key(ufrag) {
            return Err("ice_ufrag is in use".to_owned());
        }
        let agent = self.transports[key].endpoint.ice().ok_or("a plain transport has no ICE")?;
        self.ufrags.insert(credentials.ufrag.clone(), key);
        if let Some(void) = agent.restart(credentials) {
            self.ufrags.remove(&void);
        }
        Ok(())
    }

    fn set_srtp(&mut self, now: Time, key: usize, params: &SrtpParams) -> Result<(), String> {
        let transport = &mut self.transports[key];
        // The same keys in a new context would begin their nonces anew, which gives a GCM key away.
        if transport.keys.are(params) {
            return Ok(());
        }
        transport.keys = Keys::srtp(params).map_err(|error| error.to_string())?;
        self.media_can_flow(now, key);
        Ok(())
    }
}

fn estimator_config(params: &WebRtcTransportParams) -> Result<EstimatorConfig, String> {
    let defaults = EstimatorConfig::default();
    let min = defaults.min;
    let max = params.max_bitrate.map_or(defaults.max, Bitrate::bps);
    if max < min {
        return Err(format!("max_bitrate must be {} bit/s or more", min.as_bps()));
    }
    let start = params.start_bitrate.map_or(defaults.start.min(max), Bitrate::bps);
    if start < min || start > max {
        return Err(format!("start_bitrate must be within {} and {} bit/s", min.as_bps(), max.as_bps()));
    }
    Ok(EstimatorConfig { min, start, max })
}

fn extension_map(list: &[HeaderExtension]) -> Result<ExtensionMap, String> {
    ExtensionMap::new(list).map_err(|error| error.to_string())
}
