//! Control messages (cmsg(3)) as bytes: what UDP sockets say and are told besides the data.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// Length, level and type in front of each control message.
const HEADER_LEN: usize = size_of::<libc::cmsghdr>();
/// What control messages are aligned to (`CMSG_ALIGN`).
const ALIGNMENT: usize = size_of::<usize>();
/// Room for packet info of either family, a segment size, a drop count and a time.
const CAPACITY: usize = 160;

const fn align(len: usize) -> usize {
    (len + ALIGNMENT - 1) & !(ALIGNMENT - 1)
}

/// A buffer of control messages.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Control {
    bytes: [u8; CAPACITY],
}

/// What came with a received message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    /// Size of the segments that GRO joined; None for a single datagram.
    pub segment_size: Option<usize>,
    /// The address it was sent to, where packet info is switched on.
    pub local: Option<IpAddr>,
    /// Datagrams dropped by the kernel since the socket was made, modulo 2³² (`SO_RXQ_OVFL`).
    pub drops: Option<u32>,
    /// When it came, since the Unix epoch, where that is switched on (`SO_TIMESTAMPNS`).
    pub arrived: Option<Duration>,
}

impl Control {
    /// Nothing.
    pub const EMPTY: Control = Control { bytes: [0; CAPACITY] };
    /// Bytes there is room for.
    pub const CAPACITY: usize = CAPACITY;

    /// Reads the first `len` bytes, which the kernel wrote.
    pub fn read(&self, len: usize) -> Received {
        let mut received = Received::default();
        let mut rest = &self.bytes[..len.min(CAPACITY)];
        while rest.len() >= HEADER_LEN {
            let message_len = usize::from_ne_bytes(rest[..ALIGNMENT].try_into().unwrap_or_default());
            if message_len < HEADER_LEN || message_len > rest.len() {
                break;
            }
            let level = read_int(&rest[HEADER_LEN - 8..]);
            let kind = read_int(&rest[HEADER_LEN - 4..]);
            received.take(level, kind, &rest[HEADER_LEN..message_len]);
            rest = &rest[align(message_len).min(rest.len())..];
        }
        received
    }

    /// Writes the segment size for GSO behind the first `len` bytes; returns the new length.
    pub fn write_segment_size(&mut self, len: usize, segment_size: u16) -> usize {
        self.write(len, libc::SOL_UDP, libc::UDP_SEGMENT, &segment_size.to_ne_bytes())
    }

    /// Writes the source address to send from behind the first `len` bytes; returns the new length. The family of the
    /// control message is the socket's; the kernel takes mapped addresses for IPv4 there.
    pub fn write_source(&mut self, len: usize, source: IpAddr, ipv6_socket: bool) -> usize {
        match source {
            IpAddr::V4(ip) if !ipv6_socket => {
                // struct in_pktinfo: interface index (0: by route), source, destination (not read on sending).
                let mut info = [0; size_of::<libc::in_pktinfo>()];
                info[4..8].copy_from_slice(&ip.octets());
                self.write(len, libc::IPPROTO_IP, libc::IP_PKTINFO, &info)
            }
            ip => {
                let ip = match ip {
                    IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                    IpAddr::V6(ip) => ip,
                };
                // struct in6_pktinfo: source, interface index (0: by route).
                let mut info = [0; size_of::<libc::in6_pktinfo>()];
                info[..16].copy_from_slice(&ip.octets());
                self.write(len, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info)
            }
        }
    }

    fn write(&mut self, len: usize, level: i32, kind: i32, data: &[u8]) -> usize {
        let message_len = HEADER_LEN + data.len();
        let out = &mut self.bytes[len..len + align(message_len)];
        out[..ALIGNMENT].copy_from_slice(&message_len.to_ne_bytes());
        out[HEADER_LEN - 8..HEADER_LEN - 4].copy_from_slice(&level.to_ne_bytes());
        out[HEADER_LEN - 4..HEADER_LEN].copy_from_slice(&kind.to_ne_bytes());
        out[HEADER_LEN..message_len].copy_from_slice(data);
        out[message_len..].fill(0);
        len + align(message_len)
    }
}

impl Received {
    fn take(&mut self, level: i32, kind: i32, data: &[u8]) {
        match (level, kind) {
            (libc::SOL_UDP, libc::UDP_GRO) if data.len() >= 4 => {
                self.segment_size = usize::try_from(read_int(data)).ok().filter(|size| *size > 0);
            }
            (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) if data.len() >= 4 => self.drops = Some(read_int(data) as u32),
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) if data.len() >= size_of::<libc::timespec>() => {
                let field = |at: usize| i64::from_ne_bytes(std::array::from_fn(|index| data[at + index]));
                self.arrived = u64::try_from(field(0))
                    .ok()
                    .zip(u32::try_from(field(8)).ok())
                    .map(|(seconds, nanos)| Duration::new(seconds, nanos));
            }
            (libc::IPPROTO_IP, libc::IP_PKTINFO) if data.len() >= 12 => {
                // The second field is the local address that routing chose, the third the one that was addressed:
                // they differ for broadcasts only, which cannot be answered from their address.
                self.local = Some(IpAddr::V4(Ipv4Addr::new(data[4], data[5], data[6], data[7])));
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) if data.len() >= 16 => {
                let mut octets = [0; 16];
                octets.copy_from_slice(&data[..16]);
                let ip = Ipv6Addr::from(octets);
                self.local = Some(ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4));
            }
            _ => {}
        }
    }
}

/// The native-endian integer at the front of `data`, which has at least four bytes.
fn read_int(data: &[u8]) -> i32 {
    i32::from_ne_bytes([data[0], data[1], data[2], data[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_read_as_it_was_written() {
        for (text, ipv6_socket) in [("192.0.2.7", false), ("192.0.2.7", true), ("2001:db8::7", true)] {
            let source: IpAddr = text.parse().unwrap();
            let mut control = Control::EMPTY;
            let len = control.write_source(0, source, ipv6_socket);
            let len = control.write_segment_size(len, 1_200);
            assert_eq!(control.read(len), Received { local: Some(source), ..Received::default() });
        }
    }

    #[test]
    fn a_broken_buffer_ends_the_reading() {
        let mut control = Control::EMPTY;
        let len = control.write_source(0, "192.0.2.7".parse().unwrap(), false);
        control.bytes[0] = 200;
        assert_eq!(control.read(len), Received::default());
        control.bytes[0] = 3;
        assert_eq!(control.read(len), Received::default());
        assert_eq!(control.read(5), Received::default());
    }
}
