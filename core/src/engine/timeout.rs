//! What a transport needs done when time passes.

use super::Engine;
use super::timers::TICK;
use crate::event::{Event, IceState};
use crate::time::Time;
use crate::transport::Endpoint;

impl Engine {
    /// Does what is due for the transport, and sets its next timer.
    pub(super) fn look_after(&mut self, now: Time, key: usize) {
        if !self.transports.contains(key) {
            return;
        }
        self.work_for(key);
        self.look_after_paths(now, key);
        let probes = self.probe_mtu(now, key);
        let media = self.look_after_media(now, key);
        self.estimate_moved(now, key);
        let deadline = self.transports[key].endpoint.deadline().min(probes).min(media);
        // What could not be done now is not tried again before the next tick, so that nothing ever spins.
        self.timers.set(key, deadline.max(now + TICK));
    }

    fn look_after_paths(&mut self, now: Time, key: usize) {
        let transport = &mut self.transports[key];
        let Endpoint::Ice(agent) = &mut transport.endpoint else { return };
        if now < agent.deadline() {
            return;
        }
        let tick = agent.on_timeout(now);
        transport.update_path();
        let transport_id = transport.id;
        for path in &tick.dropped {
            self.forget_address(key, path);
        }
        if let Some(protocol) = tick.expired {
            self.media_stops(key);
            self.out.event(Event::Ice { transport_id, state: IceState::ConsentExpired, protocol, moved: false });
        }
        self.path_changed(now, key, tick.change);
    }
}
