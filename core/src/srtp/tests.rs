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

#[test]
fn roll_over_is_followed_in_and_out_of_order() {
    for profile in PROFILES {
        let (mut sender, mut receiver) = pair(profile);
        let numbers = [65_533, 65_534, 65_535, 0, 1, 2];
        let packets: Vec<Vec<u8>> = numbers.iter().map(|number| protect(&mut sender, 1, *number)).collect();
        for at in [1, 4, 0, 3, 2, 5] {
            let (buf, _, end) = plain(1, numbers[at]);
            assert_eq!(unprotect(&mut receiver, &packets[at]).unwrap(), buf[..end]);
        }
        for packet in &packets {
            assert_eq!(unprotect(&mut receiver, packet), Err(SrtpError::Replayed));
        }
    }
}

#[test]
fn any_changed_bit_is_noticed_and_changes_nothing() {
    for profile in PROFILES {
        let (mut sender, mut receiver) = pair(profile);
        let packet = protect(&mut sender, 1, 100);
        for at in (0..packet.len()).filter(|at| !matches!(at, 0 | 12..16)) {
            let mut forged = packet.clone();
            forged[at] ^= 1;
            assert_eq!(unprotect(&mut receiver, &forged), Err(SrtpError::Authentication), "{profile:?} {at}");
        }
        assert!(unprotect(&mut receiver, &packet).is_ok());

        let packet = protect(&mut sender, 1, 101);
        let mut forged = packet.clone();
        forged[2..4].copy_from_slice(&1_000_u16.to_be_bytes());
        assert_eq!(unprotect(&mut receiver, &forged), Err(SrtpError::Authentication));
        assert!(unprotect(&mut receiver, &packet).is_ok(), "the window has not moved");
    }
}

#[test]
fn packets_behind_the_window_are_too_old() {
    let (mut sender, mut receiver) = pair(AeadAes128Gcm);
    let old: Vec<Vec<u8>> = (0..10).map(|number| protect(&mut sender, 1, number)).collect();
    let edge = replay::WINDOW as u16 + 4;
    unprotect(&mut receiver, &protect(&mut sender, 1, edge)).unwrap();
    assert_eq!(unprotect(&mut receiver, &old[4]), Err(SrtpError::TooOld));
    assert!(unprotect(&mut receiver, &old[5]).is_ok());
    // Nor does a sequence number from before the very first packet make it through as one of a later round.
    assert_eq!(unprotect(&mut receiver, &protect_new(65_000)), Err(SrtpError::TooOld));
}

/// A packet of a sender that has sent nothing else.
fn protect_new(sequence_number: u16) -> Vec<u8> {
    protect(&mut pair(AeadAes128Gcm).0, 1, sequence_number)
}

#[test]
fn cut_packets_are_refused() {
    for profile in PROFILES {
        let (mut sender, mut receiver) = pair(profile);
        let packet = protect(&mut sender, 1, 100);
        for len in 20..packet.len() {
            assert!(unprotect(&mut receiver, &packet[..len]).is_err(), "{profile:?} {len}");
        }
        let rtcp = protect_rtcp(&mut sender);
        for len in 0..rtcp.len() {
            assert!(receiver.unprotect_rtcp(&mut rtcp[..len].to_vec()).is_err(), "{profile:?} {len}");
        }
    }
}

#[test]
fn a_sequence_number_is_protected_once() {
    let (mut sender, _) = pair(AeadAes128Gcm);
    let first = protect(&mut sender, 1, 100);
    let (mut buf, header_len, end) = plain(1, 100);
    assert_eq!(sender.protect_rtp(&mut buf, header_len, end), Err(SrtpError::Replayed));
    let len = sender.protect_rtp_again(&mut buf, header_len, end).unwrap();
    assert_eq!(buf[..len], first);

    let (mut never, header_len, end) = plain(1, 99);
    assert_eq!(sender.protect_rtp_again(&mut never, header_len, end), Err(SrtpError::TooOld));
    assert!(sender.protect_rtp(&mut never, header_len, end).is_ok(), "late, and for the first time");
    let (mut unknown, header_len, end) = plain(2, 99);
    assert_eq!(sender.protect_rtp_again(&mut unknown, header_len, end), Err(SrtpError::TooOld));
}

#[test]
fn there_must_be_room_for_the_tag() {
    for profile in PROFILES {
        let (mut sender, _) = pair(profile);
        let (buf, header_len, end) = plain(1, 1);
        let overhead = sender.rtp_overhead();
        for room in 0..overhead {
            let mut short = buf[..end + room].to_vec();
            assert_eq!(sender.protect_rtp(&mut short, header_len, end), Err(SrtpError::TooShort));
        }
        let mut exact = buf[..end + overhead].to_vec();
        assert_eq!(sender.protect_rtp(&mut exact, header_len, end), Ok(end + overhead));
        let mut rtcp = RTCP.to_vec();
        assert_eq!(sender.protect_rtcp(&mut rtcp, RTCP.len()), Err(SrtpError::TooShort));
        assert_eq!(sender.protect_rtcp(&mut [0; 100], 4), Err(SrtpError::TooShort));
    }
}

#[test]
fn keys_of_another_length_are_refused() {
    for profile in PROFILES {
        assert!(matches!(SrtpSender::new(profile, &[0; 29]), Err(SrtpError::KeyLength)));
        assert!(matches!(SrtpReceiver::new(profile, &[]), Err(SrtpError::KeyLength)));
    }
}

const RTCP: [u8; 12] = [0x80, 201, 0, 2, 0, 0, 0, 9, 1, 2, 3, 4];

fn protect_rtcp(sender: &mut SrtpSender) -> Vec<u8> {
    let mut buf = [0; 64];
    buf[..RTCP.len()].copy_from_slice(&RTCP);
    let len = sender.protect_rtcp(&mut buf, RTCP.len()).unwrap();
    buf[..len].to_vec()
}

#[test]
fn reports_are_opened_once_in_any_order() {
    for profile in PROFILES {
        let (mut sender, mut receiver) = pair(profile);
        let packets: Vec<Vec<u8>> = (0..3).map(|_| protect_rtcp(&mut sender)).collect();
        assert_eq!(packets[0].len(), RTCP.len() + sender.rtcp_overhead());
        assert_eq!(packets[0][..8], RTCP[..8]);
        assert_ne!(packets[0][8..12], RTCP[8..]);
        for at in [2, 0, 1] {
            let mut packet = packets[at].clone();
            assert_eq!(receiver.unprotect_rtcp(&mut packet), Ok(RTCP.len()));
            assert_eq!(packet[..RTCP.len()], RTCP);
            assert_eq!(receiver.unprotect_rtcp(&mut packets[at].clone()), Err(SrtpError::Replayed));
        }
    }
}

#[test]
fn reports_must_be_encrypted_and_whole() {
    for profile in PROFILES {
        let (mut sender, mut receiver) = pair(profile);
        let packet = protect_rtcp(&mut sender);
        for at in 0..packet.len() {
            let mut forged = packet.clone();
            forged[at] ^= 0x80;
            let error = receiver.unprotect_rtcp(&mut forged).unwrap_err();
            assert!(matches!(error, SrtpError::Authentication | SrtpError::NotEncrypted), "{profile:?} {at}");
        }
        assert!(receiver.unprotect_rtcp(&mut packet.clone()).is_ok());
    }
}

#[test]
fn many_sources_are_told_apart() {
    let (mut sender, mut receiver) = pair(AeadAes128Gcm);
    for number in 0..3 {
        for ssrc in 0..100 {
            let packet = protect(&mut sender, ssrc, number);
            assert!(unprotect(&mut receiver, &packet).is_ok());
            assert_eq!(unprotect(&mut receiver, &packet), Err(SrtpError::Replayed));
        }
    }
}

#[test]
fn retired_sources_are_never_used_again_and_others_go_on() {
    let (mut sender, mut receiver) = pair(AeadAes128Gcm);
    for ssrc in 1..=3 {
        protect(&mut sender, ssrc, 5);
    }
    sender.retire(1);
    sender.retire(7);
    let (mut buf, header_len, end) = plain(1, 6);
    assert_eq!(sender.protect_rtp(&mut buf, header_len, end), Err(SrtpError::Replayed));
    assert_eq!(sender.protect_rtp_again(&mut buf, header_len, end), Err(SrtpError::TooOld));
    for ssrc in [2, 3, 7] {
        let packet = protect(&mut sender, ssrc, 6);
        assert!(unprotect(&mut receiver, &packet).is_ok());
        let (mut buf, header_len, end) = plain(ssrc, 6);
        assert_eq!(sender.protect_rtp(&mut buf, header_len, end), Err(SrtpError::Replayed));
    }
}

#[test]
fn the_source_silent_for_longest_is_forgotten_at_the_bound() {
    let (mut sender, mut receiver) = pair(AeadAes128Gcm);
    let first = protect(&mut sender, 0, 1);
    let second = protect(&mut sender, 1, 1);
    unprotect(&mut receiver, &first).unwrap();
    unprotect(&mut receiver, &second).unwrap();
    for ssrc in 2..receiver::MAX_SOURCES as u32 {
        unprotect(&mut receiver, &protect(&mut sender, ssrc, 1)).unwrap();
    }
    unprotect(&mut receiver, &protect(&mut sender, 0, 2)).unwrap();
    unprotect(&mut receiver, &protect(&mut sender, 1 << 20, 1)).unwrap();
    assert_eq!(unprotect(&mut receiver, &first), Err(SrtpError::Replayed), "it has sent meanwhile");
    assert!(unprotect(&mut receiver, &second).is_ok(), "it was forgotten");
}

#[test]
fn nothing_is_kept_of_packets_that_do_not_authenticate() {
    let (mut sender, mut receiver) = pair(AeadAes128Gcm);
    let mut forged = protect(&mut sender, 1, 60_000);
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(unprotect(&mut receiver, &forged), Err(SrtpError::Authentication));
    assert!(unprotect(&mut receiver, &protect_new(5)).is_ok(), "the forged number has not set the start");
}
