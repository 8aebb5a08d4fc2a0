//! What an author waits for: `holdfast check` of a thousand definitions, the examples that ship and one
//! of 40 steps; `holdfast test` of a thousand scenarios.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Result, ensure};

use crate::{
    Plan,
    process::engine,
    report::{Bound, Report, median},
};

const FILES: usize = 1_000;
const SCENARIOS: usize = 1_000;
const ROUNDS: usize = 5;
const STEPS: usize = 40;

pub fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir_in(&plan.scratch)?;
    let mut texts = vec![long()];
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../definitions/cycles"))? {
        let path = entry?.path();
        let name = path.to_string_lossy();
        if name.ends_with(".yaml") && !name.ends_with(".test.yaml") {
            texts.push(fs::read_to_string(path)?);
        }
    }
    for at in 0..FILES {
        // Each its own, so that nothing is told from having been seen.
        let text = texts[at % texts.len()].replacen("steps:\n", &format!("steps: # {at}\n"), 1);
        fs::write(folder.path().join(format!("{at:04}.yaml")), text)?;
    }
    let files: Vec<_> = (0..FILES).map(|at| folder.path().join(format!("{at:04}.yaml"))).collect();
    let took = timed(|check| check.args(["check", "--format", "line"]).args(&files))?;
    let what = "`check` of 1,000 definitions";
    report.line("none", what, Bound::AtMost(1.0), took, " s", "their scripts too, one process".into());
    let folder = tempfile::tempdir_in(&plan.scratch)?;
    let cycles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../definitions/cycles");
    fs::copy(cycles.join("order-status.yaml"), folder.path().join("order-status.yaml"))?;
    fs::write(folder.path().join("parcels.test.yaml"), scenarios()?)?;
    let took = timed(|test| test.arg("test").arg(folder.path()))?;
    let what = "`test` of 1,000 scenarios";
    report.line("none", what, Bound::AtMost(1.0), took, " s", "three hits and thirty days each".into());
    Ok(())
}

/// Seconds, the median of the rounds.
fn timed(arguments: impl Fn(&mut Command) -> &mut Command) -> Result<f64> {
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let output = arguments(&mut Command::new(engine()?)).stdin(Stdio::null()).output()?;
        took.push(began.elapsed().as_secs_f64());
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    Ok(median(took))
}

fn scenarios() -> Result<String> {
    let mut text = String::new();
    for parcel in 1..=SCENARIOS {
        write!(
            text,
            "---
test: parcel {parcel}
cycle: order-status
steps:
  - hit: placed
    body: {{ order_id: {parcel} }}
  - hit: status
    body: {{ order: {{ id: {parcel} }}, state: packed }}
  - advance: 30d
  - hit: status
    body: {{ order: {{ id: {parcel} }}, state: delivered }}
  - expect: {{ transaction: {{ status: completed, document: {{ delivered: {{ order: {parcel} }} }} }} }}
"
        )?;
    }
    Ok(text)
}

/// A cycle of [`STEPS`] steps of several kinds.
fn long() -> String {
    let mut text = "cycle: long\nsteps:\n  s0: { webhook: , next: s1 }\n".to_owned();
    for at in 1..STEPS {
        let next = if at + 1 < STEPS { format!("s{}", at + 1) } else { "end".to_owned() };
        let step = match at % 4 {
            0 => format!("{{ http: {{ url: \"https://a.example/${{$.s0.body.id}}\" }}, next: {next} }}"),
            1 => format!("{{ set: {{ a: \"${{$.s0.body.id}}\" }}, next: {next} }}"),
            2 => format!(
                "{{ decision: [{{ when: {{ value: $.s0.body.a, matches: \"^x{at}\" }}, next: {next} }}, {{ else: {next} }}] }}"
            ),
            _ => format!("{{ delay: 1h, next: {next} }}"),
        };
        // Writing into a text does not fail.
        let _ = writeln!(text, "  s{at}: {step}");
    }
    text
}
