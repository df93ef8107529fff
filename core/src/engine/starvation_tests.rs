//! What has to wait while there is no memory for it is given up, and nobody waits for that.

use super::BlockPool;
use super::common::call::{Call, VIDEO, of};

#[test]
fn a_keyframe_for_which_there_is_no_memory_stops_neither_the_worker_nor_its_receiver() {
    let mut call = Call::new(300_000);
    call.frame(true, 1);
    // Other transports have taken all there is; what this producer keeps has a block with room.
    call.sim.engine.pool = BlockPool::new(0);
    call.frame(true, 3);
    let key = call.sim.engine.transport_ids[&20];
    assert!(call.sim.engine.transports[key].pacer.drain_time().is_zero(), "nothing waits");
    let now = call.sim.now;
    call.sim.engine.feed(now, key);
    // Memory again: the receiver goes on with that keyframe.
    call.sim.engine.pool = BlockPool::new(64);
    call.talk(200, 0, 0);
    let left = call.viewer.take_departures();
    let video = of(&left, VIDEO);
    assert_eq!(video.iter().filter(|packet| packet.marker).map(|packet| packet.frame).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(call.viewer.missing(VIDEO), 0);
}
