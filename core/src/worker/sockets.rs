//! The UDP sockets of a worker, and which of them a [`SocketId`] names.

use std::collections::hash_map::Entry;
use std::io;
use std::net::{IpAddr, SocketAddr};

use rustc_hash::FxHashMap;
use slab::Slab;

use crate::net::{BufferSizes, LocalEnd, UdpSocket};
use crate::path::SocketId;

use super::config::WorkerConfig;

/// Local addresses told apart per socket. Further ones are answered from the address that routing chooses. A host has
/// a handful, but on loopback a stranger on the same host could make up sixteen million.
const MAX_SOURCES: usize = 64;

/// A bound socket with what is known of it.
pub(super) struct UdpEndpoint {
    pub socket: UdpSocket,
    /// Names the socket as a whole.
    id: SocketId,
    /// Names the local addresses seen on a socket that is bound to a wildcard.
    sources: Vec<(IpAddr, SocketId)>,
    /// Last drop count that the kernel told.
    drops_seen: u32,
}

impl UdpEndpoint {
    /// Takes the kernel's running count; returns how many drops are new.
    pub fn count_drops(&mut self, drops: u32) -> u64 {
        let new = drops.wrapping_sub(self.drops_seen);
        self.drops_seen = drops;
        u64::from(new)
    }
}

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A UDP socket, by its key, and the local address to send from.
    Udp { key: usize, source: Option<IpAddr> },
    /// A TCP connection, by its key.
    Tcp { key: usize },
}

/// All of them.
#[derive(Default)]
pub(super) struct Sockets {
    endpoints: Slab<UdpEndpoint>,
    places: FxHashMap<SocketId, Place>,
    next_id: u32,
}

impl Sockets {
    /// Adds a UDP socket; returns its key and id.
    pub fn add_udp(&mut self, socket: UdpSocket) -> (usize, SocketId) {
        let key = self.endpoints.vacant_key();
        let id = self.name(Place::Udp { key, source: None });
        self.endpoints.insert(UdpEndpoint { socket, id, sources: Vec::new(), drops_seen: 0 });
        (key, id)
    }

    /// Gives an id to a TCP connection.
    pub fn add_tcp(&mut self, key: usize) -> SocketId {
        self.name(Place::Tcp { key })
    }

    /// Forgets a TCP connection's id.
    pub fn remove_tcp(&mut self, id: SocketId) {
        self.places.remove(&id);
    }

    /// Closes a UDP socket with all its ids.
    pub fn remove_udp(&mut self, key: usize) {
        if let Some(endpoint) = self.endpoints.try_remove(key) {
            self.places.remove(&endpoint.id);
            for (_, id) in endpoint.sources {
                self.places.remove(&id);
            }
        }
    }

    /// The socket of that key; None once it was closed.
    pub fn udp(&mut self, key: usize) -> Option<&mut UdpEndpoint> {
        self.endpoints.get_mut(key)
    }

    /// What that id names; None once it was closed.
    pub fn place(&self, id: SocketId) -> Option<Place> {
        self.places.get(&id).copied()
    }

    /// The id of a UDP socket for datagrams that were sent to `local`.
    pub fn id_at(&mut self, key: usize, local: Option<IpAddr>) -> SocketId {
        let endpoint = &self.endpoints[key];
        let Some(local) = local else {
            return endpoint.id;
        };
        if let Some((_, id)) = endpoint.sources.iter().find(|(source, _)| *source == local) {
            return *id;
        }
        if endpoint.sources.len() >= MAX_SOURCES {
            return endpoint.id;
        }
        let id = self.name(Place::Udp { key, source: Some(local) });
        self.endpoints[key].sources.push((local, id));
        id
    }

    /// The local end to send by; None for a TCP connection or what was closed.
    pub fn local_end(&self, id: SocketId) -> Option<LocalEnd<'_>> {
        match self.place(id)? {
            Place::Udp { key, source } => Some(LocalEnd { socket: &self.endpoints.get(key)?.socket, source }),
            Place::Tcp { .. } => None,
        }
    }

    /// The next id that is not in use: after four thousand million connections they come round.
    fn name(&mut self, place: Place) -> SocketId {
        loop {
            let id = SocketId(self.next_id);
            self.next_id = self.next_id.wrapping_add(1);
            if let Entry::Vacant(entry) = self.places.entry(id) {
                entry.insert(place);
                return id;
            }
        }
    }
}

/// The sockets that a worker listens on, bound before its thread starts.
pub(super) struct Listening {
    pub udp: Vec<UdpSocket>,
    pub tcp: Vec<std::net::TcpListener>,
}

impl Listening {
    /// Binds UDP, and TCP with the same port numbers, on every address. The error names the address.
    pub fn bind(config: &WorkerConfig, gro: bool) -> io::Result<Self> {
        let mut listening = Listening { udp: Vec::new(), tcp: Vec::new() };
        let mut absent = None;
        for address in &config.listen {
            let dual_stack = serves_both(*address, &config.listen);
            match bind_one(*address, dual_stack, config.tcp, config.buffers(), gro) {
                Ok((udp, tcp)) => {
                    listening.udp.push(udp);
                    listening.tcp.extend(tcp);
                }
                Err(error) => {
                    let skipped = config.skip_absent && error.kind() == io::ErrorKind::AddrNotAvailable;
                    let error = io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"));
                    if !skipped {
                        return Err(error);
                    }
                    absent = Some(error);
                }
            }
        }
        match absent {
            Some(error) if listening.udp.is_empty() => Err(error),
            _ => Ok(listening),
        }
    }
}

/// `[::]` serves IPv4 too, unless IPv4 has an address of its own with that port.
fn serves_both(address: SocketAddr, addresses: &[SocketAddr]) -> bool {
    address.ip().is_unspecified() && !addresses.iter().any(|other| other.is_ipv4() && other.port() == address.port())
}

/// How often to ask the system for another port where TCP has none of the number that UDP got.
const PORT_ATTEMPTS: usize = 16;

fn bind_one(
    address: SocketAddr,
    dual_stack: bool,
    tcp: bool,
    buffers: BufferSizes,
    gro: bool,
) -> io::Result<(UdpSocket, Option<std::net::TcpListener>)> {
    for attempt in 1.. {
        let udp = UdpSocket::bind(address, buffers, dual_stack, gro)?;
        if !tcp {
            return Ok((udp, None));
        }
        match super::tcp::listen(udp.local_address(), dual_stack) {
            Ok(listener) => return Ok((udp, Some(listener))),
            Err(error) if address.port() != 0 || attempt == PORT_ATTEMPTS => return Err(error),
            Err(_) => {}
        }
    }
    unreachable!("the loop ends at PORT_ATTEMPTS")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUFFERS: BufferSizes = BufferSizes { receive: 65_536, send: 65_536 };

    fn listen(addresses: &[&str]) -> WorkerConfig {
        WorkerConfig::new(0, addresses.iter().map(|address| address.parse().unwrap()).collect())
    }

    fn socket() -> UdpSocket {
        UdpSocket::bind("0.0.0.0:0".parse().unwrap(), BUFFERS, false, false).unwrap()
    }

    #[test]
    fn each_local_address_has_its_own_id_up_to_a_bound() {
        let mut sockets = Sockets::default();
        let (key, id) = sockets.add_udp(socket());
        assert_eq!(sockets.id_at(key, None), id);
        let ids: Vec<_> = (0..=MAX_SOURCES as u8).map(|n| sockets.id_at(key, Some([127, 0, 0, n].into()))).collect();
        assert_eq!(sockets.id_at(key, Some([127, 0, 0, 3].into())), ids[3]);
        assert_eq!(ids.last(), Some(&id));
        let source = Some([127, 0, 0, 3].into());
        assert_eq!(sockets.place(ids[3]), Some(Place::Udp { key, source }));
        assert_eq!(sockets.local_end(ids[3]).unwrap().source, source);
        sockets.remove_udp(key);
        assert!(sockets.place(ids[3]).is_none() && sockets.place(id).is_none());
    }

    #[test]
    fn ids_are_not_used_again() {
        let mut sockets = Sockets::default();
        let first = sockets.add_tcp(0);
        sockets.remove_tcp(first);
        assert_ne!(sockets.add_tcp(0), first);
    }

    #[test]
    fn drops_are_counted_by_their_differences() {
        let mut sockets = Sockets::default();
        let (key, _) = sockets.add_udp(socket());
        let endpoint = sockets.udp(key).unwrap();
        let new: Vec<u64> = [5, 5, u32::MAX, 1].map(|drops| endpoint.count_drops(drops)).into();
        assert_eq!(new, [5, 0, u64::from(u32::MAX) - 5, 2]);
    }

    #[test]
    fn udp_and_tcp_share_a_port_number() {
        let listening = Listening::bind(&listen(&["127.0.0.1:0", "[::1]:0"]), false).unwrap();
        for (udp, tcp) in listening.udp.iter().zip(&listening.tcp) {
            assert_eq!(udp.local_address(), tcp.local_addr().unwrap());
        }
        let taken = listening.udp[0].local_address();
        let error = Listening::bind(&WorkerConfig::new(0, vec![taken]), false).err().unwrap();
        assert!(error.to_string().contains(&taken.to_string()), "{error}");
    }

    #[test]
    fn an_address_that_is_gone_is_passed_over_only_if_that_is_asked_for_and_another_is_left() {
        const GONE: &str = "203.0.113.1:0";
        let mut config = listen(&["127.0.0.1:0", GONE]);
        assert!(Listening::bind(&config, false).err().unwrap().to_string().contains(GONE));
        config.skip_absent = true;
        assert_eq!(Listening::bind(&config, false).unwrap().udp.len(), 1);
        config.listen.remove(0);
        assert!(Listening::bind(&config, false).err().unwrap().to_string().contains(GONE));
    }
}
