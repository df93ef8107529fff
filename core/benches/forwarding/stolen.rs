//! How much of this machine's CPUs the host gives to others while something is measured.

/// What the kernel has counted since it started (proc(5), `/proc/stat`), in ticks over all CPUs.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    stolen: u64,
    all: u64,
}

impl Ticks {
    /// As it stands now.
    pub fn now() -> Self {
        let stat = std::fs::read_to_string("/proc/stat").expect("Linux");
        let line = stat.lines().next().expect("a line of all CPUs");
        // user nice system idle iowait irq softirq steal; guests are part of user.
        let fields: Vec<u64> = line.split_whitespace().skip(1).take(8).map_while(|field| field.parse().ok()).collect();
        Ticks { stolen: fields.get(7).copied().unwrap_or_default(), all: fields.iter().sum() }
    }

    /// The part of all CPUs that was stolen since then.
    pub fn stolen_since(self) -> f64 {
        let now = Self::now();
        now.stolen.saturating_sub(self.stolen) as f64 / now.all.saturating_sub(self.all).max(1) as f64
    }
}
