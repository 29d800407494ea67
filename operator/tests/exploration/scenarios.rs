//! The scenarios: where each starts, what users do in it, and which faults happen.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Instant;

use crate::actions::Action;
use crate::checker::{Explored, explore};
use crate::mutants::Mutant;
use crate::specs::{Shape, Spec};

/// How many distinct states are explored at least, unless the environment variable asks for more.
const STATES: usize = 5_000;
const STATES_VARIABLE: &str = "USERSTREAM_EXPLORED_STATES";

/// A scenario.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) initial: Spec,
    /// Whether the pipeline runs at the start.
    pub(crate) starts_running: bool,
    /// The specs that users edit it to.
    pub(crate) specs: Vec<Spec>,
    /// How many actions of users there are.
    pub(crate) edits: u8,
    /// How many faults there are.
    pub(crate) faults: u8,
    pub(crate) deletes: bool,
    pub(crate) recreates: bool,
    pub(crate) pauses: bool,
    /// Whether other clients change and delete the operator's objects.
    pub(crate) interferes: bool,
    /// Whether other clients create objects with names of the operator's.
    pub(crate) foreign: bool,
    pub(crate) namespace_is_deleted: bool,
    /// Whether another pipeline has the same claims.
    pub(crate) contender: bool,
    /// Which of the actions of users and clients, and which faults, may happen.
    pub(crate) may: fn(Action) -> bool,
}

/// A running pipeline, without users and without faults.
pub(crate) const QUIET: Scenario = Scenario {
    name: "",
    initial: Spec::new(Shape::Base),
    starts_running: true,
    specs: Vec::new(),
    edits: 0,
    faults: 0,
    deletes: false,
    recreates: false,
    pauses: false,
    interferes: false,
    foreign: false,
    namespace_is_deleted: false,
    contender: false,
    may: |_| true,
};

const BASE: Spec = Spec::new(Shape::Base);

fn specs(shapes: &[Shape]) -> Vec<Spec> {
    shapes.iter().map(|shape| Spec::new(*shape)).collect()
}

fn edit_scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "a new pipeline is edited while it starts",
            starts_running: false,
            specs: specs(&[Shape::Base, Shape::Partitions, Shape::Invalid]),
            edits: 2,
            faults: 2,
            foreign: true,
            ..QUIET
        },
        Scenario {
            name: "what has to be provisioned changes, and changes back",
            specs: specs(&[Shape::Base, Shape::Field, Shape::Scaled, Shape::Resources]),
            edits: 2,
            faults: 2,
            ..QUIET
        },
        Scenario {
            name: "the kind of the producer changes, with a suspension in between",
            specs: vec![BASE, Spec::new(Shape::Scheduled), Spec::new(Shape::NoSource), BASE.suspended()],
            edits: 2,
            faults: 2,
            ..QUIET
        },
    ]
}

fn refusal_scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "edits are refused, and a refused one suspends",
            specs: vec![
                BASE,
                Spec::new(Shape::Invalid),
                Spec::new(Shape::Invalid).suspended(),
                Spec::new(Shape::Scheduled).suspended(),
            ],
            edits: 3,
            faults: 1,
            pauses: true,
            ..QUIET
        },
        Scenario {
            name: "a manual run is requested while the spec changes",
            specs: specs(&[Shape::Run, Shape::Field, Shape::Plan]),
            edits: 2,
            faults: 2,
            ..QUIET
        },
        Scenario {
            name: "other clients change the operator's objects",
            specs: specs(&[Shape::Base, Shape::Partitions]),
            edits: 1,
            faults: 2,
            interferes: true,
            ..QUIET
        },
    ]
}

fn deletion_scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "a pipeline is deleted with its data, and its policy changes",
            initial: BASE.deleting(),
            specs: vec![BASE, BASE.deleting(), Spec::new(Shape::Invalid).deleting()],
            edits: 3,
            faults: 2,
            deletes: true,
            namespace_is_deleted: true,
            ..QUIET
        },
        Scenario {
            name: "a pipeline is deleted and another takes its name",
            specs: vec![BASE.deleting()],
            edits: 3,
            faults: 2,
            deletes: true,
            recreates: true,
            ..QUIET
        },
        Scenario {
            name: "a new pipeline with its data is deleted and created again",
            initial: BASE.deleting(),
            starts_running: false,
            edits: 2,
            faults: 2,
            deletes: true,
            recreates: true,
            ..QUIET
        },
        // Without a failover: the Lease guarantees that a former leader has stopped before another pipeline starts.
        Scenario {
            name: "another pipeline of the same second has the same claims",
            starts_running: false,
            specs: vec![BASE, Spec::new(Shape::Field), Spec::new(Shape::Invalid), BASE.suspended()],
            edits: 3,
            faults: 2,
            contender: true,
            may: |action| !matches!(action, Action::Failover),
            ..QUIET
        },
    ]
}

fn summary(name: &str, explored: &Explored, started: Instant) -> String {
    let Explored { distinct, states, transitions, reconciles, depth, is_complete } = explored;
    format!(
        "{name}: {} distinct states of {states} to depth {depth}{}, {transitions} transitions, \
         {reconciles} reconciles, {:.0?}",
        distinct.len(),
        if *is_complete { " (all)" } else { "" },
        started.elapsed(),
    )
}

#[test]
fn invariants_hold_in_every_state_and_every_run_converges() {
    let requested: usize =
        std::env::var(STATES_VARIABLE).ok().map_or(STATES, |number| number.parse().expect(STATES_VARIABLE));
    let scenarios = [edit_scenarios(), refusal_scenarios(), deletion_scenarios()].concat();
    // Scenarios share their first states, so their sum has to be larger.
    let most = requested / scenarios.len() + requested / 40 + 1;
    let left = Mutex::new(scenarios.iter());
    let distinct = Mutex::new(HashSet::new());
    let violations = Mutex::new(Vec::new());
    let started = Instant::now();
    let explore_next = || {
        loop {
            let Some(scenario) = left.lock().unwrap().next() else { return };
            match explore(scenario, Mutant::None, most) {
                Err(trace) => violations.lock().unwrap().push(trace),
                Ok(explored) => {
                    println!("{}", summary(scenario.name, &explored, started));
                    distinct.lock().unwrap().extend(explored.distinct);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from).min(4) {
            scope.spawn(explore_next);
        }
    });
    let violations = violations.into_inner().unwrap();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    let distinct = distinct.into_inner().unwrap().len();
    println!("{distinct} distinct states, {:.0?}", started.elapsed());
    assert!(distinct >= requested, "{distinct} states are fewer than {requested}");
}
