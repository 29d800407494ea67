//! Runs one schedule from its first request to the end that every schedule must come to.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::task::LocalSet;
use tokio::time::Instant;

use super::broker::{Broker, DEAD_LETTERS, TOPIC};
use super::log::{SimulatedConsumer, SimulatedProducer};
use super::mutants::{Injection, MutantConsumer, MutantDecode, MutantProducer, MutantSource, MutantTable};
use super::oracle::judge;
use super::plan::Plan;
use super::script::{ScriptDecode, ScriptSource, ScriptTransform};
use super::table::{Contents, SimulatedTable};
use super::world::{Actor, World};
use crate::delivery::dead_letter::Origin;
use crate::delivery::write_time::WriteTimes;
use crate::loops::process::{OnPoison, Processor, Settings};
use crate::loops::produce::{self, Producing, Run};
use crate::observe::health::Health;
use crate::observe::stats::Stats;
use crate::runtime::shutdown::{Stop, StopSignal, stop_channel};

/// What became of a schedule.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) violations: Vec<String>,
    /// Points at which somebody could have been killed.
    pub(super) steps: u64,
    /// Equal for equal schedules.
    pub(super) trace: u64,
}

/// Faults and crashes stop after this much simulated time, so that the schedule can come to its end.
const TROUBLE: Duration = Duration::from_secs(20);
/// Simulated time within which everything must be done after that.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs a plan. Deterministic: the same plan gives the same outcome.
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
    // One channel for each: the order in which tokio wakes several receivers of one is not ours to seed.
    let (stoppers, stops): (Vec<_>, Vec<_>) =
        (0..plan.processors + plan.producers).map(|_| stop_channel()).unzip();
    let (to_processors, to_producers) = stops.split_at(plan.processors);

    let processors: Vec<_> = to_processors
        .iter()
        .map(|stop| tokio::task::spawn_local(keep_processing(schedule.clone(), stop.clone())))
        .collect();
    let producers: Vec<_> = to_producers
        .iter()
        .map(|stop| tokio::task::spawn_local(keep_producing(schedule.clone(), stop.clone())))
        .collect();
    tokio::task::spawn_local(disturb(schedule.clone()));
    let end = tokio::time::timeout(TROUBLE + PATIENCE, async {
        for producer in producers {
            producer.await.unwrap();
        }
        while !broker.borrow().all_committed() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stoppers.iter().for_each(|stopper| stopper.stop(Stop::Now));
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
    violations.extend(judge(plan, &broker.borrow(), &table.borrow()));
    Outcome { violations, steps: world.steps(), trace: world.trace() }
}

/// Rebalances out of the blue, and an end to all trouble.
async fn disturb(schedule: Rc<Schedule>) {
    let world = &schedule.world;
    let started = Instant::now();
    for _ in 0..world.plan().rebalances {
        tokio::time::sleep(Duration::from_millis(world.up_to(world.plan().between_rebalances))).await;
        schedule.broker.borrow_mut().rebalance();
        tokio::time::sleep(Duration::from_millis(world.up_to(world.plan().between_rebalances))).await;
        schedule.broker.borrow_mut().end_rebalance();
    }
    tokio::time::sleep_until(started + TROUBLE).await;
    world.calm_down();
    loop {
        // Members that are silent for long do not hold up a rebalance for ever.
        tokio::time::sleep(Duration::from_secs(5)).await;
        schedule.broker.borrow_mut().end_rebalance();
    }
}

/// A processor that is started again after each death, until the stop.
async fn keep_processing(schedule: Rc<Schedule>, stop: StopSignal) {
    let world = &schedule.world;
    for incarnation in 0.. {
        let actor = Actor::new("processor", incarnation);
        let member = Rc::new(Cell::new(0));
        let injection = Injection::new(world.plan().mutant);
        let consumer =
            SimulatedConsumer::join(schedule.broker.clone(), world.clone(), actor.clone(), member.clone());
        let letters =
            SimulatedProducer { broker: schedule.broker.clone(), world: world.clone(), actor: actor.clone() };
        let table =
            SimulatedTable { contents: schedule.table.clone(), world: world.clone(), actor: actor.clone() };
        let decode = ScriptDecode(WriteTimes::new(world.plan().time_of, world.clock()));
        let letters = MutantProducer { inner: letters, injection: injection.clone() };
        let table = MutantTable { inner: table, injection: injection.clone() };
        let stats = Stats::default();
        let processor = Processor {
            consumer: MutantConsumer { inner: consumer, injection: injection.clone() },
            letters: &letters,
            table: &table,
            decode: MutantDecode { inner: decode, injection, clock: world.clock() },
            settings: settings(world.plan()),
            stats: &stats,
            clock: world.clock(),
            jitter: world.jitter(),
            stop: stop.clone(),
        };
        tokio::select! {
            biased;
            () = actor.killed() => {}
            ended = processor.run() => {
                match ended {
                    Ok(()) if stop.current() == Stop::Now => return,
                    ended => world.violation(format!("a processor ended by itself: {ended:?}")),
                }
            }
        }
        // Its session ends after a while; until then its partitions lie idle.
        let (broker, dead, wait) = (schedule.broker.clone(), member.get(), world.up_to(3_000));
        tokio::task::spawn_local(async move {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            broker.borrow_mut().remove(dead);
        });
        tokio::time::sleep(Duration::from_millis(world.up_to(1_000))).await;
    }
}

fn settings(plan: &Plan) -> Settings {
    Settings {
        on_poison: OnPoison::DeadLetter { topic: DEAD_LETTERS.to_owned() },
        origin: origin(),
        group_by: if plan.grouped { vec![0] } else { Vec::new() },
        most_in_flight: plan.most_in_flight,
        most_in_flight_bytes: 1 << 20,
        latency_ceiling: Duration::from_millis(50),
        rate_cap: None,
        commit_interval: Duration::from_millis(300),
        drain: Duration::from_secs(8),
    }
}

fn origin() -> Origin {
    Origin { topic: TOPIC.to_owned(), pipeline: "simulated/pipeline".to_owned() }
}

/// A producer that is started again after each death or failed run, until one run is complete.
async fn keep_producing(schedule: Rc<Schedule>, stop: StopSignal) {
    let world = &schedule.world;
    for incarnation in 0.. {
        let actor = Actor::new("producer", incarnation);
        let injection = Injection::new(world.plan().mutant);
        let log =
            SimulatedProducer { broker: schedule.broker.clone(), world: world.clone(), actor: actor.clone() };
        let log = MutantProducer { inner: log, injection: injection.clone() };
        let source = ScriptSource {
            script: world.plan().script.clone(),
            world: world.clone(),
            actor: actor.clone(),
            next: 0,
        };
        let stats = Stats::default();
        let mut producing = Producing {
            source: MutantSource { inner: source, injection },
            log: &log,
            transform: ScriptTransform,
            settings: produce::Settings {
                topic: TOPIC.to_owned(),
                on_poison: OnPoison::DeadLetter { topic: DEAD_LETTERS.to_owned() },
                origin: origin(),
                batch: 5,
                patience: Some(Duration::from_secs(2)),
                drain: Duration::from_secs(1),
            },
            stats: &stats,
            health: &Health::default(),
            clock: world.clock(),
            jitter: world.jitter(),
            stop: stop.clone(),
        };
        tokio::select! {
            biased;
            () = actor.killed() => {}
            run = producing.run_once() => match run {
                Ok(Run::Complete) => return,
                Ok(Run::Stopped) => return world.violation("a producer stopped by itself".to_owned()),
                // A run that failed for a fault of the schedule is tried again.
                Err(_) => {}
            },
        }
        tokio::time::sleep(Duration::from_millis(world.up_to(500))).await;
    }
}
