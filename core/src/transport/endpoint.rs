//! Where a transport's packets come from and go to.

use std::net::{IpAddr, SocketAddr};

use crate::ice::Agent;
use crate::path::{Path, Protocol, SocketId};
use crate::time::Time;

/// Where a transport's packets come from and go to.
pub enum Endpoint {
    /// What ICE says (`WebRtcTransport`).
    Ice(Box<Agent>),
    /// A socket of its own and one remote address (`PlainTransport`).
    Plain(PlainEndpoint),
}

impl Endpoint {
    /// Where media goes now.
    pub fn media_path(&self) -> Option<Path> {
        match self {
            Endpoint::Ice(agent) => agent.media_path(),
            Endpoint::Plain(plain) => plain.path(),
        }
    }

    /// What carries its packets.
    pub fn protocol(&self) -> Option<Protocol> {
        match self {
            Endpoint::Ice(agent) => agent.protocol(),
            Endpoint::Plain(_) => Some(Protocol::Udp),
        }
    }

    /// When it wants to be looked after.
    pub fn deadline(&self) -> Time {
        match self {
            Endpoint::Ice(agent) => agent.deadline(),
            Endpoint::Plain(_) => Time::MAX,
        }
    }

    /// The ICE agent of a `WebRtcTransport`.
    pub fn ice(&mut self) -> Option<&mut Agent> {
        match self {
            Endpoint::Ice(agent) => Some(agent),
            Endpoint::Plain(_) => None,
        }
    }
}

/// The socket and the remote address of a `PlainTransport`.
///
/// Two of them, with each other's keys, are the pipe between routers of two workers or nodes (`PipeTransport` in the
/// words of others): the near one sends a consumer that keeps payload types and MID, the far one takes it in as a
/// producer of the same parameters. Losses in the pipe are repaired in the pipe, keyframe requests pass through it.
/// One side is given the other's address, the other one learns it by the first packet.
pub struct PlainEndpoint {
    socket: SocketId,
    remote: Option<SocketAddr>,
    encrypted: bool,
}

impl PlainEndpoint {
    /// An endpoint on `socket`. Without a remote address the source of the first valid packet becomes it. Fails where
    /// unencrypted media would leave the host.
    pub fn new(socket: SocketId, remote: Option<SocketAddr>, encrypted: bool) -> Result<Self, &'static str> {
        if let Some(remote) = remote
            && !encrypted
            && !is_loopback(remote.ip())
        {
            return Err("remote must be a loopback address unless srtp is given");
        }
        Ok(PlainEndpoint { socket, remote, encrypted })
    }

    /// The socket it has for its own.
    pub fn socket(&self) -> SocketId {
        self.socket
    }

    /// Whether a valid packet from `remote` would make that the remote address.
    pub fn would_take(&self, remote: &SocketAddr) -> bool {
        self.remote.is_none() && (self.encrypted || is_loopback(remote.ip()))
    }

    /// Fixes the remote address.
    pub fn take(&mut self, remote: SocketAddr) {
        self.remote = Some(remote);
    }

    /// Where its packets go, as soon as that is known.
    pub fn path(&self) -> Option<Path> {
        self.remote.map(|remote| Path { protocol: Protocol::Udp, socket: self.socket, remote })
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn plain_media_stays_on_the_host() {
        let new = |remote: &str, encrypted| PlainEndpoint::new(SocketId(1), Some(address(remote)), encrypted);
        assert!(new("192.0.2.1:5000", false).is_err());
        assert!(new("192.0.2.1:5000", true).is_ok());
        assert!(new("127.0.0.9:5000", false).is_ok());
        assert!(new("[::1]:5000", false).is_ok());
    }

    #[test]
    fn the_first_remote_is_kept() {
        let mut plain = PlainEndpoint::new(SocketId(1), None, false).ok().unwrap();
        assert!(plain.path().is_none());
        assert!(!plain.would_take(&address("192.0.2.1:5000")));
        assert!(plain.would_take(&address("127.0.0.1:5000")));
        plain.take(address("127.0.0.1:5000"));
        assert!(!plain.would_take(&address("127.0.0.1:5001")));
        assert_eq!(plain.path().unwrap().remote, address("127.0.0.1:5000"));
    }
}
