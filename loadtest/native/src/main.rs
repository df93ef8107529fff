//! `bridge-swarm PLAN`: many participants of video calls in one process, through a bridge's public doors only.
//!
//! Reads a plan (JSON, see `plan.rs`; `-` for standard input) and writes a report to standard output: a JSON object a
//! line (see `report/line.rs`). Ctrl-C or SIGTERM end the run early; the report is then of what was until then.
//! Exit codes: 0, or 2 for a plan that cannot be played.

mod connection;
mod door;
mod media;
mod net;
mod participant;
mod plan;
mod player;
mod publisher;
mod report;
mod subscriber;
mod timetable;
mod track;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use crate::media::clip::Clip;
use crate::plan::{ParticipantPlan, Plan};
use crate::player::{Assignment, Player};
use crate::publisher::Clips;
use crate::report::line::Line;

const WRONG: u8 = 2;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bridge-swarm: {message}");
            ExitCode::from(WRONG)
        }
    }
}

fn run() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), None) = (arguments.next(), arguments.next()) else {
        return Err("expected one argument: the plan's file, or - for standard input".into());
    };
    let plan = Plan::parse(&read(&path)?)?;
    let clips = load(&plan)?;
    net::raise_file_limit(plan.participants.len() as u64 * 4 + 256)?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, stop.clone()).map_err(|error| format!("signals: {error}"))?;
    }
    play(&plan, &clips, &stop)
}

fn read(path: &str) -> Result<String, String> {
    if path != "-" {
        return std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| format!("standard input: {error}"))?;
    Ok(text)
}

fn load(plan: &Plan) -> Result<Arc<Clips>, String> {
    let load = |(name, path): (&String, &std::path::PathBuf)| Ok((name.clone(), Arc::new(Clip::load(path)?)));
    plan.clips.iter().map(load).collect::<Result<Clips, String>>().map(Arc::new)
}

fn play(plan: &Plan, clips: &Arc<Clips>, stop: &Arc<AtomicBool>) -> Result<(), String> {
    let (lines, written) = channel::<String>();
    let began = Instant::now();
    let shares = spread(&plan.participants, plan.threads);
    let players = shares.into_iter().enumerate().map(|(thread, participants)| Assignment {
        thread,
        participants,
        clips: clips.clone(),
        began,
        length: Duration::from_secs_f64(plan.seconds),
        interval: Duration::from_secs_f64(plan.interval),
        stop: stop.clone(),
        lines: lines.clone(),
    });
    let start = |assignment: Assignment| {
        thread::Builder::new()
            .name(format!("player-{}", assignment.thread))
            .spawn(move || Player::new(&assignment)?.run(&assignment))
    };
    let threads: Vec<_> = players.map(start).collect::<Result<_, _>>().map_err(|error| format!("a thread: {error}"))?;
    drop(lines);
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let mut can_write = true;
    while let Ok(line) = written.recv() {
        // Whoever read has gone: the run ends.
        can_write = can_write && writeln!(out, "{line}").and_then(|()| out.flush()).is_ok();
        if !can_write {
            stop.store(true, Ordering::Relaxed);
        }
    }
    for thread in threads {
        thread.join().map_err(|_| "a player panicked")?.map_err(|error| format!("a player: {error}"))?;
    }
    let ended = Line::Ended { interrupted: stop.load(Ordering::Relaxed) };
    let _ = writeln!(out, "{}", serde_json::to_string(&ended).expect("lines are plain data"));
    out.flush().map_err(|error| format!("standard output: {error}"))
}

/// Whole rooms, to the thread that has the fewest participants.
fn spread(participants: &[ParticipantPlan], threads: usize) -> Vec<Vec<ParticipantPlan>> {
    let mut shares: Vec<Vec<ParticipantPlan>> = vec![Vec::new(); threads];
    let mut rooms: HashMap<&str, usize> = HashMap::new();
    let mut sizes = vec![0; threads];
    let mut members: HashMap<&str, usize> = HashMap::new();
    participants.iter().for_each(|one| *members.entry(&one.room).or_default() += 1);
    for participant in participants {
        let thread = *rooms.entry(&participant.room).or_insert_with(|| {
            let least = (0..threads).min_by_key(|&thread| sizes[thread]).unwrap_or(0);
            sizes[least] += members[participant.room.as_str()];
            least
        });
        shares[thread].push(participant.clone());
    }
    shares
}
