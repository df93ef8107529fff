//! A peer connection: str0m's engine, and the one socket that it talks through.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use str0m::bwe::Bitrate;
use str0m::crypto::CryptoProvider;
use str0m::net::{DatagramSend, Protocol, Receive};
use str0m::rtp::Extension;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use crate::media::clip::Codec;
use crate::net::{Datagram, Socket};

/// Where the engine wants to be called again at once, it is, so often at most.
const MAX_TURNS: usize = 16;
/// Ids of header extensions in our offers that str0m's own list leaves free.
const CAPTURE_TIME_ID: u8 = 7;
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// What a connection is for.
pub enum Purpose {
    /// Sends one codec of video, or none; with a bandwidth estimate that begins here (bit/s), if at all.
    Publish {
        video: Option<Codec>,
        estimate: Option<u64>,
    },
    Receive,
}

pub struct Connection {
    pub rtc: Rtc,
    pub socket: Option<Rc<Socket>>,
    outgoing: Vec<DatagramSend>,
    remote: Option<SocketAddr>,
    /// The engine's time never goes back.
    last: Instant,
    /// When it wants to be called.
    pub due: Instant,
    /// For when a call is on the timetable.
    pub scheduled: Option<Instant>,
    pub sent: Traffic,
    pub received: Traffic,
    pub is_connected: bool,
    /// Whether that is known to whoever waits for it.
    pub was_connected: bool,
}

/// Datagrams and their bytes, headers of UDP and IP not counted.
#[derive(Clone, Copy, Default)]
pub struct Traffic {
    pub packets: u64,
    pub bytes: u64,
}

impl Traffic {
    fn add(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
    }
}

/// The two clocks at one moment.
pub struct Clocks {
    pub now: Instant,
    system: SystemTime,
}

impl Clocks {
    pub fn read() -> Self {
        Clocks { now: Instant::now(), system: SystemTime::now() }
    }

    /// The moment of a time stamp of the kernel's; now where there is none.
    fn instant_of(&self, stamp: Option<SystemTime>) -> Instant {
        let ago = stamp.and_then(|stamp| self.system.duration_since(stamp).ok()).unwrap_or_default();
        self.now.checked_sub(ago).unwrap_or(self.now)
    }
}

/// One for the process: a certificate for each of thousands would cost seconds and tell nothing.
fn crypto() -> &'static CryptoProvider {
    static PROVIDER: OnceLock<CryptoProvider> = OnceLock::new();
    PROVIDER.get_or_init(str0m::crypto::from_feature_flags)
}

fn certificate() -> str0m::config::DtlsCert {
    static CERTIFICATE: OnceLock<str0m::config::DtlsCert> = OnceLock::new();
    let make = || crypto().dtls_provider.generate_certificate().expect("the provider makes certificates");
    CERTIFICATE.get_or_init(make).clone()
}

impl Connection {
    pub fn new(purpose: &Purpose, now: Instant) -> Self {
        let mut config = RtcConfig::new()
            .set_crypto_provider(crypto().clone().into())
            .set_dtls_cert(certificate())
            .set_rtp_mode(true)
            .set_extension(CAPTURE_TIME_ID, Extension::AbsoluteCaptureTime)
            .set_rtcp_report_interval_audio(REPORT_INTERVAL)
            .set_rtcp_report_interval_video(REPORT_INTERVAL)
            .clear_codecs()
            .enable_opus(true, false);
        match purpose {
            Purpose::Publish { video, estimate } => {
                config = match video {
                    Some(Codec::H264) => config.enable_h264(true),
                    Some(_) => config.enable_vp8(true),
                    None => config,
                };
                config = config.enable_bwe(estimate.map(Bitrate::bps).filter(|_| video.is_some()));
            }
            Purpose::Receive => config = config.enable_vp8(true).enable_h264(true),
        }
        Connection {
            rtc: config.build(now),
            socket: None,
            outgoing: Vec::new(),
            remote: None,
            last: now,
            due: now,
            scheduled: None,
            sent: Traffic::default(),
            received: Traffic::default(),
            is_connected: false,
            was_connected: false,
        }
    }

    /// Opens the socket towards the first UDP candidate of the bridge's description, unless it stands already.
    /// Returns whether it is new.
    pub fn settle(&mut self, description: &str) -> Result<bool, String> {
        if self.socket.is_some() {
            return Ok(false);
        }
        let remote = first_candidate(description).ok_or("the bridge named no UDP candidate")?;
        let socket = Socket::towards(remote).map_err(|error| format!("no socket towards the bridge: {error}"))?;
        let candidate = Candidate::host(socket.local(), Protocol::Udp).map_err(|error| error.to_string())?;
        self.rtc.add_local_candidate(candidate);
        // It knows no time before the first one, and without a time it checks nothing: where the bridge is to begin the
        // DTLS handshake (`a=setup:active`), nothing else would tell it.
        self.rtc.handle_input(Input::Timeout(self.last)).map_err(|error| error.to_string())?;
        self.socket = Some(Rc::new(socket));
        self.remote = Some(remote);
        Ok(true)
    }

    /// Takes a datagram that came in, as of the moment at which the kernel took it: feedback is to tell of the line, not
    /// of our own lateness. Returns that moment, at which [`Connection::poll`] tells what comes of it.
    pub fn receive(&mut self, datagram: &Datagram<'_>, clocks: &Clocks) -> Result<Instant, String> {
        let (data, now) = (datagram.data, clocks.instant_of(datagram.received).max(self.last));
        self.last = now;
        self.received.add(data.len());
        let (Some(socket), Some(source)) = (&self.socket, self.remote) else { return Ok(now) };
        // What is neither STUN, DTLS nor RTP is nothing to an endpoint.
        let Ok(contents) = data.try_into() else { return Ok(now) };
        let receive = Receive { proto: Protocol::Udp, source, destination: socket.local(), contents };
        self.rtc.handle_input(Input::Receive(now, receive)).map_err(|error| error.to_string())?;
        Ok(now)
    }

    /// Sends what is to be sent and tells what happened, until the engine has nothing more to do now.
    pub fn poll(&mut self, now: Instant, mut each: impl FnMut(&mut Rtc, Event)) -> Result<(), String> {
        let now = now.max(self.last);
        self.last = now;
        let mut turns = 0;
        loop {
            match self.rtc.poll_output().map_err(|error| error.to_string())? {
                Output::Transmit(transmit) => {
                    self.sent.add(transmit.contents.len());
                    self.outgoing.push(transmit.contents);
                }
                Output::Event(Event::Connected) => self.is_connected = true,
                Output::Event(event) => each(&mut self.rtc, event),
                Output::Timeout(due) if due <= now && turns < MAX_TURNS => {
                    turns += 1;
                    self.rtc.handle_input(Input::Timeout(now)).map_err(|error| error.to_string())?;
                }
                Output::Timeout(due) => {
                    self.due = due;
                    break;
                }
            }
        }
        if let Some(socket) = &self.socket
            && !self.outgoing.is_empty()
        {
            socket.send_all(&self.outgoing);
        }
        self.outgoing.clear();
        Ok(())
    }
}

/// The address in the first candidate of the first component over UDP that has one (RFC 8839, section 5.1).
fn first_candidate(description: &str) -> Option<SocketAddr> {
    description.lines().find_map(|line| {
        let words: Vec<&str> = line.trim_end().strip_prefix("a=candidate:")?.split(' ').collect();
        let [_, "1", protocol, _, address, port, ..] = words[..] else { return None };
        if !protocol.eq_ignore_ascii_case("udp") {
            return None;
        }
        Some(SocketAddr::new(address.parse().ok()?, port.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use str0m::change::SdpAnswer;
    use str0m::media::{Direction, MediaKind};

    use super::*;

    #[test]
    fn the_first_udp_candidate_with_an_address_is_taken() {
        let text = "a=candidate:1 1 tcp 1 10.0.0.1 9 typ host tcptype passive\r\n\
                    a=candidate:2 1 UDP 1 name.local 9 typ host\r\na=candidate:3 1 udp 1 10.0.0.2 3478 typ host\r\n";
        assert_eq!(first_candidate(text), Some(([10, 0, 0, 2], 3478).into()));
        assert_eq!(first_candidate("v=0\r\n"), None);
    }

    #[test]
    fn a_bridge_that_begins_the_dtls_handshake_is_checked_too() {
        let now = Instant::now();
        let bridge = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut ours = Connection::new(&Purpose::Publish { video: None, estimate: None }, now);
        let mut changes = ours.rtc.sdp_api();
        changes.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
        let (offer, pending) = changes.apply().unwrap();
        let mut theirs = RtcConfig::new().set_crypto_provider(crypto().clone().into()).set_ice_lite(true).build(now);
        theirs.add_local_candidate(Candidate::host(bridge.local_addr().unwrap(), Protocol::Udp).unwrap());
        let answer = theirs.sdp_api().accept_offer(offer).unwrap().to_sdp_string();
        let answer = answer.replace("a=setup:passive", "a=setup:active");
        assert!(answer.contains("a=setup:active"));
        ours.rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&answer).unwrap()).unwrap();
        assert!(ours.settle(&answer).unwrap());
        let mut later = now;
        while ours.sent.packets == 0 {
            ours.poll(later, |_, _| ()).unwrap();
            assert!(ours.due < now + Duration::from_secs(1), "it waits for nothing");
            later = ours.due;
        }
    }
}
