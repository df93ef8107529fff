//! RFC 5769's messages, and our own against our own reader.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;

const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
const ID: TransactionId = TransactionId([0xb7, 0xe7, 0xa7, 1, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae]);

/// RFC 5769 §2.1.
const SAMPLE_REQUEST: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
    \x80\x22\x00\x10STUN test client\
    \x00\x24\x00\x04\x6e\x00\x01\xff\
    \x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\
    \x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20\
    \x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\
    \x80\x28\x00\x04\xe5\x7a\x3b\xcf";
/// RFC 5769 §2.2.
const SAMPLE_IPV4_RESPONSE: &[u8] = b"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
    \x80\x22\x00\x0btest vector\x20\
    \x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\
    \x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\
    \x80\x28\x00\x04\xc0\x7d\x4c\x96";
/// RFC 5769 §2.3.
const SAMPLE_IPV6_RESPONSE: &[u8] = b"\x01\x01\x00\x48\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
    \x80\x22\x00\x0btest vector\x20\
    \x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9\
    \x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3\xed\x41\
    \x80\x28\x00\x04\xc8\xfb\x0b\x4c";

fn request(write: impl FnOnce(BindingRequest<'static>) -> BindingRequest<'static>) -> Vec<u8> {
    let request = write(BindingRequest {
        transaction_id: ID,
        username: "here:there",
        priority: 1,
        role: Role::Controlling(2),
        use_candidate: true,
    });
    let mut out = vec![0xaa; 200];
    let len = request.write(&mut out, &IntegrityKey::new(PASSWORD)).unwrap();
    out.truncate(len);
    out
}

fn assert_genuine(message: &StunMessage<'_>) {
    assert!(message.verify_fingerprint());
    assert!(message.verify_integrity(&IntegrityKey::new(PASSWORD)));
    assert!(!message.verify_integrity(&IntegrityKey::new("another password")));
}

#[test]
fn the_request_of_rfc_5769() {
    let message = StunMessage::parse(SAMPLE_REQUEST).unwrap();
    assert_eq!((message.class, message.transaction_id), (Class::Request, ID));
    assert_eq!(message.username, Some(&b"evtj:h6vY"[..]));
    assert_eq!(message.ufrags(), Some(("evtj", "h6vY")));
    assert_eq!(message.priority, Some(0x6e00_01ff));
    assert_eq!(message.ice_controlled, Some(0x932f_f9b1_5126_3b36));
    assert_eq!((message.ice_controlling, message.use_candidate, message.unknown_required), (None, false, None));
    assert_genuine(&message);
}

#[test]
fn the_responses_of_rfc_5769() {
    for (sample, address) in [
        (SAMPLE_IPV4_RESPONSE, "192.0.2.1:32853"),
        (SAMPLE_IPV6_RESPONSE, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
    ] {
        let message = StunMessage::parse(sample).unwrap();
        assert_eq!(message.class, Class::Success);
        assert_eq!(message.xor_mapped_address, Some(address.parse().unwrap()));
        assert_genuine(&message);
    }
}

#[test]
fn a_request_and_its_success() {
    let request = request(|request| request);
    let message = StunMessage::parse(&request).unwrap();
    assert_eq!(message.ufrags(), Some(("here", "there")));
    assert_eq!((message.ice_controlling, message.use_candidate), (Some(2), true));
    assert_genuine(&message);

    let key = IntegrityKey::new(PASSWORD);
    for address in ["198.51.100.7:443", "[2001:db8::7]:1"] {
        let address: SocketAddr = address.parse().unwrap();
        let mut out = [0xaa; MAX_RESPONSE_LEN];
        let len = write_binding_success(&mut out, message.transaction_id, address, &key).unwrap();
        let response = StunMessage::parse(&out[..len]).unwrap();
        assert_eq!((response.class, response.transaction_id), (Class::Success, ID));
        assert_eq!(response.xor_mapped_address, Some(address));
        assert_genuine(&response);
    }
}

#[test]
fn errors_say_why() {
    let key = IntegrityKey::new(PASSWORD);
    for (error, code, key) in [
        (ErrorCode::BadRequest, 400, None),
        (ErrorCode::Unauthenticated, 401, None),
        (ErrorCode::UnknownAttribute(0x7fff), 420, Some(&key)),
        (ErrorCode::RoleConflict, 487, Some(&key)),
    ] {
        let mut out = [0xaa; MAX_RESPONSE_LEN];
        let len = write_binding_error(&mut out, ID, error, key).unwrap();
        let response = StunMessage::parse(&out[..len]).unwrap();
        assert_eq!((response.class, response.error_code), (Class::Error, Some(code)));
        assert!(response.verify_fingerprint());
        assert_eq!(response.has_integrity(), key.is_some());
        if key.is_some() {
            assert_genuine(&response);
        }
        for room in 0..len {
            assert!(write_binding_error(&mut out[..room], ID, error, key).is_none());
        }
    }
}

#[test]
fn any_changed_bit_is_noticed() {
    let genuine = request(|request| request);
    let key = IntegrityKey::new(PASSWORD);
    for at in 0..genuine.len() {
        let mut forged = genuine.clone();
        forged[at] ^= 0x10;
        let passes = StunMessage::parse(&forged).is_ok_and(|m| m.verify_fingerprint() && m.verify_integrity(&key));
        assert!(!passes, "byte {at}");
    }
}

#[test]
fn cut_or_followed_by_more_it_is_not_stun() {
    let genuine = request(|request| request);
    for len in 0..genuine.len() {
        assert_eq!(StunMessage::parse(&genuine[..len]).unwrap_err(), StunError::NotStun);
    }
    let longer = [&genuine[..], &[0; 4]].concat();
    assert_eq!(StunMessage::parse(&longer).unwrap_err(), StunError::NotStun);
}

/// A message of these attributes, without integrity and fingerprint.
fn message(message_type: u16, attributes: &[u8]) -> Vec<u8> {
    let mut message = vec![];
    message.extend(message_type.to_be_bytes());
    message.extend((attributes.len() as u16).to_be_bytes());
    message.extend(MAGIC_COOKIE.to_be_bytes());
    message.extend(ID.0);
    message.extend(attributes);
    message
}

#[test]
fn without_fingerprint_or_integrity_nothing_is_verified() {
    let bare = message(0x0001, &[]);
    let read = StunMessage::parse(&bare).unwrap();
    assert!(!read.verify_fingerprint() && !read.has_integrity() && read.ufrags().is_none());
    assert!(!read.verify_integrity(&IntegrityKey::new(PASSWORD)));
}

#[test]
fn what_must_be_understood_and_is_not_is_told() {
    let unknown = message(0x0001, &[0x7f, 0xff, 0, 1, 0, 0, 0, 0, 0x00, 0x02, 0, 0, 0xc0, 0x57, 0, 0]);
    assert_eq!(StunMessage::parse(&unknown).unwrap().unknown_required, Some(0x7fff));
}

#[test]
fn attributes_behind_integrity_are_not_heeded() {
    let mut attributes = vec![0, 8, 0, 20];
    attributes.extend([0; 20]);
    attributes.extend([0, 0x25, 0, 0]);
    assert!(!StunMessage::parse(&message(0x0001, &attributes)).unwrap().use_candidate);
}

#[test]
fn malformed_attributes() {
    let cases: [&[u8]; 7] = [
        &[0x00, 0x06, 0x00, 0x05, 1, 2, 3, 4], // longer than the message
        &[0x00, 0x24, 0x00, 0x02, 0, 0, 0, 0], // PRIORITY of two bytes
        &[0x80, 0x2a, 0x00, 0x04, 0, 0, 0, 0], // ICE-CONTROLLING of four
        &[0x00, 0x08, 0x00, 0x04, 0, 0, 0, 0], // MESSAGE-INTEGRITY of four
        &[0x80, 0x28, 0x00, 0x00],             // FINGERPRINT of none
        &[0x80, 0x28, 0x00, 0x04, 0, 0, 0, 0, 0x00, 0x25, 0x00, 0x00], // something behind FINGERPRINT
        &[0x00, 0x20, 0x00, 0x08, 0, 3, 0, 0, 0, 0, 0, 0], // an address of a third family
    ];
    for attributes in cases {
        let message = message(0x0001, attributes);
        assert_eq!(StunMessage::parse(&message).unwrap_err(), StunError::Attribute, "{attributes:?}");
    }
}

#[test]
fn classes_and_other_methods() {
    let class = |message_type| StunMessage::parse(&message(message_type, &[])).map(|message| message.class);
    assert_eq!(class(0x0011), Ok(Class::Indication));
    assert_eq!(class(0x0101), Ok(Class::Success));
    assert_eq!(class(0x0111), Ok(Class::Error));
    for other in [0x0003, 0x0000, 0x1001, 0x0021] {
        assert_eq!(class(other), Err(StunError::Method), "{other:x}");
    }
    assert_eq!(class(0x4001), Err(StunError::NotStun));
}

proptest! {
    #[test]
    fn noise_is_read_without_panic(noise in prop::collection::vec(any::<u8>(), 0..120), message_type in 0_u16..0x4000) {
        let _ = StunMessage::parse(&noise);
        let aligned = &noise[..noise.len() / 4 * 4];
        if let Ok(message) = StunMessage::parse(&message(message_type, aligned)) {
            let _ = (message.verify_fingerprint(), message.ufrags());
            prop_assert!(!message.verify_integrity(&IntegrityKey::new(PASSWORD)));
        }
    }
}
