//! One TCP connection: frames in, frames out, both within bounds.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::engine::Outcome;
use crate::packet::framing::{FRAME_HEADER_LEN, Frame, frame_header, next_frame};
use crate::path::{Path, Protocol, SocketId};
use crate::time::Time;

/// Largest frame taken. Peers send what they would send over UDP, a path's MTU; DTLS records may be larger.
pub(super) const MAX_FRAME_LEN: usize = 16_384 + 2_048;
/// Bytes that wait for a peer that does not read. Past it whole packets are dropped.
pub(super) const MAX_OUTPUT_BYTES: usize = 256 * 1024;
/// Frames that a stranger may send which prove nothing, until it is taken for garbage. A check that arrives before
/// its transport exists is retransmitted, with the same connection.
pub(super) const MAX_UNPROVEN_FRAMES: u32 = 32;

/// The connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::worker) enum Closed {
    /// By the peer, or by an error on the way.
    Gone,
    /// It sends what no peer of ours would.
    Garbage,
}

/// An accepted connection.
pub(super) struct Connection {
    stream: TcpStream,
    path: Path,
    /// When it was accepted.
    pub opened: Time,
    /// When it last proved to be a peer's; None before the first time.
    pub proven: Option<Time>,
    unproven_frames: u32,
    /// The beginning of a frame whose end has not arrived yet.
    input: Vec<u8>,
    /// Frames that the kernel has not taken yet, from `sent` on.
    output: Vec<u8>,
    sent: usize,
    /// Whether epoll was told that there is something to write.
    pub watched_for_room: bool,
}

impl Connection {
    pub fn new(stream: TcpStream, id: SocketId, remote: SocketAddr, now: Time) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        // Media does not wait for company.
        stream.set_nodelay(true)?;
        let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        Ok(Connection {
            stream,
            path: Path { protocol: Protocol::Tcp, socket: id, remote },
            opened: now,
            proven: None,
            unproven_frames: 0,
            input: Vec::new(),
            output: Vec::new(),
            sent: 0,
            watched_for_room: false,
        })
    }

    pub fn id(&self) -> SocketId {
        self.path.socket
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Whether something waits to be written.
    pub fn has_output(&self) -> bool {
        self.sent < self.output.len()
    }

    /// Reads once, behind what it holds of a frame, at most what fits `scratch` (which is larger than any frame). How many
    /// bytes are there, for [`hand_on`](Self::hand_on).
    pub fn receive(&mut self, scratch: &mut [u8]) -> Result<usize, Closed> {
        let kept = self.input.len();
        scratch[..kept].copy_from_slice(&self.input);
        self.input.clear();
        match self.stream.read(&mut scratch[kept..]) {
            Ok(0) => Err(Closed::Gone),
            Ok(read) => Ok(kept + read),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(kept),
            Err(_) => Err(Closed::Gone),
        }
    }

    /// Hands on the whole frames of what was received, and keeps the rest.
    pub fn hand_on(
        &mut self,
        now: Time,
        received: &mut [u8],
        mut handle: impl FnMut(&Path, &mut [u8]) -> Outcome,
    ) -> Result<(), Closed> {
        let mut rest = received;
        loop {
            match next_frame(rest) {
                Frame::Complete { consumed, .. } => {
                    let (frame, behind) = rest.split_at_mut(consumed);
                    rest = behind;
                    let outcome = handle(&self.path, &mut frame[FRAME_HEADER_LEN..]);
                    self.judge(now, outcome)?;
                }
                Frame::Incomplete { needed } if needed > FRAME_HEADER_LEN + MAX_FRAME_LEN => {
                    return Err(Closed::Garbage);
                }
                Frame::Incomplete { .. } => break,
            }
        }
        if rest.is_empty() {
            // Idle connections hold no buffer.
            self.input = Vec::new();
        } else {
            self.input.extend_from_slice(rest);
        }
        Ok(())
    }

    fn judge(&mut self, now: Time, outcome: Outcome) -> Result<(), Closed> {
        match outcome {
            Outcome::Authenticated => self.proven = Some(now),
            Outcome::Accepted => {}
            Outcome::Rejected if self.proven.is_some() => {}
            Outcome::Rejected => {
                self.unproven_frames += 1;
                if self.unproven_frames > MAX_UNPROVEN_FRAMES {
                    return Err(Closed::Garbage);
                }
            }
        }
        Ok(())
    }

    /// Frames `packets` and writes what the kernel takes. Returns how many packets were dropped since the peer does
    /// not read: always whole ones, so that the framing stays intact.
    pub fn send<'a>(&mut self, packets: impl Iterator<Item = &'a [u8]>) -> Result<u64, Closed> {
        let mut dropped = 0;
        for packet in packets {
            let waiting = self.output.len() - self.sent;
            match frame_header(packet.len()) {
                Some(header) if waiting + header.len() + packet.len() <= MAX_OUTPUT_BYTES => {
                    self.output.extend_from_slice(&header);
                    self.output.extend_from_slice(packet);
                }
                _ => dropped += 1,
            }
        }
        self.write()?;
        Ok(dropped)
    }

    /// Writes what waits, as far as the kernel takes it.
    pub fn write(&mut self) -> Result<(), Closed> {
        while self.has_output() {
            match self.stream.write(&self.output[self.sent..]) {
                Ok(0) => return Err(Closed::Gone),
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Closed::Gone),
            }
        }
        if !self.has_output() {
            self.output.clear();
            self.sent = 0;
        } else if self.sent > MAX_OUTPUT_BYTES / 2 {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
        Ok(())
    }
}
