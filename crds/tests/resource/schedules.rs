//! Cron expressions are parsed as by Kubernetes.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use userstream_crds::cron::{Cron, CronError};

/// Accepted by Kubernetes, which then never runs anything, and refused here.
const NEVER_DUE: [&str; 3] = ["0 0 31 2 *", "0 0 30 2 *", ", * * * *"];

/// The result of robfig/cron, which Kubernetes uses, for an expression. The program in `robfig/` prints the file.
#[derive(Deserialize)]
struct Observed {
    cron: String,
    valid: bool,
    zone: Option<String>,
    after: Option<Timestamp>,
    #[serde(default)]
    next: Vec<Timestamp>,
}

fn observed() -> Vec<Observed> {
    serde_json::from_str(include_str!("robfig.json")).unwrap()
}

#[test]
fn cron_is_accepted_where_kubernetes_accepts_and_runs_it() {
    let observed = observed();
    assert!(observed.iter().filter(|case| !case.valid).count() > 40);
    let different: Vec<_> = observed
        .iter()
        .map(|case| (&case.cron, case.valid, case.cron.parse::<Cron>()))
        .filter(|(cron, valid, parsed)| parsed.is_ok() != (*valid && !NEVER_DUE.contains(&cron.as_str())))
        .collect();
    assert!(different.is_empty(), "{different:#?}");
}

#[test]
fn due_times_are_those_of_kubernetes() {
    let mut compared = 0;
    for case in observed().into_iter().filter(|case| case.valid) {
        if NEVER_DUE.contains(&case.cron.as_str()) {
            assert!(case.next.is_empty(), "{}", case.cron);
            assert_eq!(case.cron.parse::<Cron>().err(), Some(CronError::NeverDue), "{}", case.cron);
            continue;
        }
        let zone_name = case.zone.unwrap();
        let (zone, mut after) = (TimeZone::get(&zone_name).unwrap(), case.after.unwrap());
        let schedule: Cron = case.cron.parse().unwrap();
        for expected in case.next {
            let next = schedule.next_after(after, &zone);
            assert_eq!(next, Some(expected), "{} in {zone_name} after {after}", case.cron);
            after = expected;
            compared += 1;
        }
    }
    assert!(compared > 500, "compared {compared}");
}
