//! Published test vectors, and packets of libsrtp.

use super::cm_hmac::CmHmac;
use super::gcm::Gcm;
use super::key::{KeyDerivation, Label, add_keystream, counter_mode};
use super::{SrtpReceiver, SrtpSender};
use crate::packet::rtp::RtpHeader;
use crate::params::SrtpProfile;

fn hex(digits: &str) -> Vec<u8> {
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

const QUID_PRO_QUO: [u8; 12] = *b"Quid pro quo";
const KEY_256: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// "Gallia est omnis divisa in partes tres" behind a header (RFC 7714 §16).
const RTP: &str = "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e6973206469766973\
                   6120696e20706172746573207472\
                   6573";
/// The compound of RFC 7714 §17.1 and §17.2.
const RTCP: &str = "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61\
                    deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";

#[test]
fn rfc_7714_srtp() {
    let protected_128 = "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b\
                         36de3adf8833899d7f27beb16a9152cf765ee4390cce";
    let protected_256 = "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f\
                         1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13";
    for (key_len, protected) in [(16, protected_128), (32, protected_256)] {
        let cipher = Gcm::with_session_key(&hex(KEY_256)[..key_len], QUID_PRO_QUO).unwrap();
        let plain = hex(RTP);
        let mut packet = plain.clone();
        packet.resize(plain.len() + 16, 0);
        let len = cipher.seal_rtp(&mut packet, 12, plain.len(), 0x5501_a0b2, 0xf17b).unwrap();
        assert_eq!(packet[..len], hex(protected));
        let len = cipher.open_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b).unwrap();
        assert_eq!(packet[..len], plain);
    }
}

#[test]
fn rfc_7714_srtcp() {
    let protected_128 = "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b46\
                         86303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4";
    let protected_256 = "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658\
                         c61de0476f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4";
    for (key_len, protected) in [(16, protected_128), (32, protected_256)] {
        let cipher = Gcm::with_session_key(&hex(KEY_256)[..key_len], QUID_PRO_QUO).unwrap();
        let plain = hex(RTCP);
        let mut packet = plain.clone();
        packet.resize(plain.len() + 20, 0);
        let len = cipher.seal_rtcp(&mut packet, plain.len(), 0x4d61_7273, 0x8000_05d4).unwrap();
        assert_eq!(packet[..len], hex(protected));
        let len = cipher.open_rtcp(&mut packet, 0x4d61_7273, 0x8000_05d4).unwrap();
        assert_eq!(packet[..len], plain);
    }
}

#[test]
fn rfc_3711_key_derivation() {
    // Appendix B.3.
    let master = hex("e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6");
    let derivation = KeyDerivation::new(SrtpProfile::Aes128CmSha1_80, &master).unwrap();
    assert_eq!(derivation.derive::<16>(Label::RtpEncryption)[..], hex("c61e7a93744f39ee10734afe3ff7a087"));
    assert_eq!(derivation.derive::<14>(Label::RtpSalt)[..], hex("30cbbc08863d8c85d49db34a9ae1"));
    let authentication = "cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbcee049646c43d9327ad175578ef722\
                          70986371c10c9a369ac2f94a8c5fbcdddc256d6e919a48b610ef17c2041e474035766b68642c59bbfc2f34db60d\
                          bdfb2";
    assert_eq!(derivation.derive::<94>(Label::RtpAuthentication)[..], hex(authentication));
}

#[test]
fn rfc_3711_keystream() {
    // Appendix B.2.
    let key = counter_mode(&hex("2b7e151628aed2a6abf7158809cf4f3c")).unwrap();
    let mut iv = [0; 16];
    iv.copy_from_slice(&hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000"));
    let mut keystream = vec![0; 0xff02 * 16];
    add_keystream(&key, iv, &mut keystream);
    let blocks: [(usize, &str); 6] = [
        (0x0000, "e03ead0935c95e80e166b16dd92b4eb4"),
        (0x0001, "d23513162b02d0f72a43a2fe4a5f97ab"),
        (0x0002, "41e95b3bb0a2e8dd477901e4fca894c0"),
        (0xfeff, "ec8cdf7398607cb0f2d21675ea9ea1e4"),
        (0xff00, "362b7c3c6773516318a077d7fc5073ae"),
        (0xff01, "6a2cc3787889374fbeb4c81b17ba6c44"),
    ];
    for (block, expected) in blocks {
        assert_eq!(keystream[block * 16..][..16], hex(expected), "{block:x}");
    }
}

#[test]
fn counter_blocks_hold_salt_ssrc_and_index() {
    // RFC 3711 §4.1.1: the salt from the top, the SSRC at bytes 4–7, the index at bytes 8–13, the counter below.
    let derivation = KeyDerivation::new(SrtpProfile::Aes128CmSha1_80, &[0; 30]).unwrap();
    let cipher = CmHmac::for_rtp(&derivation).unwrap();
    let salt: [u8; 14] = derivation.derive(Label::RtpSalt);
    let mut expected = [0; 16];
    expected[4..14].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    for (byte, salt) in expected.iter_mut().zip(salt) {
        *byte ^= salt;
    }
    assert_eq!(cipher.iv(0x0102_0304, 0x0506_0708_090a), expected);
}

struct Vector {
    profile: SrtpProfile,
    is_rtp: bool,
    key: Vec<u8>,
    plain: Vec<u8>,
    protected: Vec<u8>,
}

fn libsrtp() -> Vec<Vector> {
    let parse = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        let [profile, kind, key, plain, protected] = fields[..] else { panic!("{line}") };
        let profile = match profile {
            "SRTP_AEAD_AES_128_GCM" => SrtpProfile::AeadAes128Gcm,
            "SRTP_AEAD_AES_256_GCM" => SrtpProfile::AeadAes256Gcm,
            _ => SrtpProfile::Aes128CmSha1_80,
        };
        Vector { profile, is_rtp: kind == "rtp", key: hex(key), plain: hex(plain), protected: hex(protected) }
    };
    include_str!("../../tests/vectors/libsrtp.txt").lines().map(parse).collect()
}

#[test]
fn packets_of_libsrtp_are_opened_and_written_alike() {
    let vectors = libsrtp();
    for session in vectors.chunk_by(|a, b| a.profile == b.profile) {
        let mut sender = SrtpSender::new(session[0].profile, &session[0].key).unwrap();
        let mut receiver = SrtpReceiver::new(session[0].profile, &session[0].key).unwrap();
        // libsrtp counts SRTCP packets from 1, we from 0: ours of that index is passed over.
        sender.protect_rtcp(&mut [0; 28], 8).unwrap();
        for vector in session {
            let mut opened = vector.protected.clone();
            let mut protected = vector.plain.clone();
            protected.resize(vector.plain.len() + 20, 0);
            if vector.is_rtp {
                let header = RtpHeader::parse(&opened).unwrap();
                let len = receiver.unprotect_rtp(&header, &mut opened).unwrap();
                assert_eq!(opened[..len], vector.plain);
                let len = sender.protect_rtp(&mut protected, header.len(), vector.plain.len()).unwrap();
                assert_eq!(protected[..len], vector.protected);
            } else {
                let len = receiver.unprotect_rtcp(&mut opened).unwrap();
                assert_eq!(opened[..len], vector.plain);
                let len = sender.protect_rtcp(&mut protected, vector.plain.len()).unwrap();
                assert_eq!(protected[..len], vector.protected);
            }
        }
    }
}
