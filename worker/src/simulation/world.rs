//! Time, randomness, faults and crashes of a schedule. Every request passes through it.

use std::cell::{Cell, RefCell};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::plan::{Draw, Plan};
use crate::runtime::backoff::Jitter;
use crate::runtime::clock::Clock;

/// The simulated time at the start, in milliseconds since the Unix epoch.
pub(super) const BASE_TIME: i64 = 1_750_000_000_000;

/// The world of one schedule.
#[derive(Clone)]
pub(super) struct World(Rc<Inner>);

struct Inner {
    plan: Plan,
    draw: RefCell<Draw>,
    started: Instant,
    steps: Cell<u64>,
    trace: RefCell<DefaultHasher>,
    /// No further faults, so that the schedule can end.
    faults_ended: Cell<bool>,
    violations: RefCell<Vec<String>>,
}

/// One process of the schedule, from its start to its end or crash.
#[derive(Clone)]
pub(super) struct Actor {
    pub(super) name: &'static str,
    pub(super) incarnation: u64,
    killed: Rc<Notify>,
    alive: Rc<Cell<bool>>,
}

impl Actor {
    pub(super) fn new(name: &'static str, incarnation: u64) -> Self {
        Self { name, incarnation, killed: Rc::default(), alive: Rc::new(Cell::new(true)) }
    }

    /// Waits until this actor is killed.
    pub(super) async fn killed(&self) {
        self.killed.notified().await;
    }

    pub(super) fn kill(&self) {
        self.alive.set(false);
        self.killed.notify_one();
    }
}

impl World {
    pub(super) fn new(plan: Plan) -> Self {
        let draw = Draw(Jitter::seeded(plan.seed ^ 0x5EED));
        Self(Rc::new(Inner {
            plan,
            draw: RefCell::new(draw),
            started: Instant::now(),
            steps: Cell::default(),
            trace: RefCell::default(),
            faults_ended: Cell::default(),
            violations: RefCell::default(),
        }))
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.0.plan
    }

    pub(super) fn clock(&self) -> Clock {
        let started = self.0.started;
        Clock::new(move || BASE_TIME + started.elapsed().as_millis() as i64)
    }

    pub(super) fn up_to(&self, end: u64) -> u64 {
        self.0.draw.borrow_mut().up_to(end)
    }

    pub(super) fn jitter(&self) -> Jitter {
        self.0.draw.borrow_mut().0.split()
    }

    pub(super) fn end_faults(&self) {
        self.0.faults_ended.set(true);
    }

    pub(super) fn is_faultless(&self) -> bool {
        self.0.faults_ended.get()
    }

    /// Records a broken guarantee.
    pub(super) fn violation(&self, what: String) {
        self.0.violations.borrow_mut().push(what);
    }

    pub(super) fn violations(&self) -> Vec<String> {
        self.0.violations.borrow().clone()
    }

    pub(super) fn steps(&self) -> u64 {
        self.0.steps.get()
    }

    /// A fingerprint of all that has happened so far.
    pub(super) fn trace(&self) -> u64 {
        self.0.trace.borrow().finish()
    }

    pub(super) fn note(&self, what: impl Hash) {
        let mut trace = self.0.trace.borrow_mut();
        what.hash(&mut *trace);
        self.0.started.elapsed().as_millis().hash(&mut *trace);
    }

    /// A point at which the plan may kill the actor. Then it does not return.
    pub(super) async fn step(&self, actor: &Actor, what: &'static str) {
        let step = self.0.steps.get();
        self.0.steps.set(step + 1);
        self.note((actor.name, actor.incarnation, what));
        if self.0.plan.crashes.contains(&step) && !self.is_faultless() {
            actor.kill();
        }
        if !actor.alive.get() {
            std::future::pending::<()>().await;
        }
    }

    async fn travel(&self, latency: u64) {
        let rare = self.0.plan.stall > 0 && !self.is_faultless() && self.up_to(self.0.plan.stall_in) == 0;
        let max = if rare { self.0.plan.stall } else { latency };
        tokio::time::sleep(Duration::from_millis(self.up_to(max + 1))).await;
    }

    /// A request to a server: it travels, takes effect, and its reply travels back. None: it failed, and may or may not
    /// have taken effect. It may take effect after the actor was killed.
    pub(super) async fn request<R: 'static>(
        &self,
        actor: &Actor,
        what: &'static str,
        effect: impl FnOnce() -> R + 'static,
    ) -> Option<R> {
        self.step(actor, what).await;
        let (reply, replied) = oneshot::channel();
        let (world, name) = (self.clone(), actor.name);
        let fault = !self.is_faultless() && self.up_to(1000) < self.0.plan.faults;
        let lost = fault && self.up_to(2) == 0;
        tokio::task::spawn_local(async move {
            world.travel(world.plan().latency).await;
            if lost {
                world.note((name, what, "lost"));
                return;
            }
            let result = effect();
            world.note((name, what, "effect"));
            world.travel(world.plan().latency).await;
            if !fault {
                // A killed actor no longer waits.
                let _ = reply.send(result);
            }
        });
        let result = replied.await.ok();
        self.step(actor, what).await;
        result
    }
}
