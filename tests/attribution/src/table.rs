//! What is printed: a line for each case, and the totals that decide.
//!
//! Owns the goals. Pure.

use crate::{
    case::{Case, Domains},
    judge::Ruling,
};
use std::{fmt::Write as _, time::Duration};

/// How many of a hundred conclusive runs must name the culprit.
pub const RIGHT_PERCENT: usize = 80;
/// So many of the runs of a whole matrix must at least be conclusive for it to say anything.
const CONCLUSIVE_PERCENT: usize = 50;

/// What came of one run of a case.
#[derive(Debug, Clone)]
pub struct Result {
    /// The case's name.
    pub case: String,
    /// Whose fault it is.
    pub culprit: Domains,
    /// The seed.
    pub seed: u64,
    /// What the check named; `None` if it gave no answer.
    pub named: Option<Domains>,
    /// What that is worth.
    pub ruling: Ruling,
    /// How long the check took.
    pub took: Duration,
    /// What else is to be said: why there was no answer, how late the lab was.
    pub remark: String,
}

/// One line for one run.
pub fn line(result: &Result) -> String {
    let named = result.named.as_ref().map_or("-".to_owned(), words);
    format!(
        "{:<34} {:>3}  {:<32} {:<36} {:<12} {:>5.1} s{}{}",
        result.case,
        result.seed,
        words(&result.culprit),
        named,
        result.ruling.word(),
        result.took.as_secs_f64(),
        if result.remark.is_empty() { "" } else { "  " },
        result.remark,
    )
}

/// The head over the lines.
pub fn head() -> String {
    format!("{:<34} {:>3}  {:<32} {:<36} {:<12} {:>7}", "case", "", "culprit", "named", "", "took")
}

/// What a run is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goal {
    /// Wrong and late answers that there may be: none, but on a machine that is not quiet.
    pub tolerated: usize,
    /// Percent of the answers that must be right.
    pub right_percent: usize,
}

/// The totals, and whether they will do.
pub fn totals(results: &[Result], goal: Goal) -> (String, bool) {
    let count = |ruling| results.iter().filter(|r| r.ruling == ruling).count();
    let right = count(Ruling::Right);
    let conclusive = results.len() - count(Ruling::Inconclusive);
    let failing = results.iter().filter(|r| r.ruling.fails()).count();
    let mut text = String::new();
    let all = [
        Ruling::Right,
        Ruling::Undetermined,
        Ruling::Vague,
        Ruling::Wrong,
        Ruling::NoAnswer,
        Ruling::Late,
        Ruling::Inconclusive,
    ];
    let parts: Vec<String> = all
        .iter()
        .filter(|ruling| count(**ruling) > 0 || matches!(ruling, Ruling::Right | Ruling::Wrong))
        .map(|ruling| format!("{} {}", count(*ruling), ruling.word()))
        .collect();
    let _ = writeln!(text, "{} runs: {}", results.len(), parts.join(", "));
    let enough = right * 100 >= conclusive * goal.right_percent;
    if !enough {
        let share = right as f64 * 100.0 / conclusive.max(1) as f64;
        let _ = writeln!(
            text,
            "Too few are right: {share:.0} % of {conclusive}, and the goal is {} %.",
            goal.right_percent
        );
    }
    let judged = conclusive * 100 >= results.len() * CONCLUSIVE_PERCENT;
    if !judged {
        // Where something is tolerated, the machine is known not to be quiet, and that is no failure of ours.
        let told = if goal.tolerated > 0 { "SKIPPED: whose fault: t" } else { "T" };
        let _ = writeln!(
            text,
            "{told}he lab was late in most runs: that says nothing. Try again on a quieter machine."
        );
    }
    if !judged && goal.tolerated > 0 {
        return (text, true);
    }
    (text, failing <= goal.tolerated && enough && judged)
}

/// The cases and what they are about.
pub fn list(cases: &[Case]) -> String {
    let line = |case: &Case| format!("{:<34} {:<32} {}\n", case.name, words(&case.culprit), case.about);
    cases.iter().map(line).collect()
}

fn words(domains: &Domains) -> String {
    if domains.is_empty() {
        return "nothing wrong".to_owned();
    }
    let name =
        |d| serde_json::to_value(d).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    domains.iter().map(name).collect::<Vec<_>>().join(" + ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::FaultDomain::{HomeNetwork, Service};

    const GOAL: Goal = Goal { tolerated: 0, right_percent: RIGHT_PERCENT };

    fn results(rulings: &[(Ruling, usize)]) -> Vec<Result> {
        let one = |ruling| Result {
            case: "wifi-loss-up".into(),
            culprit: [HomeNetwork].into(),
            seed: 1,
            named: Some([Service].into()),
            ruling,
            took: Duration::from_millis(9_400),
            remark: String::new(),
        };
        rulings.iter().flat_map(|(ruling, n)| std::iter::repeat_n(one(*ruling), *n)).collect()
    }

    #[test]
    fn one_wrong_answer_or_a_late_one_fails_the_whole() {
        assert!(totals(&results(&[(Ruling::Right, 34)]), GOAL).1);
        let lenient = Goal { tolerated: 1, right_percent: 60 };
        assert!(totals(&results(&[(Ruling::Right, 2), (Ruling::Wrong, 1)]), lenient).1);
        assert!(!totals(&results(&[(Ruling::Right, 9), (Ruling::Wrong, 2)]), lenient).1);
        let (text, well) = totals(&results(&[(Ruling::Wrong, 2), (Ruling::Inconclusive, 9)]), lenient);
        assert!(well && text.contains("SKIPPED"), "{text}");
        for bad in [Ruling::Wrong, Ruling::Late, Ruling::NoAnswer] {
            let (text, well) = totals(&results(&[(Ruling::Right, 33), (bad, 1)]), GOAL);
            assert!(!well && text.contains(&format!("1 {}", bad.word())), "{text}");
        }
    }

    #[test]
    fn too_many_that_cannot_tell_fail_it_too() {
        assert!(totals(&results(&[(Ruling::Right, 28), (Ruling::Undetermined, 7)]), GOAL).1);
        let (text, well) = totals(&results(&[(Ruling::Right, 27), (Ruling::Vague, 8)]), GOAL);
        assert!(!well && text.contains("77 % of 35"), "{text}");
    }

    #[test]
    fn a_late_lab_is_left_out_but_not_all_of_it() {
        assert!(totals(&results(&[(Ruling::Right, 17), (Ruling::Inconclusive, 17)]), GOAL).1);
        let (text, well) = totals(&results(&[(Ruling::Right, 16), (Ruling::Inconclusive, 18)]), GOAL);
        assert!(!well && text.contains("quieter"), "{text}");
    }

    #[test]
    fn a_wrong_answer_stands_out_in_its_line() {
        let shown = line(&results(&[(Ruling::Wrong, 1)])[0]);
        for part in ["wifi-loss-up", "home_network", "service", "WRONG", "9.4 s"] {
            assert!(shown.contains(part), "{shown}");
        }
    }
}
