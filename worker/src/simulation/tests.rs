//! The simulation's own tests: the promises hold in every schedule, and planted faults are found.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Instant;

use super::plan::Plan;
use super::schedule::{Outcome, run};
use crate::delivery::mutants::{Fault, plant};

/// The seeds of a normal run.
const SEEDS: Range<u64> = 0..5_000;

fn seeds() -> Range<u64> {
    let Ok(asked) = std::env::var("SIMULATION_SEEDS") else { return SEEDS };
    let (from, to) = asked.split_once("..").expect("SIMULATION_SEEDS is FROM..TO");
    from.parse().expect("a number before ..")..to.parse().expect("a number behind ..")
}

fn assert_holds(plan: &Plan, outcome: &Outcome) {
    let seed = plan.seed;
    assert!(
        outcome.violations.is_empty(),
        "schedule of seed {seed} breaks promises; replay with SIMULATION_SEEDS={seed}..{}:\n{}\n{plan:#?}",
        seed + 1,
        outcome.violations.join("\n"),
    );
}

#[test]
fn nothing_is_lost_doubled_stale_or_torn_in_any_schedule() {
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
fn a_crash_at_any_step_loses_nothing() {
    let mut crashes = 0;
    for seed in [3, 14, 15] {
        let calm = Plan { crashes: BTreeSet::new(), faults: 0, stall: 0, ..Plan::draw(seed) };
        let steps = run(&calm).steps;
        // Every step of the beginning, and of the rest every seventh: all of them take more than a minute.
        for step in (0..steps).filter(|step| *step < 400 || step % 7 == 0) {
            let plan = Plan { crashes: BTreeSet::from([step]), ..calm.clone() };
            assert_holds(&plan, &run(&plan));
            crashes += 1;
        }
    }
    println!("{crashes} schedules, one for each step");
}

#[test]
fn the_same_seed_gives_the_same_schedule() {
    for seed in 0..50 {
        let plan = Plan::draw(seed);
        let (first, second) = (run(&plan), run(&plan));
        assert_eq!((first.trace, first.steps), (second.trace, second.steps), "seed {seed}");
    }
}

/// How many schedules it may take to find a planted fault.
const HUNT: Range<u64> = 0..2_000;

fn hunt(fault: Fault) {
    let planted = plant(fault);
    let found = HUNT.map(Plan::draw).find_map(|plan| {
        let violations = run(&plan).violations;
        violations.first().map(|violation| (plan, violation.clone()))
    });
    drop(planted);
    let (plan, violation) = found.unwrap_or_else(|| panic!("{fault:?} was not found in {HUNT:?}"));
    println!("{fault:?}: seed {}: {violation}", plan.seed);
    assert_holds(&plan, &run(&plan));
}

macro_rules! finds {
    ($($name:ident: $fault:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                hunt(Fault::$fault);
            }
        )+
    };
}

finds! {
    finds_a_commit_before_the_write: CommitBeforeWrite,
    finds_a_commit_past_an_unfinished_record: CommitPastUnfinished,
    finds_an_acknowledgement_of_an_old_assignment: AcceptAckOfOldAssignment,
    finds_a_position_saved_before_the_acknowledgements: SavePositionBeforeAcks,
    finds_a_dead_letter_not_awaited: DeadLetterNotAwaited,
    finds_a_rejected_row_forgotten: RejectedRowForgotten,
    finds_a_failed_write_taken_for_written: UnavailableCountsAsWritten,
    finds_write_times_from_the_clock: WriteTimeFromClock,
    finds_write_times_without_the_offset: WriteTimeWithoutOffset,
    finds_a_lost_append_reply_taken_for_done: LostAppendReplyCountsAsDone,
}
