//! The stories that are explored: where each begins, and what people do and what goes wrong in it.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Instant;

use crate::actions::{Action, Story};
use crate::checker::explore;
use crate::mutants::Fault;
use crate::specs::{Shape, Spec};

/// How many distinct states are explored at least; the environment asks for more.
const STATES: usize = 5_000;
const STATES_VARIABLE: &str = "USERSTREAM_EXPLORED_STATES";

/// A pipeline that runs, and nothing happens.
pub(crate) const QUIET: Story = Story {
    name: "",
    begins: Spec::new(Shape::Base),
    runs: true,
    specs: Vec::new(),
    edits: 0,
    faults: 0,
    deletes: false,
    recreates: false,
    pauses: false,
    meddles: false,
    foreign: false,
    namespace_goes: false,
    rival: false,
    may: |_| true,
};

pub(crate) fn stories() -> Vec<Story> {
    let base = Spec::new(Shape::Base);
    let of = |shapes: &[Shape]| shapes.iter().map(|shape| Spec::new(*shape)).collect::<Vec<_>>();
    vec![
        Story {
            name: "a new pipeline is edited while it begins",
            runs: false,
            specs: of(&[Shape::Base, Shape::Partitions, Shape::Invalid]),
            edits: 2,
            faults: 2,
            foreign: true,
            ..QUIET
        },
        Story {
            name: "what has to be provisioned changes, and changes back",
            specs: of(&[Shape::Base, Shape::Field, Shape::Scaled, Shape::Resources]),
            edits: 2,
            faults: 2,
            ..QUIET
        },
        Story {
            name: "the kind of the producer changes, and suspending comes between",
            specs: vec![base, Spec::new(Shape::Scheduled), Spec::new(Shape::NoSource), base.suspended()],
            edits: 2,
            faults: 2,
            ..QUIET
        },
        Story {
            name: "edits are refused, and work is stopped all the same",
            specs: vec![
                base,
                Spec::new(Shape::Invalid),
                Spec::new(Shape::Invalid).suspended(),
                Spec::new(Shape::Scheduled).suspended(),
            ],
            edits: 3,
            faults: 1,
            pauses: true,
            ..QUIET
        },
        Story {
            name: "a run is asked for while the spec changes",
            specs: of(&[Shape::Run, Shape::Field, Shape::Plan]),
            edits: 2,
            faults: 2,
            ..QUIET
        },
        Story {
            name: "somebody meddles with what is the operator's",
            specs: of(&[Shape::Base, Shape::Partitions]),
            edits: 1,
            faults: 2,
            meddles: true,
            ..QUIET
        },
        Story {
            name: "a pipeline is deleted with its data, and its policy changes",
            begins: base.deleting(),
            specs: vec![base, base.deleting(), Spec::new(Shape::Invalid).deleting()],
            edits: 3,
            faults: 2,
            deletes: true,
            namespace_goes: true,
            ..QUIET
        },
        Story {
            name: "a pipeline is deleted and another takes its name",
            specs: vec![base.deleting()],
            edits: 3,
            faults: 2,
            deletes: true,
            recreates: true,
            ..QUIET
        },
        Story {
            name: "a new pipeline with its data is deleted and comes again",
            begins: base.deleting(),
            runs: false,
            edits: 2,
            faults: 2,
            deletes: true,
            recreates: true,
            ..QUIET
        },
        // A former leader has stopped before another begins: what that takes is the Lease's to promise.
        Story {
            name: "another pipeline of the same second claims the same",
            runs: false,
            specs: vec![base, Spec::new(Shape::Field), Spec::new(Shape::Invalid), base.suspended()],
            edits: 3,
            faults: 2,
            rival: true,
            may: |action| !matches!(action, Action::TakeOver),
            ..QUIET
        },
    ]
}

#[test]
fn whatever_happens_nothing_is_that_must_not_be_and_in_the_end_all_comes_to_rest() {
    let wanted: usize =
        std::env::var(STATES_VARIABLE).ok().map_or(STATES, |number| number.parse().expect(STATES_VARIABLE));
    let stories = stories();
    // Stories share a beginning, so that a little more than the sum is asked of them.
    let most = wanted / stories.len() + wanted / 40 + 1;
    let left = Mutex::new(stories.iter());
    let distinct = Mutex::new(HashSet::new());
    let wrong = Mutex::new(Vec::new());
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from).min(4) {
            scope.spawn(|| {
                loop {
                    let Some(story) = left.lock().unwrap().next() else { return };
                    match explore(story, Fault::None, most) {
                        Err(told) => wrong.lock().unwrap().push(told),
                        Ok(explored) => {
                            println!(
                                "{}: {} distinct states of {} to depth {}{}, {} transitions, {} looks, {:.0?}",
                                story.name,
                                explored.distinct.len(),
                                explored.states,
                                explored.depth,
                                if explored.is_complete { " (all)" } else { "" },
                                explored.transitions,
                                explored.looks,
                                began.elapsed(),
                            );
                            distinct.lock().unwrap().extend(explored.distinct);
                        }
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let distinct = distinct.into_inner().unwrap().len();
    println!("{distinct} distinct states, {:.0?}", began.elapsed());
    assert!(distinct >= wanted, "{distinct} states are fewer than {wanted}");
}
