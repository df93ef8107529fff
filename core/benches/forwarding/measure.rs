//! One measurement of one subject.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use _core::net::thread;

use crate::bridge::Bridge;
use crate::call::Call;
use crate::clients::Clients;
use crate::floor::Floor;
use crate::generator::{Generator, Pace};
use crate::stolen::Ticks;

/// Where the subject runs.
const SUBJECT_CPU: usize = 0;
/// Where its clients run.
const CLIENT_CPU: usize = 1;
/// Time for keyframes, caches and averages, before it counts.
const WARM_UP: Duration = Duration::from_millis(700);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Worker,
    Floor,
}

enum Running {
    Worker(Bridge),
    Floor(Floor),
}

impl Running {
    fn cpu(&self) -> Duration {
        match self {
            Running::Worker(bridge) => bridge.cpu(),
            Running::Floor(floor) => floor.cpu(),
        }
    }
}

/// What one measurement found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// CPU of the subject's thread per delivered RTP packet.
    pub cpu_us: f64,
    pub packets_per_second: f64,
    /// Part of a core that the subject used.
    pub load: f64,
    /// Of RTP packets that were to be delivered.
    pub loss: f64,
    pub delay_p50_us: f64,
    pub delay_p99_us: f64,
    /// Part of the other core that the generator used.
    pub client_load: f64,
    /// Part of the time that the generator was behind and offered less.
    pub late: f64,
    /// Part of all CPUs that the host gave to others.
    pub stolen: f64,
}

/// How to measure.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    pub pace: Pace,
    pub duration: Duration,
    /// See [`Clients::new`].
    pub runs: bool,
    /// The worker's setting, if not its default.
    pub gather_us: Option<u64>,
    /// Whether receivers tell what arrives, and the worker paces what it sends.
    pub feedback: bool,
}

impl Sample {
    /// The median of each figure for itself, over the half of the samples in which the host took least.
    pub fn typical(mut samples: Vec<Sample>) -> Sample {
        samples.sort_by(|one, other| one.stolen.total_cmp(&other.stolen));
        samples.truncate(samples.len().div_ceil(2));
        let median = |figure: fn(&Sample) -> f64| {
            let mut values: Vec<f64> = samples.iter().map(figure).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Sample {
            cpu_us: median(|sample| sample.cpu_us),
            packets_per_second: median(|sample| sample.packets_per_second),
            load: median(|sample| sample.load),
            loss: median(|sample| sample.loss),
            delay_p50_us: median(|sample| sample.delay_p50_us),
            delay_p99_us: median(|sample| sample.delay_p99_us),
            client_load: median(|sample| sample.client_load),
            late: median(|sample| sample.late),
            stolen: median(|sample| sample.stolen),
        }
    }
}

/// Starts a subject, connects its clients, and measures.
pub fn measure(subject: Subject, call: Call, method: Method) -> Sample {
    let pin = has_two_cpus().then_some(SUBJECT_CPU);
    if pin.is_some() {
        thread::pin_to_cpu(CLIENT_CPU).expect("the CPU is there");
    }
    // Clients are to see packets when they come, not up to 50 µs later.
    thread::set_timer_slack(Duration::from_nanos(1)).expect("any slack is allowed");
    let (running, clients) = match subject {
        Subject::Worker => {
            let bridge = Bridge::start(&call, pin, method.gather_us);
            if method.feedback {
                bridge.pace(&call);
            }
            let mut clients = Clients::new(call, bridge.address(), method.runs);
            bridge.connect(&mut clients);
            (Running::Worker(bridge), clients)
        }
        Subject::Floor => {
            let floor = Floor::start(pin);
            let clients = Clients::new(call, floor.address(), method.runs);
            floor.connect(&clients);
            (Running::Floor(floor), clients)
        }
    };
    let mut generator = Generator::new(clients, method.pace, method.feedback);
    generator.run(WARM_UP);
    generator.drain();
    generator.traffic = Default::default();
    let (before, clients_before) = (settled_cpu(&running), thread::cpu_time());
    let (started, ticks) = (Instant::now(), Ticks::now());
    generator.run(method.duration);
    let (elapsed, stolen) = (started.elapsed(), ticks.stolen_since());
    let clients_cpu = thread::cpu_time() - clients_before;
    generator.drain();
    let after = settled_cpu(&running);

    let traffic = &mut generator.traffic;
    traffic.delays.sort_unstable();
    let cpu = after - before;
    let expected = (traffic.sent * call.fan_out() as u64).max(1);
    Sample {
        cpu_us: cpu.as_secs_f64() * 1e6 / traffic.delivered.max(1) as f64,
        packets_per_second: traffic.delivered as f64 / elapsed.as_secs_f64(),
        load: cpu.as_secs_f64() / elapsed.as_secs_f64(),
        loss: 1.0 - (traffic.delivered as f64 / expected as f64).min(1.0),
        delay_p50_us: percentile(&traffic.delays, 0.50),
        delay_p99_us: percentile(&traffic.delays, 0.99),
        client_load: clients_cpu.as_secs_f64() / elapsed.as_secs_f64(),
        late: traffic.late.as_secs_f64() / elapsed.as_secs_f64(),
        stolen,
    }
}

/// Whether subject and clients can each have a core. Found out once: after it has pinned itself, this thread, and what it
/// starts, sees one CPU only.
fn has_two_cpus() -> bool {
    static CPUS: OnceLock<usize> = OnceLock::new();
    *CPUS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from)) > 1
}

/// The CPU time once nothing is on its way any more and the subject has told the latest.
fn settled_cpu(running: &Running) -> Duration {
    std::thread::sleep(Duration::from_millis(120));
    running.cpu()
}

fn percentile(sorted: &[u32], part: f64) -> f64 {
    let index = (sorted.len() as f64 * part) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).map_or(0.0, |nanos| f64::from(*nanos) / 1e3)
}
