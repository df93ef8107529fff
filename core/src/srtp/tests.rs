//! Sender against receiver, for every profile.

use super::*;
use crate::packet::rtp::{Fields, RtpHeader, write_header};
use crate::params::SrtpProfile::{self, *};

const PROFILES: [SrtpProfile; 3] = [AeadAes128Gcm, AeadAes256Gcm, Aes128CmSha1_80];
const PAYLOAD: &[u8] = b"a payload of any length";

fn pair(profile: SrtpProfile) -> (SrtpSender, SrtpReceiver) {
    let (key_len, salt_len) = key_and_salt_len(profile);
    let key: Vec<u8> = (0..(key_len + salt_len) as u8).collect();
    (SrtpSender::new(profile, &key).unwrap(), SrtpReceiver::new(profile, &key).unwrap())
}

/// A plain packet with room behind it, its header length and its length.
fn plain(ssrc: u32, sequence_number: u16) -> (Vec<u8>, usize, usize) {
    let mut buf = vec![0; 200];
    let fields = Fields { marker: false, payload_type: 96, sequence_number, timestamp: 7, ssrc };
    let header_len = write_header(&mut buf, &fields, [(3, &b"ext"[..])]).unwrap();
    let end = header_len + PAYLOAD.len();
    buf[header_len..end].copy_from_slice(PAYLOAD);
    (buf, header_len, end)
}

fn protect(sender: &mut SrtpSender, ssrc: u32, sequence_number: u16) -> Vec<u8> {
    let (mut buf, header_len, end) = plain(ssrc, sequence_number);
    let len = sender.protect_rtp(&mut buf, header_len, end).unwrap();
    buf.truncate(len);
    buf
}

fn unprotect(receiver: &mut SrtpReceiver, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut packet = packet.to_vec();
    let header = RtpHeader::parse(&packet).unwrap();
    let len = receiver.unprotect_rtp(&header, &mut packet)?;
    packet.truncate(len);
    Ok(packet)
}

#[test]
fn what_is_protected_can_be_opened_once() {
    for profile in PROFILES {
        let (mut sender, mut receiver) = pair(profile);
        let packet = protect(&mut sender, 1, 100);
        let (buf, _, end) = plain(1, 100);
        assert_eq!(packet.len(), end + sender.rtp_overhead());
        assert_ne!(packet[..end], buf[..end]);
        assert_eq!(unprotect(&mut receiver, &packet).unwrap(), buf[..end]);
        assert_eq!(unprotect(&mut receiver, &packet), Err(SrtpError::Replayed));
    }
}
