//! What the swarm is to do, as its driver writes it: one JSON document. Every fault names its field.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use serde::Deserialize;

/// Threads at most; a swarm of more is several processes.
const MAX_THREADS: usize = 64;
/// Participants of one process at most: each has two sockets and a WebSocket.
const MAX_PARTICIPANTS: usize = 20_000;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// From the start until everyone stops sending.
    pub seconds: f64,
    /// Rooms are spread over so many threads.
    #[serde(default = "one")]
    pub threads: usize,
    /// Seconds between two reports of a participant.
    #[serde(default = "one_second")]
    pub interval: f64,
    /// IVF files by name: VP8, H264 (Annex B) or Opus, told apart by their FourCC.
    pub clips: BTreeMap<String, PathBuf>,
    pub participants: Vec<ParticipantPlan>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParticipantPlan {
    /// Names the participant in the report.
    pub name: String,
    /// Groups participants: those who are in one room are played by one thread.
    pub room: String,
    /// Seconds after the start.
    #[serde(default)]
    pub join_at: f64,
    pub door: DoorPlan,
    /// What is said: the name of a clip.
    pub audio: Option<String>,
    pub video: Option<VideoPlan>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum DoorPlan {
    /// The bridge's own protocol: publishes and receives everyone.
    Websocket { url: String, token: String },
    /// WHIP and WHEP, either of which may be left out.
    Http {
        publish_url: Option<String>,
        view_url: Option<String>,
        token: String,
        /// M-lines of each kind that a viewer offers.
        #[serde(default)]
        view_audio: usize,
        #[serde(default)]
        view_video: usize,
    },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoPlan {
    /// The lowest first. Several are simulcast and need a `rid` each.
    pub encodings: Vec<EncodingPlan>,
    /// Whether the bandwidth estimate chooses among rungs and encodings; otherwise all send their first rung.
    #[serde(default)]
    pub adaptive: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncodingPlan {
    pub rid: Option<String>,
    /// Clips of the same pictures at rising bitrates.
    pub rungs: Vec<String>,
}

fn one() -> usize {
    1
}

fn one_second() -> f64 {
    1.0
}

impl Plan {
    /// Reads and checks a plan.
    pub fn parse(text: &str) -> Result<Plan, String> {
        let plan: Plan = serde_json::from_str(text).map_err(|error| format!("the plan: {error}"))?;
        plan.check()?;
        Ok(plan)
    }

    fn check(&self) -> Result<(), String> {
        within("seconds", self.seconds, 0.1, 86_400.0)?;
        within("interval", self.interval, 0.1, 3_600.0)?;
        if !(1..=MAX_THREADS).contains(&self.threads) {
            return Err(format!("threads: {} (expected 1 to {MAX_THREADS})", self.threads));
        }
        if !(1..=MAX_PARTICIPANTS).contains(&self.participants.len()) {
            return Err(format!("participants: {} (expected 1 to {MAX_PARTICIPANTS})", self.participants.len()));
        }
        let mut names = HashSet::new();
        for (index, participant) in self.participants.iter().enumerate() {
            let fault = |what: String| Err(format!("participants[{index}].{what}"));
            if !names.insert(&participant.name) {
                return fault(format!("name: \"{}\" is there twice", participant.name));
            }
            within(&format!("participants[{index}].join_at"), participant.join_at, 0.0, self.seconds)?;
            if let Some(clip) = participant.audio.as_ref().filter(|clip| !self.clips.contains_key(*clip)) {
                return fault(format!("audio: there is no clip \"{clip}\""));
            }
            let Some(video) = &participant.video else { continue };
            if video.encodings.is_empty() {
                return fault("video.encodings: none (expected one or more)".into());
            }
            for encoding in &video.encodings {
                if video.encodings.len() > 1 && encoding.rid.is_none() {
                    return fault("video.encodings: several encodings need a rid each".into());
                }
                if encoding.rungs.is_empty() {
                    return fault("video.encodings.rungs: none (expected one or more)".into());
                }
                if let Some(clip) = encoding.rungs.iter().find(|clip| !self.clips.contains_key(*clip)) {
                    return fault(format!("video.encodings.rungs: there is no clip \"{clip}\""));
                }
            }
        }
        Ok(())
    }
}

fn within(field: &str, value: f64, least: f64, most: f64) -> Result<(), String> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("{field}: {value} (expected {least} to {most})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(change: impl FnOnce(&mut serde_json::Value)) -> Result<Plan, String> {
        let mut value = serde_json::json!({
            "seconds": 5, "clips": {"speech": "speech.ivf"},
            "participants": [{"name": "a", "room": "r", "audio": "speech",
                              "door": {"kind": "websocket", "url": "ws://host/v1/signal", "token": "t"}}],
        });
        change(&mut value);
        Plan::parse(&value.to_string())
    }

    #[test]
    fn a_plan_is_read() {
        let plan = plan(|_| {}).expect("a good plan");
        assert_eq!((plan.threads, plan.interval, plan.participants.len()), (1, 1.0, 1));
    }

    #[test]
    fn faults_name_their_field() {
        for (path, value, expected) in [
            ("/seconds", serde_json::json!(0), "seconds: 0 (expected 0.1 to 86400)"),
            ("/participants/0/audio", serde_json::json!("x"), "participants[0].audio: there is no clip \"x\""),
            ("/participants/0/door/kind", serde_json::json!("sip"), "unknown variant `sip`"),
            ("/participants", serde_json::json!([]), "participants: 0"),
        ] {
            let error = plan(|plan| *plan.pointer_mut(path).expect("a field") = value).expect_err(path);
            assert!(error.contains(expected), "{path}: {error}");
        }
    }
}
