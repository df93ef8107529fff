//! Socket addresses in the kernel's form, written and read as bytes: no pointer casts on the packet path.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Room for a `sockaddr_in6`, the larger of the two.
const CAPACITY: usize = size_of::<libc::sockaddr_in6>();
/// Bytes of a `sockaddr_in`.
const V4_LEN: usize = size_of::<libc::sockaddr_in>();

/// A `sockaddr_in` or `sockaddr_in6`.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct RawAddress {
    bytes: [u8; CAPACITY],
}

impl RawAddress {
    /// No address yet.
    pub const EMPTY: RawAddress = RawAddress { bytes: [0; CAPACITY] };

    /// Writes `address` and returns its length. A socket of the IPv6 family names IPv4 peers by mapped addresses
    /// (RFC 4291, section 2.5.5.2).
    pub fn encode(&mut self, address: SocketAddr, ipv6_socket: bool) -> u32 {
        let port = address.port().to_be_bytes();
        match address.ip() {
            IpAddr::V4(ip) if !ipv6_socket => {
                self.bytes[0..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
                self.bytes[2..4].copy_from_slice(&port);
                self.bytes[4..8].copy_from_slice(&ip.octets());
                self.bytes[8..V4_LEN].fill(0);
                V4_LEN as u32
            }
            ip => {
                let ip = match ip {
                    IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                    IpAddr::V6(ip) => ip,
                };
                let scope = if let SocketAddr::V6(address) = address { address.scope_id() } else { 0 };
                self.bytes[0..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
                self.bytes[2..4].copy_from_slice(&port);
                self.bytes[4..8].fill(0);
                self.bytes[8..24].copy_from_slice(&ip.octets());
                self.bytes[24..28].copy_from_slice(&scope.to_ne_bytes());
                CAPACITY as u32
            }
        }
    }

    /// Reads the address that the kernel wrote; mapped addresses come back as IPv4. None for another family.
    pub fn decode(&self) -> Option<SocketAddr> {
        let family = i32::from(u16::from_ne_bytes([self.bytes[0], self.bytes[1]]));
        let port = u16::from_be_bytes([self.bytes[2], self.bytes[3]]);
        match family {
            libc::AF_INET => {
                let octets: [u8; 4] = self.bytes[4..8].try_into().ok()?;
                Some(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::from(octets), port)))
            }
            libc::AF_INET6 => {
                let octets: [u8; 16] = self.bytes[8..24].try_into().ok()?;
                let ip = Ipv6Addr::from(octets);
                if let Some(ip) = ip.to_ipv4_mapped() {
                    return Some(SocketAddr::V4(SocketAddrV4::new(ip, port)));
                }
                let scope = u32::from_ne_bytes(self.bytes[24..28].try_into().ok()?);
                Some(SocketAddr::V6(SocketAddrV6::new(ip, port, 0, scope)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(text: &str, ipv6_socket: bool) -> (u32, Option<SocketAddr>) {
        let mut raw = RawAddress::EMPTY;
        let len = raw.encode(text.parse().unwrap(), ipv6_socket);
        (len, raw.decode())
    }

    #[test]
    fn addresses_survive_the_round_trip() {
        for text in ["192.0.2.7:3478", "[2001:db8::1]:65535", "[fe80::1%3]:9"] {
            assert_eq!(round_trip(text, false).1, Some(text.parse().unwrap()));
        }
    }

    #[test]
    fn an_ipv6_socket_names_ipv4_peers_by_mapped_addresses() {
        let (len, decoded) = round_trip("192.0.2.7:3478", true);
        assert_eq!(len, 28);
        assert_eq!(decoded, Some("192.0.2.7:3478".parse().unwrap()));
    }

    #[test]
    fn another_family_is_no_address() {
        assert_eq!(RawAddress::EMPTY.decode(), None);
    }
}
