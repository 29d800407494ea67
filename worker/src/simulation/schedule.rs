//! Runs one schedule from its first request to the end that every schedule must reach.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::task::LocalSet;
use tokio::time::Instant;

use super::broker::{Broker, DEAD_LETTERS, TOPIC};
use super::log::{SimulatedConsumer, SimulatedProducer};
use super::mutants::{Injection, MutantConsumer, MutantDecode, MutantProducer, MutantSource, MutantTable};
use super::oracle::check;
use super::plan::Plan;
use super::script::{ScriptDecode, ScriptSource, ScriptTransform};
use super::table::{Contents, SimulatedTable};
use super::world::{Actor, World};
use crate::delivery::dead_letter::{DeadLetterBuilder, ErrorPolicy};
use crate::delivery::write_time::WriteTimes;
use crate::loops::process::{ProcessError, ProcessLoop, ProcessSettings};
use crate::loops::produce::{ProduceError, ProduceLoop, ProduceSettings, Run};
use crate::observe::health::Health;
use crate::observe::stats::Stats;
use crate::runtime::shutdown::{Shutdown, ShutdownSignal, shutdown_channel};

/// The outcome of a schedule.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) violations: Vec<String>,
    /// Points at which a process could have been killed.
    pub(super) steps: u64,
    /// Equal for equal schedules.
    pub(super) trace: u64,
}

/// Faults and crashes stop after this much simulated time, so that the schedule can end.
const FAULT_PERIOD: Duration = Duration::from_secs(20);
/// Simulated time within which everything must be done after that.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs a plan. Deterministic: equal plans have equal outcomes.
pub(super) fn run(plan: &Plan) -> Outcome {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, schedule(plan))
}

struct Schedule {
    world: World,
    broker: Rc<RefCell<Broker>>,
    table: Rc<RefCell<Contents>>,
}

async fn schedule(plan: &Plan) -> Outcome {
    let world = World::new(plan.clone());
    let table: Rc<RefCell<Contents>> = Rc::default();
    let broker = Rc::new(RefCell::new(Broker::new(plan, table.clone(), world.clone())));
    let schedule = Rc::new(Schedule { world: world.clone(), broker: broker.clone(), table: table.clone() });
    // One channel for each process: tokio wakes the receivers of one channel in an order that no seed controls.
    let (handles, signals): (Vec<_>, Vec<_>) =
        (0..plan.processors + plan.producers).map(|_| shutdown_channel()).unzip();
    let (of_processors, of_producers) = signals.split_at(plan.processors);

    let processors: Vec<_> = of_processors
        .iter()
        .map(|shutdown| tokio::task::spawn_local(keep_processing(schedule.clone(), shutdown.clone())))
        .collect();
    let producers: Vec<_> = of_producers
        .iter()
        .map(|shutdown| tokio::task::spawn_local(keep_producing(schedule.clone(), shutdown.clone())))
        .collect();
    tokio::task::spawn_local(rebalance_at_random(schedule.clone()));
    let end = tokio::time::timeout(FAULT_PERIOD + PATIENCE, async {
        for producer in producers {
            producer.await.unwrap();
        }
        while !broker.borrow().all_committed() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        handles.iter().for_each(|handle| handle.request(Shutdown::Now));
        for processor in processors {
            processor.await.unwrap();
        }
    })
    .await;
    let mut violations = world.violations();
    if end.is_err() {
        let committed = broker.borrow().committed.clone();
        violations.push(format!("not done {PATIENCE:?} after the last fault; committed {committed:?}"));
    }
    violations.extend(check(plan, &broker.borrow(), &table.borrow()));
    Outcome { violations, steps: world.steps(), trace: world.trace() }
}

/// Rebalances at random times, and ends the fault period.
async fn rebalance_at_random(schedule: Rc<Schedule>) {
    let world = &schedule.world;
    let started = Instant::now();
    for _ in 0..world.plan().rebalances {
        tokio::time::sleep(Duration::from_millis(world.up_to(world.plan().between_rebalances))).await;
        schedule.broker.borrow_mut().rebalance();
        tokio::time::sleep(Duration::from_millis(world.up_to(world.plan().between_rebalances))).await;
        schedule.broker.borrow_mut().end_rebalance();
    }
    tokio::time::sleep_until(started + FAULT_PERIOD).await;
    world.end_faults();
    loop {
        // The session of a silent member times out, which ends a rebalance that waits for it.
        tokio::time::sleep(Duration::from_secs(5)).await;
        schedule.broker.borrow_mut().end_rebalance();
    }
}

/// A processor that restarts after each crash, until the shutdown.
async fn keep_processing(schedule: Rc<Schedule>, shutdown: ShutdownSignal) {
    let world = &schedule.world;
    for incarnation in 0.. {
        let actor = Actor::new("processor", incarnation);
        let member = Rc::new(Cell::new(0));
        tokio::select! {
            biased;
            () = actor.killed() => {}
            ended = process(&schedule, &actor, member.clone(), shutdown.clone()) => {
                match ended {
                    Ok(()) if shutdown.current() == Shutdown::Now => return,
                    ended => world.violation(format!("a processor ended unasked: {ended:?}")),
                }
            }
        }
        // Its session times out later. Until then, its partitions have no reader.
        let (broker, dead, wait) = (schedule.broker.clone(), member.get(), world.up_to(3_000));
        tokio::task::spawn_local(async move {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            broker.borrow_mut().remove(dead);
        });
        tokio::time::sleep(Duration::from_millis(world.up_to(1_000))).await;
    }
}

async fn process(
    schedule: &Schedule,
    actor: &Actor,
    member: Rc<Cell<u64>>,
    shutdown: ShutdownSignal,
) -> Result<(), ProcessError> {
    let Schedule { world, broker, table } = schedule;
    let injection = Injection::new(world.plan().mutant);
    let consumer = SimulatedConsumer::join(broker.clone(), world.clone(), actor.clone(), member);
    let producer = SimulatedProducer { broker: broker.clone(), world: world.clone(), actor: actor.clone() };
    let table = SimulatedTable { contents: table.clone(), world: world.clone(), actor: actor.clone() };
    let decode = ScriptDecode(WriteTimes::new(world.plan().write_time_source, world.clock()));
    let process = ProcessLoop {
        consumer: MutantConsumer { inner: consumer, injection: injection.clone() },
        producer: &MutantProducer { inner: producer, injection: injection.clone() },
        table: &MutantTable { inner: table, injection: injection.clone() },
        decode: MutantDecode { inner: decode, injection, clock: world.clock() },
        settings: process_settings(world.plan()),
        stats: &Stats::default(),
        clock: world.clock(),
        jitter: world.jitter(),
        shutdown,
    };
    process.run().await
}

fn process_settings(plan: &Plan) -> ProcessSettings {
    ProcessSettings {
        error_policy: ErrorPolicy::DeadLetter { topic: DEAD_LETTERS.to_owned() },
        dead_letters: dead_letters(),
        group_by: if plan.grouped { vec![0] } else { Vec::new() },
        max_in_flight: plan.max_in_flight,
        max_in_flight_bytes: 1 << 20,
        latency_ceiling: Duration::from_millis(50),
        rate_cap: None,
        commit_interval: Duration::from_millis(300),
        drain: Duration::from_secs(8),
    }
}

fn dead_letters() -> DeadLetterBuilder {
    DeadLetterBuilder { topic: TOPIC.to_owned(), pipeline: "simulated/pipeline".to_owned() }
}

/// A producer that restarts after each crash or failed run, until one run is complete.
async fn keep_producing(schedule: Rc<Schedule>, shutdown: ShutdownSignal) {
    let world = &schedule.world;
    for incarnation in 0.. {
        let actor = Actor::new("producer", incarnation);
        tokio::select! {
            biased;
            () = actor.killed() => {}
            run = produce(&schedule, &actor, shutdown.clone()) => match run {
                Ok(Run::Complete) => return,
                Ok(Run::Stopped) => return world.violation("a producer stopped unasked".to_owned()),
                // A run that failed because of an injected fault is repeated.
                Err(_) => {}
            },
        }
        tokio::time::sleep(Duration::from_millis(world.up_to(500))).await;
    }
}

async fn produce(schedule: &Schedule, actor: &Actor, shutdown: ShutdownSignal) -> Result<Run, ProduceError> {
    let Schedule { world, broker, .. } = schedule;
    let injection = Injection::new(world.plan().mutant);
    let log = SimulatedProducer { broker: broker.clone(), world: world.clone(), actor: actor.clone() };
    let source = ScriptSource {
        script: world.plan().script.clone(),
        world: world.clone(),
        actor: actor.clone(),
        next: 0,
    };
    let mut produce = ProduceLoop {
        source: MutantSource { inner: source, injection: injection.clone() },
        log: &MutantProducer { inner: log, injection },
        transform: ScriptTransform,
        settings: ProduceSettings {
            topic: TOPIC.to_owned(),
            error_policy: ErrorPolicy::DeadLetter { topic: DEAD_LETTERS.to_owned() },
            dead_letters: dead_letters(),
            batch: 5,
            patience: Some(Duration::from_secs(2)),
            drain: Duration::from_secs(1),
        },
        stats: &Stats::default(),
        health: &Health::default(),
        clock: world.clock(),
        jitter: world.jitter(),
        shutdown,
    };
    produce.run_once().await
}
