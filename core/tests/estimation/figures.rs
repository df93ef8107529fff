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
}

impl Goal {
    fn words(&self) -> String {
        match self {
            Goal::AtLeast(least) => format!("≥ {least}"),
            Goal::AtMost(most) => format!("≤ {most}"),
            Goal::Within(least, most) => format!("{least}–{most}"),
        }
    }
}

/// One figure of a stretch, of each seed.
struct Judged<'r> {
    row: &'r Row,
    /// From the best to the worst.
    figures: Vec<&'r Figure>,
    missed: usize,
}

/// The figures of a plan that was played with several seeds.
fn judge(seeds: &[Vec<Row>]) -> impl Iterator<Item = Judged<'_>> {
    let places = seeds[0].iter().enumerate().flat_map(|(row, first)| (0..first.figures.len()).map(move |n| (row, n)));
    places.map(|(row, n)| {
        let mut figures: Vec<&Figure> = seeds.iter().map(|rows| &rows[row].figures[n]).collect();
        let margin = |figure: &Figure| if figure.margin().is_nan() { f64::NEG_INFINITY } else { figure.margin() };
        figures.sort_by(|a, b| margin(b).total_cmp(&margin(a)));
        let missed = figures.iter().filter(|figure| margin(figure) < 0.0).count();
        Judged { row: &seeds[0][row], figures, missed }
    })
}

/// What misses its goal with more than a third of the seeds, in words: what chance does is told apart from what we do.
pub fn missed(seeds: &[Vec<Row>]) -> Vec<String> {
    let often = judge(seeds).filter(|judged| judged.missed * 3 > seeds.len());
    often.map(|judged| format!("{}, {}: {}", judged.row.plan, judged.row.stretch, judged.words())).collect()
}

/// The median and the worst of several seeds, as a table in Markdown.
pub fn table(seeds: &[Vec<Row>]) -> String {
    let mut out = String::from("| plan | stretch | median, worst (goal) |\n|---|---|---|\n");
    let judged: Vec<Judged<'_>> = judge(seeds).collect();
    for row in judged.chunk_by(|a, b| std::ptr::eq(a.row, b.row)) {
        let figures: Vec<String> = row.iter().map(Judged::words).collect();
        out.push_str(&format!("| {} | {} | {} |\n", row[0].row.plan, row[0].row.stretch, figures.join("; ")));
    }
    out
}

impl Judged<'_> {
    fn words(&self) -> String {
        let Figure { name, value, unit, goal } = self.figures[self.figures.len() / 2];
        let worst = self.figures[self.figures.len() - 1].value;
        let digits = |value: f64| if value.abs() < 10.0 { 2 } else { 0 };
        let missed = match self.missed {
            0 => String::new(),
            seeds => format!(", {seeds} missed"),
        };
        let (of_median, of_worst) = (digits(*value), digits(worst));
        format!("{name} {value:.of_median$}, {worst:.of_worst$} {unit} ({}{missed})", goal.words())
    }
}
