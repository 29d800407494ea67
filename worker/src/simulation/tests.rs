//! The guarantees hold in every schedule, and every mutant is found.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Instant;

use super::mutants::Mutant;
use super::plan::Plan;
use super::schedule::{Outcome, run};

/// The seeds of a default run.
const SEEDS: Range<u64> = 0..5_000;

fn seeds() -> Range<u64> {
    let Ok(range) = std::env::var("SIMULATION_SEEDS") else { return SEEDS };
    let (from, to) = range.split_once("..").expect("SIMULATION_SEEDS is FROM..TO");
    from.parse().expect("a number before ..")..to.parse().expect("a number behind ..")
}

fn assert_holds(plan: &Plan, outcome: &Outcome) {
    let seed = plan.seed;
    assert!(
        outcome.violations.is_empty(),
        "the schedule of seed {seed} violates guarantees; replay with SIMULATION_SEEDS={seed}..{}:\n{}\n{plan:#?}",
        seed + 1,
        outcome.violations.join("\n"),
    );
}

#[test]
fn no_schedule_loses_doubles_or_tears_a_row() {
    let (seeds, started) = (seeds(), Instant::now());
    let mut steps = 0;
    for seed in seeds.clone() {
        let plan = Plan::draw(seed);
        let outcome = run(&plan);
        assert_holds(&plan, &outcome);
        steps += outcome.steps;
    }
    let (count, seconds) = (seeds.end - seeds.start, started.elapsed().as_secs_f64());
    println!(
        "{count} schedules of {steps} steps in {seconds:.1} s: {:.0} schedules/s",
        count as f64 / seconds
    );
}

#[test]
fn crash_at_any_step_loses_nothing() {
    let mut crashes = 0;
    for seed in [3, 14, 15] {
        let faultless = Plan { crashes: BTreeSet::new(), faults: 0, stall: 0, ..Plan::draw(seed) };
        let steps = run(&faultless).steps;
        // Every step at first, then every seventh: all of them would take more than a minute.
        for step in (0..steps).filter(|step| *step < 400 || step % 7 == 0) {
            let plan = Plan { crashes: BTreeSet::from([step]), ..faultless.clone() };
            assert_holds(&plan, &run(&plan));
            crashes += 1;
        }
    }
    println!("{crashes} schedules, one for each step");
}

#[test]
fn same_seed_gives_the_same_schedule() {
    for seed in 0..50 {
        let plan = Plan::draw(seed);
        let (first, second) = (run(&plan), run(&plan));
        assert_eq!((first.trace, first.steps), (second.trace, second.steps), "seed {seed}");
    }
}

/// The schedules among which a mutant must be found.
const HUNT: Range<u64> = 0..2_000;

fn hunt(mutant: Mutant) {
    let found = HUNT.map(Plan::draw).find_map(|plan| {
        let violations = run(&Plan { mutant: Some(mutant), ..plan.clone() }).violations;
        violations.first().map(|violation| (plan, violation.clone()))
    });
    let (plan, violation) = found.unwrap_or_else(|| panic!("{mutant:?} was not found in {HUNT:?}"));
    println!("{mutant:?}: seed {}: {violation}", plan.seed);
    assert_holds(&plan, &run(&plan));
}

macro_rules! finds {
    ($($name:ident: $mutant:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                hunt(Mutant::$mutant);
            }
        )+
    };
}

finds! {
    finds_commit_before_the_write: CommitBeforeWrite,
    finds_commit_past_an_unfinished_record: CommitPastUnfinished,
    finds_ack_of_an_old_assignment: AcceptAckOfOldAssignment,
    finds_position_saved_before_the_acks: SavePositionBeforeAcks,
    finds_dead_letter_not_awaited: DeadLetterNotAwaited,
    finds_rejected_row_counted_as_written: RejectedRowForgotten,
    finds_failed_write_counted_as_written: UnavailableCountsAsWritten,
    finds_write_times_from_the_clock: WriteTimeFromClock,
    finds_write_times_without_the_offset: WriteTimeWithoutOffset,
    finds_lost_append_reply_counted_as_done: LostAppendReplyCountsAsDone,
}
