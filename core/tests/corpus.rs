//! Replays the corpora of the fuzz targets: what was once found stays fixed, on every toolchain.

use std::fs;
use std::path::Path;

#[path = "../fuzz/src/lib.rs"]
mod targets;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut replayed = 0;
    for entry in fs::read_dir(&folder).expect("every target has a corpus") {
        let path = entry.expect("the folder can be read").path();
        let input = fs::read(&path).expect("the file can be read");
        // Says which input it was, should it panic.
        println!("{}", path.display());
        run(&input);
        replayed += 1;
    }
    assert!(replayed > 0, "{} is empty", folder.display());
}

#[test]
fn rtp() {
    replay("rtp", targets::rtp);
}

#[test]
fn rtcp() {
    replay("rtcp", targets::rtcp);
}

#[test]
fn stun() {
    replay("stun", targets::stun);
}

#[test]
fn srtp() {
    replay("srtp", targets::srtp);
}

#[test]
fn codec() {
    replay("codec", targets::codec);
}

#[test]
fn dependency_descriptor() {
    replay("dependency_descriptor", targets::dependency_descriptor);
}

#[test]
fn framing() {
    replay("framing", targets::framing);
}

#[test]
fn producer() {
    replay("producer", targets::producer);
}

#[test]
fn estimator() {
    replay("estimator", targets::estimator);
}
