//! A client: connectivity checks and SRTP towards one transport of the engine.

use _core::command::Command;
use _core::engine::Outcome;
use _core::packet::demux::{Kind, classify};
use _core::packet::rtcp::RtcpWriter;
use _core::packet::rtp::RtpHeader;
use _core::packet::stun::{BindingRequest, Class, IntegrityKey, Role, StunMessage, TransactionId};
use _core::params::{HeaderExtension, SrtpParams, SrtpProfile, WebRtcTransportParams};
use _core::path::Path;
use _core::srtp::{SrtpReceiver, SrtpSender};

use super::{Sim, udp};

const PWD: &str = "the-password-of-22-chars-or-more";

/// The ids under which clients send and receive extensions. Publishers and viewers number differently, as real ones do.
pub const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
pub const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
pub const TWCC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
pub const ABS_SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
pub const ORIENTATION: &str = "urn:3gpp:video-orientation";
pub const PLAYOUT_DELAY: &str = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";

pub const FRAME_MARKING: &str = "urn:ietf:params:rtp-hdrext:framemarking";
pub const FRAME_MARKING_DRAFT: &str = "http://tools.ietf.org/html/draft-ietf-avtext-framemarking-07";
pub const DEPENDENCY_DESCRIPTOR: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

pub fn extensions(list: &[(&str, u8)]) -> Vec<HeaderExtension> {
    list.iter().map(|(uri, id)| HeaderExtension { uri: (*uri).to_owned(), id: *id }).collect()
}

/// What a client got, decrypted.
#[derive(Default)]
pub struct Received {
    pub stun: Vec<Vec<u8>>,
    pub dtls: Vec<Vec<u8>>,
    pub rtp: Vec<Vec<u8>>,
    pub rtcp: Vec<Vec<u8>>,
}

pub struct Client {
    pub transport_id: u64,
    pub path: Path,
    pub ufrag: String,
    /// The user name fragment of its own that it makes checks with.
    pub own_ufrag: String,
    sender: SrtpSender,
    receiver: SrtpReceiver,
    checks: u8,
}

/// Keys of a transport, as the engine's side has them. `generation` makes other ones.
pub fn srtp_params(transport_id: u64, generation: u8) -> SrtpParams {
    let key = |direction: u8| (0..28).map(|i| i ^ direction ^ generation ^ (transport_id as u8) << 3).collect();
    SrtpParams { profile: SrtpProfile::AeadAes128Gcm, send_key: key(0x40), receive_key: key(0x80) }
}

impl Client {
    /// A client of a new transport, which is not connected yet. It sends from `udp(transport_id)`.
    pub fn create(sim: &mut Sim, router_id: u64, transport_id: u64) -> Client {
        let send_extensions = extensions(&[(MID, 9), (AUDIO_LEVEL, 10), (ORIENTATION, 11)]);
        Client::create_with(sim, router_id, transport_id, send_extensions, None)
    }

    /// The same, which takes these extensions, and whose estimate starts at so many bit/s.
    pub fn create_with(
        sim: &mut Sim,
        router_id: u64,
        transport_id: u64,
        send_extensions: Vec<HeaderExtension>,
        start_bitrate: Option<u64>,
    ) -> Client {
        let ufrag = format!("ufrag{transport_id}");
        let receive_extensions = extensions(&[
            (AUDIO_LEVEL, 1),
            (TWCC, 3),
            (MID, 4),
            (ORIENTATION, 5),
            (PLAYOUT_DELAY, 6),
            (DEPENDENCY_DESCRIPTOR, 12),
            (FRAME_MARKING_DRAFT, 13),
        ]);
        let params = WebRtcTransportParams {
            router_id,
            ice_ufrag: ufrag.clone(),
            ice_pwd: PWD.into(),
            receive_extensions,
            send_extensions,
            start_bitrate,
            max_bitrate: None,
        };
        sim.command(Command::CreateWebRtcTransport { transport_id, params });
        sim.assert_no_failure();
        let (sender, receiver) = contexts(transport_id, 0);
        Client {
            transport_id,
            path: udp(transport_id as u16),
            ufrag,
            own_ufrag: "client".into(),
            sender,
            receiver,
            checks: 0,
        }
    }

    /// A client whose path is nominated and whose keys are set.
    pub fn connect(sim: &mut Sim, router_id: u64, transport_id: u64) -> Client {
        let mut client = Client::create(sim, router_id, transport_id);
        assert_eq!(client.check(sim, true), Some(Class::Success));
        client.set_keys(sim, 0);
        client
    }

    /// The same, which takes these extensions, and whose estimate starts at so many bit/s.
    pub fn connect_with(
        sim: &mut Sim,
        router_id: u64,
        transport_id: u64,
        send_extensions: Vec<HeaderExtension>,
        start_bitrate: Option<u64>,
    ) -> Client {
        let mut client = Client::create_with(sim, router_id, transport_id, send_extensions, start_bitrate);
        assert_eq!(client.check(sim, true), Some(Class::Success));
        client.set_keys(sim, 0);
        client
    }

    pub fn set_keys(&mut self, sim: &mut Sim, generation: u8) {
        let transport_id = self.transport_id;
        (self.sender, self.receiver) = contexts(transport_id, generation);
        sim.command(Command::SetSrtp { transport_id, params: srtp_params(transport_id, generation) });
        sim.assert_no_failure();
    }

    /// One connectivity check on the present path, and what it was answered by.
    pub fn check(&mut self, sim: &mut Sim, nominate: bool) -> Option<Class> {
        let request = self.request(nominate, Role::Controlling(7), PWD);
        sim.deliver(self.path, request);
        sim.take_sent(self.path).iter().find_map(|d| StunMessage::parse(d).ok().map(|message| message.class))
    }

    /// A check as bytes, made with `password`.
    pub fn request(&mut self, nominate: bool, role: Role, password: &str) -> Vec<u8> {
        self.checks += 1;
        let username = format!("{}:{}", self.ufrag, self.own_ufrag);
        let request = BindingRequest {
            transaction_id: TransactionId([self.checks; 12]),
            username: &username,
            priority: 1,
            role,
            use_candidate: nominate,
        };
        let mut out = vec![0; 200];
        let len = request.write(&mut out, &IntegrityKey::new(password)).unwrap();
        out.truncate(len);
        out
    }

    pub fn valid_request(&mut self, nominate: bool) -> Vec<u8> {
        self.request(nominate, Role::Controlling(7), PWD)
    }

    /// Encrypts an RTP packet.
    pub fn protect(&mut self, packet: &[u8]) -> Vec<u8> {
        let header = RtpHeader::parse(packet).unwrap();
        let mut out = packet.to_vec();
        out.resize(packet.len() + 16, 0);
        let len = self.sender.protect_rtp(&mut out, header.len(), packet.len()).unwrap();
        out.truncate(len);
        out
    }

    /// Encrypts an RTP packet and sends it.
    pub fn send_rtp(&mut self, sim: &mut Sim, packet: &[u8]) -> Outcome {
        let packet = self.protect(packet);
        sim.deliver(self.path, packet)
    }

    /// Encrypts an RTCP compound and sends it.
    pub fn send_rtcp(&mut self, sim: &mut Sim, write: impl FnOnce(&mut RtcpWriter<'_>)) -> Outcome {
        let mut out = vec![0; 1_200];
        let mut writer = RtcpWriter::new(&mut out);
        write(&mut writer);
        let len = writer.len();
        self.send_compound(sim, &out[..len])
    }

    /// Encrypts an RTCP compound that the writer would not write, and sends it.
    pub fn send_compound(&mut self, sim: &mut Sim, compound: &[u8]) -> Outcome {
        let mut out = compound.to_vec();
        out.resize(compound.len() + 200, 0);
        let len = self.sender.protect_rtcp(&mut out, compound.len()).unwrap();
        out.truncate(len);
        sim.deliver(self.path, out)
    }

    /// What was sent to this client since the last call.
    pub fn received(&mut self, sim: &mut Sim) -> Received {
        let mut received = Received::default();
        for mut datagram in sim.take_sent(self.path) {
            match classify(&datagram) {
                Kind::Stun => received.stun.push(datagram),
                Kind::Dtls => received.dtls.push(datagram),
                Kind::Rtp => {
                    let header = RtpHeader::parse(&datagram).unwrap();
                    let len = self.receiver.unprotect_rtp(&header, &mut datagram).unwrap();
                    datagram.truncate(len);
                    received.rtp.push(datagram);
                }
                Kind::Rtcp => {
                    let len = self.receiver.unprotect_rtcp(&mut datagram).unwrap();
                    datagram.truncate(len);
                    received.rtcp.push(datagram);
                }
                Kind::Unknown => panic!("the engine sent something of no protocol"),
            }
        }
        received
    }
}

/// The client's contexts: what the engine sends with, it receives with.
fn contexts(transport_id: u64, generation: u8) -> (SrtpSender, SrtpReceiver) {
    let params = srtp_params(transport_id, generation);
    (
        SrtpSender::new(params.profile, &params.receive_key).unwrap(),
        SrtpReceiver::new(params.profile, &params.send_key).unwrap(),
    )
}
