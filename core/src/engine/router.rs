//! Routers: the transports of one room on this worker.

use super::Engine;
use super::levels::Levels;
use super::speakers::Speakers;

/// One room's transports. It exists while it has any.
pub(super) struct Router {
    /// As the control plane calls it.
    pub(super) id: u64,
    /// Keys of its transports.
    pub(super) transports: Vec<usize>,
    /// Who is heard in it.
    pub(super) levels: Levels,
    /// Who is to be heard in it.
    pub(super) speakers: Speakers,
}

impl Engine {
    /// The key of the router with this id, which is made if need be.
    pub(super) fn router(&mut self, id: u64) -> usize {
        *self.router_ids.entry(id).or_insert_with(|| {
            let (levels, speakers) = (Levels::default(), Speakers::default());
            self.routers.insert(Router { id, transports: Vec::new(), levels, speakers })
        })
    }

    /// Takes a transport out of its router, which ends with its last one.
    pub(super) fn leave_router(&mut self, router: usize, key: usize) {
        let entry = &mut self.routers[router];
        entry.transports.retain(|transport| *transport != key);
        if entry.transports.is_empty() {
            self.router_ids.remove(&entry.id);
            self.router_timers.clear(router);
            self.routers.remove(router);
        }
    }
}
