//! The sending half of a participant: what it offers, what it sends, and how it follows the bandwidth estimate.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::bwe::{Bitrate, BweKind};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::{Event, Rtc};

use crate::connection::{Clocks, Connection, Purpose};
use crate::media::clip::Clip;
use crate::net::Datagram;
use crate::plan::{ParticipantPlan, VideoPlan};
use crate::track::Track;

pub type Clips = BTreeMap<String, Arc<Clip>>;

/// Where estimates begin, as browsers' do.
const FIRST_ESTIMATE: u64 = 300_000;
/// What sound takes with its headers, in bit/s.
const SOUND: f64 = 56_000.0;
/// Of the estimate that is left for headers and retransmission.
const SHARE: f64 = 0.9;
/// A better rung must fit this often over, lest it flap.
const MARGIN: f64 = 1.15;
/// For so long after a change nothing gets better.
const HOLD: Duration = Duration::from_secs(2);

pub struct Publisher {
    pub connection: Connection,
    pub audio: Option<Track>,
    /// The lowest encoding first.
    pub video: Vec<Track>,
    pending: Option<SdpPendingOffer>,
    /// The offer, until it is answered.
    pub offer: Option<String>,
    is_adaptive: bool,
    pub estimate: Option<f64>,
    changed_at: Instant,
    pub keyframe_requests: u64,
    /// How the bridge names the camera.
    pub camera: Option<String>,
    /// Of the session at the door, where there is one.
    pub session: Option<String>,
}

impl Publisher {
    /// The publisher and its offer. `seed` tells participants apart.
    pub fn new(
        plan: &ParticipantPlan,
        clips: &Clips,
        seed: usize,
        now: Instant,
    ) -> Result<(Publisher, String), String> {
        let codec = plan.video.as_ref().map(|video| clips[&video.encodings[0].rungs[0]].codec);
        let is_adaptive = plan.video.as_ref().is_some_and(|video| video.adaptive);
        let purpose = Purpose::Publish { video: codec, estimate: is_adaptive.then_some(FIRST_ESTIMATE) };
        let mut connection = Connection::new(&purpose, now);
        let mut changes = connection.rtc.sdp_api();
        let audio = plan.audio.as_ref().map(|clip| {
            let mid = changes.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
            Track::new(mid, None, vec![clips[clip].clone()], seed)
        });
        let mut video = Vec::new();
        if let Some(plan) = &plan.video {
            let mid = changes.add_media(MediaKind::Video, Direction::SendOnly, None, None, simulcast(plan));
            for encoding in &plan.encodings {
                let mut rungs: Vec<Arc<Clip>> = encoding.rungs.iter().map(|clip| clips[clip].clone()).collect();
                rungs.sort_by(|one, other| one.bitrate.total_cmp(&other.bitrate));
                let rid = encoding.rid.as_deref().filter(|_| plan.encodings.len() > 1).map(Rid::from);
                video.push(Track::new(mid, rid, rungs, seed));
            }
        }
        let (offer, pending) = changes.apply().ok_or("a publisher needs sound or pictures to send")?;
        let mut publisher = Publisher {
            connection,
            audio,
            video,
            pending: Some(pending),
            offer: Some(offer.to_sdp_string()),
            is_adaptive,
            estimate: None,
            changed_at: now,
            keyframe_requests: 0,
            camera: None,
            session: None,
        };
        if is_adaptive {
            publisher.spend(FIRST_ESTIMATE as f64, now);
        }
        Ok((publisher, offer.to_sdp_string()))
    }

    /// Takes the bridge's answer.
    pub fn answer(&mut self, answer: &str) -> Result<bool, String> {
        let pending = self.pending.take().ok_or("an answer without an offer")?;
        self.offer = None;
        let parsed = SdpAnswer::from_sdp_string(answer).map_err(|error| format!("the answer: {error}"))?;
        self.connection.rtc.sdp_api().accept_answer(pending, parsed).map_err(|error| format!("the answer: {error}"))?;
        for track in self.audio.iter_mut().chain(&mut self.video) {
            track.pt = self.connection.rtc.media(track.mid).and_then(|media| media.remote_pts().first().copied());
        }
        if self.is_adaptive {
            let most: f64 = self.video.iter().filter_map(|track| track.rungs.last()).map(|clip| clip.bitrate).sum();
            let desired = Bitrate::bps(((most + SOUND) * MARGIN / SHARE) as u64);
            self.connection.rtc.bwe().set_bitrate(Bitrate::ZERO, desired);
        }
        self.connection.settle(answer)
    }

    /// MIDs and what they carry, as the WebSocket protocol names it.
    pub fn sources(&self) -> Vec<(String, &'static str)> {
        let microphone = self.audio.iter().map(|track| (track.mid.to_string(), "microphone"));
        microphone.chain(self.video.first().map(|track| (track.mid.to_string(), "camera"))).collect()
    }

    /// Begins to send; frames of participants do not fall on the same moment.
    pub fn begin(&mut self, now: Instant, seed: usize) {
        let spread = |interval: Duration| interval.mul_f64((seed as f64 * 0.618_034).fract());
        for track in self.audio.iter_mut().chain(&mut self.video) {
            track.begin(now + spread(track.clip().interval));
        }
    }

    /// Falls silent.
    pub fn stop(&mut self) {
        self.audio.iter_mut().chain(&mut self.video).for_each(Track::end);
    }

    /// Takes a datagram.
    pub fn receive(&mut self, datagram: &Datagram<'_>, clocks: &Clocks) -> Result<(), String> {
        let now = self.connection.receive(datagram, clocks)?;
        self.poll(now)
    }

    /// Sends and listens until there is nothing more to do now.
    pub fn poll(&mut self, now: Instant) -> Result<(), String> {
        let mut estimate = None;
        let (video, requests) = (&mut self.video, &mut self.keyframe_requests);
        self.connection.poll(now, |_: &mut Rtc, event| match event {
            Event::KeyframeRequest(request) => {
                *requests += 1;
                video.iter_mut().filter(|track| track.rid == request.rid).for_each(Track::request_keyframe);
            }
            Event::EgressBitrateEstimate(BweKind::Twcc { estimate: now, .. }) => estimate = Some(now.as_f64()),
            _ => {}
        })?;
        if let Some(estimate) = estimate {
            self.estimate = Some(estimate);
            self.spend(estimate, now);
        }
        Ok(())
    }

    /// Tells which encodings of a camera somebody receives.
    pub fn want(&mut self, mid_or_rid: &[(Option<String>, bool)]) {
        for track in &mut self.video {
            let own = track.rid.map(|rid| rid.to_string());
            if let Some((_, is_wanted)) = mid_or_rid.iter().find(|(rid, _)| *rid == own || own.is_none()) {
                track.is_wanted = *is_wanted;
            }
        }
    }

    /// Bit/s of what is sent now.
    pub fn target(&self) -> f64 {
        self.video.iter().filter(|track| track.is_sending()).map(|track| track.clip().bitrate).sum()
    }

    pub fn has_mid(&self, mid: &str) -> bool {
        self.video.first().is_some_and(|track| track.mid == Mid::from(mid))
    }

    /// The lowest rung of the lowest encoding always, then lowest rungs of the others, then better ones from above.
    fn spend(&mut self, estimate: f64, now: Instant) {
        let mut left = estimate * SHARE - SOUND;
        let may_rise = now >= self.changed_at + HOLD;
        let mut has_changed = false;
        for (index, track) in self.video.iter_mut().enumerate() {
            let cost = track.rungs[0].bitrate;
            let margin = if track.is_affordable { 1.0 } else { MARGIN };
            let fits = index == 0 || left >= cost * margin && (may_rise || track.is_affordable);
            has_changed |= fits != track.is_affordable;
            track.is_affordable = fits;
            left -= if fits && track.is_wanted { cost } else { 0.0 };
        }
        for track in self.video.iter_mut().rev().filter(|track| track.is_sending()) {
            let base = track.rungs[0].bitrate;
            let now_at = track.clip().bitrate;
            let fits = |clip: &Arc<Clip>| {
                let margin = if clip.bitrate > now_at { MARGIN } else { 1.0 };
                clip.bitrate * margin - base <= left && (may_rise || clip.bitrate <= now_at)
            };
            let rung = track.rungs.iter().rposition(fits).unwrap_or(0);
            has_changed |= track.rungs[rung].bitrate != now_at;
            left -= track.rungs[rung].bitrate - base;
            track.choose(rung);
        }
        if has_changed {
            self.changed_at = now;
        }
    }
}

fn simulcast(plan: &VideoPlan) -> Option<Simulcast> {
    if plan.encodings.len() < 2 {
        return None;
    }
    let mut simulcast = Simulcast::new();
    plan.encodings.iter().filter_map(|encoding| encoding.rid.as_deref()).for_each(|rid| {
        simulcast.add_send_layer(SimulcastLayer::new(rid));
    });
    Some(simulcast)
}
