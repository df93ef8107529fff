use super::*;

const TIMEOUT: Duration = Duration::from_secs(30);

fn credentials(ufrag: &str) -> Credentials {
    Credentials::new(ufrag, &"p".repeat(22)).unwrap()
}

fn agent() -> Agent {
    Agent::new(credentials("first"), TIMEOUT)
}

fn path(protocol: Protocol, port: u16) -> Path {
    Path { protocol, socket: SocketId(port as u32), remote: ([127, 0, 0, 1], port).into() }
}

fn udp(port: u16) -> Path {
    path(Protocol::Udp, port)
}

fn ms(millis: u64) -> Time {
    Time::from_millis(millis)
}

fn check(path: Path) -> Check {
    Check { path, generation: Generation::Current, nominates: false }
}

fn nominate(path: Path) -> Check {
    Check { nominates: true, ..check(path) }
}

#[test]
fn media_takes_the_first_path_until_another_is_nominated_and_dtls_the_one_heard_last() {
    let mut agent = agent();
    assert_eq!(agent.dtls_path(), None);
    let checked = agent.on_check(ms(0), check(udp(1)));
    assert!(checked.added);
    assert_eq!(checked.change, Some(Change { protocol: Protocol::Udp, moved: false, regained: true }));
    assert_eq!(agent.on_check(ms(1), check(udp(2))).change, None);
    assert_eq!(agent.media_path(), Some(udp(1)));
    assert_eq!(agent.dtls_path(), Some(udp(2)));
    let nominated = agent.on_check(ms(2), nominate(udp(2)));
    assert_eq!(nominated.change, Some(Change { protocol: Protocol::Udp, moved: true, regained: false }));
    assert_eq!(agent.dtls_path(), Some(udp(2)));
}

#[test]
fn a_nomination_selects_and_a_later_one_moves() {
    let mut agent = agent();
    let first = agent.on_check(ms(0), nominate(udp(1))).change;
    assert_eq!(first, Some(Change { protocol: Protocol::Udp, moved: false, regained: true }));
    assert_eq!(agent.on_check(ms(10), nominate(udp(1))).change, None);
    let second = agent.on_check(ms(20), nominate(udp(2))).change;
    assert_eq!(second, Some(Change { protocol: Protocol::Udp, moved: true, regained: false }));
    assert_eq!(agent.media_path(), Some(udp(2)));
}

#[test]
fn aggressive_nomination_does_not_flap_and_yet_leaves_a_dead_path() {
    let mut agent = agent();
    agent.on_check(ms(0), nominate(udp(1)));
    agent.on_check(ms(1), nominate(udp(2)));
    assert_eq!(agent.on_check(ms(2_000), nominate(udp(1))).change, None);
    assert_eq!(agent.on_check(ms(11_000), nominate(udp(1))).change.map(|c| c.moved), Some(true));
    assert_eq!(agent.media_path(), Some(udp(1)));
}

#[test]
fn udp_is_preferred_when_both_are_nominated() {
    let mut agent = agent();
    agent.on_check(ms(0), nominate(udp(1)));
    assert_eq!(agent.on_check(ms(1), nominate(path(Protocol::Tcp, 2))).change, None);
    let mut other = super::tests::agent();
    other.on_check(ms(0), nominate(path(Protocol::Tcp, 2)));
    assert!(other.on_check(ms(1), nominate(udp(1))).change.is_some());
}

#[test]
fn media_on_another_checked_path_moves_once_the_selected_one_is_quiet() {
    let mut agent = agent();
    let first = agent.on_check(ms(0), nominate(udp(1))).slot;
    let second = agent.on_check(ms(0), check(udp(2))).slot;
    assert_eq!(agent.on_media(ms(1_000), first), None);
    assert_eq!(agent.on_media(ms(1_010), second), None, "a packet that was overtaken on the way");
    assert_eq!(
        agent.on_media(ms(1_500), second),
        Some(Change { protocol: Protocol::Udp, moved: true, regained: false })
    );
    assert_eq!(agent.on_media(ms(1_510), first), None);
    assert_eq!(agent.media_path(), Some(udp(2)));
}

#[test]
fn consent_runs_out_and_is_regained_by_a_check() {
    let mut agent = agent();
    agent.on_check(ms(0), nominate(udp(1)));
    assert_eq!(agent.deadline(), ms(30_000));
    assert!(agent.on_timeout(ms(29_999)).expired.is_none());
    assert_eq!(agent.on_timeout(ms(30_000)).expired, Some(Protocol::Udp));
    assert_eq!(agent.media_path(), None);
    assert_eq!(agent.dtls_path(), None);
    assert_eq!(agent.deadline(), Time::MAX);
    let change = agent.on_check(ms(40_000), check(udp(1))).change;
    assert_eq!(change, Some(Change { protocol: Protocol::Udp, moved: false, regained: true }));
    assert_eq!(agent.media_path(), Some(udp(1)));
}

#[test]
fn a_check_that_does_not_nominate_gives_no_consent_for_another_path() {
    let mut agent = agent();
    agent.on_check(ms(0), nominate(udp(1)));
    agent.on_timeout(ms(30_000));
    assert_eq!(agent.on_check(ms(40_000), check(udp(2))).change, None);
    assert_eq!(agent.media_path(), None);
    assert_eq!(agent.on_check(ms(40_010), nominate(udp(2))).change.map(|c| c.moved), Some(true));
}

#[test]
fn a_silent_path_gives_way_to_another_nominated_one() {
    let mut agent = agent();
    agent.on_check(ms(0), nominate(udp(1)));
    agent.on_check(ms(1), nominate(path(Protocol::Tcp, 2)));
    agent.on_check(ms(25_000), check(path(Protocol::Tcp, 2)));
    let tick = agent.on_timeout(ms(30_000));
    assert_eq!(
        (tick.expired, tick.change),
        (None, Some(Change { protocol: Protocol::Tcp, moved: true, regained: false }))
    );
    assert_eq!(tick.dropped, [udp(1)]);
}

#[test]
fn paths_are_bounded_and_the_selected_one_stays() {
    let mut agent = agent();
    agent.on_check(ms(0), nominate(udp(1)));
    for port in 2..=MAX_PATHS as u16 {
        assert!(agent.on_check(ms(port as u64), check(udp(port))).evicted.is_none());
    }
    let checked = agent.on_check(ms(100), check(udp(100)));
    assert_eq!(checked.evicted, Some(udp(2)));
    assert_eq!(agent.media_path(), Some(udp(1)));
}

#[test]
fn both_credentials_serve_until_the_new_ones_succeed() {
    let mut agent = agent();
    agent.on_check(ms(0), nominate(udp(1)));
    assert!(agent.restart(credentials("second")).is_none());
    assert_eq!(agent.credentials("first").map(|c| c.0), Some(Generation::Current));
    assert_eq!(agent.credentials("second").map(|c| c.0), Some(Generation::Pending));
    let checked = agent.on_check(ms(10), Check { generation: Generation::Pending, ..check(udp(2)) });
    assert_eq!(checked.retired.as_deref(), Some("first"));
    assert!(agent.credentials("first").is_none());
    assert_eq!(agent.media_path(), Some(udp(1)), "media goes on until the next nomination");
    assert_eq!(agent.on_check(ms(20), nominate(udp(2))).change.map(|c| c.moved), Some(true));
}

#[test]
fn a_transport_that_leaves_udp_goes_on_over_tcp() {
    let mut agent = agent();
    let tcp = path(Protocol::Tcp, 1);
    agent.on_check(ms(0), nominate(udp(1)));
    agent.on_check(ms(1), check(tcp));
    agent.leave_udp();
    assert!(!agent.takes(&udp(2)) && agent.takes(&tcp));
    assert_eq!(agent.media_path(), Some(udp(1)), "media goes on until it is there");
    let change = agent.on_check(ms(3), nominate(tcp)).change;
    assert_eq!(change, Some(Change { protocol: Protocol::Tcp, moved: true, regained: false }));
    let late = agent.slot_of(&udp(1)).unwrap();
    assert_eq!(agent.on_media(ms(1_000), late), None, "what was still under way leads back to no path that is left");
}

#[test]
fn a_closed_connection_falls_back_to_a_nominated_path() {
    let mut agent = agent();
    agent.on_check(ms(0), nominate(path(Protocol::Tcp, 1)));
    agent.on_check(ms(1), nominate(udp(2)));
    let change = agent.on_socket_closed(ms(2), SocketId(2));
    assert_eq!(change, Some(Change { protocol: Protocol::Tcp, moved: true, regained: false }));
    assert_eq!(agent.on_socket_closed(ms(3), SocketId(1)), None);
    assert_eq!(agent.media_path(), None);
    assert_eq!(agent.on_timeout(ms(30_001)).expired, Some(Protocol::Tcp));
}
