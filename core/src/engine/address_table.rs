//! Whose packets come from where: the first thing that is asked of every datagram that is not STUN.

use std::net::{IpAddr, SocketAddr};

use rustc_hash::FxHashMap;

use crate::path::{Path, SocketId};

/// A remote address on one of our sockets, packed into words so that hashing it takes three multiplications.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    ip: [u64; 2],
    socket_and_port: u64,
}

impl Key {
    fn new(socket: SocketId, remote: &SocketAddr) -> Self {
        let bits = match remote.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
            IpAddr::V6(ip) => ip.to_bits(),
        };
        Key {
            ip: [(bits >> 64) as u64, bits as u64],
            socket_and_port: u64::from(socket.0) << 16 | u64::from(remote.port()),
        }
    }

    /// The same of whatever port: it stands for its host, or for the NAT in front of it. No peer sends from port 0.
    fn host(self) -> Self {
        Key { socket_and_port: self.socket_and_port & !0xffff, ..self }
    }
}

/// The transport behind an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its key in the slab of transports.
    pub transport: usize,
    /// The place of the path in its ICE agent.
    pub slot: u8,
}

/// The addresses that proved to belong to a transport. Strangers cannot make entries, and its size is bounded by
/// transports times paths.
#[derive(Default)]
pub struct AddressTable {
    owners: FxHashMap<Key, Owner>,
    /// The transports that have addresses on a host, each as often as it has one.
    hosts: FxHashMap<Key, Vec<usize>>,
}

impl AddressTable {
    /// Whose packets come from the path's address.
    #[inline]
    pub fn get(&self, path: &Path) -> Option<Owner> {
        self.owners.get(&Key::new(path.socket, &path.remote)).copied()
    }

    /// The transports that have an address which differs from the path's at most by its port.
    pub fn neighbours(&self, path: &Path) -> &[usize] {
        self.hosts.get(&Key::new(path.socket, &path.remote).host()).map_or(&[], Vec::as_slice)
    }

    /// Enters an address; what was known about it is replaced.
    pub fn insert(&mut self, path: &Path, owner: Owner) {
        let key = Key::new(path.socket, &path.remote);
        if let Some(before) = self.owners.insert(key, owner) {
            self.leave_host(key, before.transport);
        }
        self.hosts.entry(key.host()).or_default().push(owner.transport);
    }

    /// Forgets an address, if it belongs to `transport`.
    pub fn remove(&mut self, path: &Path, transport: usize) {
        let key = Key::new(path.socket, &path.remote);
        if self.owners.get(&key).is_some_and(|owner| owner.transport == transport) {
            self.owners.remove(&key);
            self.leave_host(key, transport);
        }
    }

    fn leave_host(&mut self, key: Key, transport: usize) {
        let Some(transports) = self.hosts.get_mut(&key.host()) else { return };
        if let Some(at) = transports.iter().position(|one| *one == transport) {
            transports.swap_remove(at);
        }
        if transports.is_empty() {
            self.hosts.remove(&key.host());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Protocol;

    fn path(socket: u32, remote: &str) -> Path {
        Path { protocol: Protocol::Udp, socket: SocketId(socket), remote: remote.parse().unwrap() }
    }

    #[test]
    fn socket_address_and_port_tell_entries_apart() {
        let mut table = AddressTable::default();
        let known = path(1, "192.0.2.1:5000");
        let owner = Owner { transport: 7, slot: 1 };
        table.insert(&known, owner);
        assert_eq!(table.get(&known), Some(owner));
        for other in [path(2, "192.0.2.1:5000"), path(1, "192.0.2.1:5001"), path(1, "[2001:db8::1]:5000")] {
            assert_eq!(table.get(&other), None);
        }
    }

    #[test]
    fn neighbours_differ_by_port_alone() {
        let mut table = AddressTable::default();
        table.insert(&path(1, "192.0.2.1:5000"), Owner { transport: 7, slot: 1 });
        table.insert(&path(1, "192.0.2.1:5001"), Owner { transport: 8, slot: 0 });
        table.insert(&path(1, "192.0.2.1:5001"), Owner { transport: 9, slot: 0 });
        assert_eq!(table.neighbours(&path(1, "192.0.2.1:6000")), [7, 9]);
        for other in [path(2, "192.0.2.1:6000"), path(1, "192.0.2.2:5000"), path(1, "[2001:db8::1]:5000")] {
            assert!(table.neighbours(&other).is_empty());
        }
        table.remove(&path(1, "192.0.2.1:5000"), 7);
        table.remove(&path(1, "192.0.2.1:5001"), 9);
        assert!(table.neighbours(&path(1, "192.0.2.1:6000")).is_empty());
        assert!(table.hosts.is_empty());
    }

    #[test]
    fn only_its_owner_removes_an_entry() {
        let mut table = AddressTable::default();
        let known = path(1, "192.0.2.1:5000");
        table.insert(&known, Owner { transport: 7, slot: 1 });
        table.remove(&known, 8);
        assert!(table.get(&known).is_some());
        table.remove(&known, 7);
        assert!(table.get(&known).is_none());
    }
}
