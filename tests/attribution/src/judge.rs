//! Whether an answer is right.
//!
//! Owns the rule by which an answer is held to the culprit. Pure.

use crate::case::{Case, Domains};
use std::time::Duration;
use telemetry::FaultDomain;

/// What an answer is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ruling {
    /// It names the culprit, or says that nothing is wrong where nothing is.
    Right,
    /// It says that something is wrong, and that it cannot tell whose fault it is.
    Undetermined,
    /// It names the culprit beside another who is innocent: neither wrong nor right.
    Vague,
    /// It names somebody who is innocent and not the culprit, leaves a culprit out, sees nothing, or sees what is not there.
    Wrong,
    /// The check gave no answer at all, or none that can be read.
    NoAnswer,
    /// It took longer than the case allows.
    Late,
    /// The lab itself was late each time: the answer says nothing.
    Inconclusive,
}

impl Ruling {
    /// How it is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Undetermined => "undetermined",
            Self::Vague => "vague",
            Self::Wrong => "WRONG",
            Self::NoAnswer => "NO ANSWER",
            Self::Late => "TOO LATE",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// Whether one of these is enough for the whole to fail.
    pub fn fails(self) -> bool {
        matches!(self, Self::Wrong | Self::NoAnswer | Self::Late)
    }
}

/// What an answer is worth, after a check that took so long.
pub fn rule(case: &Case, named: &Domains, took: Duration) -> Ruling {
    match by_name(case, named) {
        // A wrong answer is that, however late it came.
        Ruling::Wrong => Ruling::Wrong,
        _ if took > Duration::from_secs(case.seconds) => Ruling::Late,
        ruling => ruling,
    }
}

fn by_name(case: &Case, named: &Domains) -> Ruling {
    if *named == case.culprit || case.also_right.contains(named) {
        return Ruling::Right;
    }
    if named.contains(&FaultDomain::Undetermined) {
        return Ruling::Undetermined;
    }
    // Two that cannot be told apart, and the culprit is one of them. Three are no answer any more.
    let more = !case.culprit.is_empty() && named.is_superset(&case.culprit);
    if more && named.len() == case.culprit.len() + 1 { Ruling::Vague } else { Ruling::Wrong }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FaultDomain::{Computer, HomeNetwork, InternetProvider, Service, Undetermined};

    fn case(culprit: &[FaultDomain], also_right: &[&[FaultDomain]]) -> Case {
        let mut case = crate::case::parse("x", "about = 'a'\nwhy = 'w'\nculprit = []\n").unwrap();
        case.culprit = culprit.iter().copied().collect();
        case.also_right = also_right.iter().map(|d| d.iter().copied().collect()).collect();
        case
    }

    fn ruled(case: &Case, named: &[FaultDomain]) -> Ruling {
        rule(case, &named.iter().copied().collect(), Duration::from_secs(10))
    }

    #[test]
    fn an_answer_is_right_when_it_names_the_culprit_and_nobody_else() {
        let wifi = case(&[HomeNetwork], &[]);
        assert_eq!(ruled(&wifi, &[HomeNetwork]), Ruling::Right);
        assert_eq!(ruled(&wifi, &[InternetProvider]), Ruling::Wrong);
        assert_eq!(ruled(&wifi, &[InternetProvider, Service]), Ruling::Wrong);
        assert_eq!(ruled(&wifi, &[]), Ruling::Wrong, "it saw nothing");
        assert_eq!(ruled(&wifi, &[Undetermined]), Ruling::Undetermined);
        assert_eq!(ruled(&wifi, &[HomeNetwork, InternetProvider]), Ruling::Vague);
        assert_eq!(ruled(&wifi, &[HomeNetwork, InternetProvider, Service]), Ruling::Wrong, "everybody");
    }

    #[test]
    fn a_healthy_desk_that_blames_somebody_is_wrong() {
        let healthy = case(&[], &[]);
        assert_eq!(ruled(&healthy, &[]), Ruling::Right);
        assert_eq!(ruled(&healthy, &[Undetermined]), Ruling::Undetermined);
        for domain in [Computer, HomeNetwork, InternetProvider, Service] {
            assert_eq!(ruled(&healthy, &[domain]), Ruling::Wrong, "{domain:?}");
        }
    }

    #[test]
    fn of_two_culprits_both_must_be_named() {
        let both = case(&[HomeNetwork, InternetProvider], &[]);
        assert_eq!(ruled(&both, &[HomeNetwork, InternetProvider]), Ruling::Right);
        assert_eq!(ruled(&both, &[HomeNetwork]), Ruling::Wrong);
        assert_eq!(ruled(&both, &[InternetProvider]), Ruling::Wrong);
        let silent = case(&[InternetProvider], &[&[HomeNetwork, InternetProvider]]);
        assert_eq!(ruled(&silent, &[HomeNetwork, InternetProvider]), Ruling::Right);
        assert_eq!(ruled(&silent, &[HomeNetwork]), Ruling::Wrong);
    }

    #[test]
    fn a_right_answer_that_comes_too_late_fails_and_a_wrong_one_stays_wrong() {
        let wifi = case(&[HomeNetwork], &[]);
        let after = |seconds, named| rule(&wifi, &[named].into(), Duration::from_secs(seconds));
        assert_eq!(after(20, HomeNetwork), Ruling::Right);
        assert_eq!(after(21, HomeNetwork), Ruling::Late);
        assert_eq!(after(21, Undetermined), Ruling::Late);
        assert_eq!(after(21, Service), Ruling::Wrong);
        assert!(Ruling::Late.fails() && Ruling::Wrong.fails() && Ruling::NoAnswer.fails());
        assert!(!Ruling::Vague.fails() && !Ruling::Undetermined.fails() && !Ruling::Inconclusive.fails());
    }

    /// Every case of the matrix must be able to fail: for each there is an answer that is wrong.
    #[test]
    fn in_every_case_there_is_an_answer_that_is_wrong() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");
        for case in crate::case::read_all(folder.as_ref()).unwrap() {
            let single = [Computer, HomeNetwork, InternetProvider, FaultDomain::CompanyNetwork, Service];
            let wrong = single.iter().filter(|d| ruled(&case, &[**d]) == Ruling::Wrong).count();
            assert!(wrong >= 3, "{}: {wrong} of 5 single answers are wrong", case.name);
            let blind = ruled(&case, &[]);
            assert_eq!(
                blind == Ruling::Right,
                case.culprit.is_empty(),
                "{}: nothing seen is {blind:?}",
                case.name
            );
        }
    }
}
