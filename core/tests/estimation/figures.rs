//! What a plan measured, beside what it has to reach.

/// What a figure has to be.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
    Within(f64, f64),
}

#[derive(Clone, Debug)]
struct Figure {
    name: &'static str,
    value: f64,
    unit: &'static str,
    goal: Goal,
}

impl Figure {
    /// How far it is above what it has to be; below zero where it is not reached.
    fn margin(&self) -> f64 {
        match self.goal {
            Goal::AtLeast(least) => self.value - least,
            Goal::AtMost(most) => most - self.value,
            Goal::Within(least, most) => (self.value - least).min(most - self.value),
        }
    }
}

/// The figures of one stretch of a plan.
#[derive(Clone, Debug)]
pub struct Row {
    plan: &'static str,
    stretch: String,
    figures: Vec<Figure>,
}

impl Row {
    pub fn new(plan: &'static str, stretch: impl Into<String>) -> Self {
        Row { plan, stretch: stretch.into(), figures: Vec::new() }
    }

    pub fn with(mut self, name: &'static str, value: f64, unit: &'static str, goal: Goal) -> Self {
        self.figures.push(Figure { name, value, unit, goal });
        self
    }

    /// What misses its goal, in words.
    pub fn missed(&self, seed: u64) -> Vec<String> {
        let missed = self.figures.iter().filter(|figure| figure.margin() < 0.0 || figure.value.is_nan());
        missed
            .map(|figure| {
                let Figure { name, value, unit, goal } = figure;
                format!("{}, {} (seed {seed}): {name} {value:.2} {unit}, has to be {goal:?}", self.plan, self.stretch)
            })
            .collect()
    }

    /// Takes over every figure that is worse in `other`, the same stretch with another seed.
    fn worsen(&mut self, other: &Row) {
        for (mine, other) in self.figures.iter_mut().zip(&other.figures) {
            if other.margin() < mine.margin() {
                *mine = other.clone();
            }
        }
    }
}

/// The worst of several seeds, as a table in Markdown.
pub fn table(seeds: &[Vec<Row>]) -> String {
    let mut worst = seeds[0].clone();
    for rows in &seeds[1..] {
        for (mine, other) in worst.iter_mut().zip(rows) {
            mine.worsen(other);
        }
    }
    let mut out = String::from("| plan | stretch | measured (goal) |\n|---|---|---|\n");
    for row in worst {
        let figures: Vec<String> = row
            .figures
            .iter()
            .map(|Figure { name, value, unit, goal }| {
                let digits = if value.abs() < 10.0 { 2 } else { 0 };
                let goal = match goal {
                    Goal::AtLeast(least) => format!("≥ {least}"),
                    Goal::AtMost(most) => format!("≤ {most}"),
                    Goal::Within(least, most) => format!("{least}–{most}"),
                };
                format!("{name} {value:.digits$} {unit} ({goal})")
            })
            .collect();
        out.push_str(&format!("| {} | {} | {} |\n", row.plan, row.stretch, figures.join("; ")));
    }
    out
}
