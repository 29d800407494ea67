//! The actions that are enabled in a state: writes of the operators, what the cluster does, what users and other
//! clients do, and faults.

use crate::contender::Contender;
use crate::model::{Model, Step};
use crate::objects::{CRON_JOBS, DEPLOYMENTS, JOBS, JobPhase, PODS, WATCH_NAMES, WATCHES};
use crate::scenarios::Scenario;
use crate::specs::Spec;
use crate::state::{InProgress, State};

/// An action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Reconcile { former: bool },
    Write { former: bool, reconcile: u32, step: u8 },
    Crash,
    Failover,
    FormerLeaderStops,
    WatchStalls(usize),
    WatchRecovers(usize),
    ExpectationsExpire,
    DeadlinePasses,
    JobStarts(u32),
    AttemptFails(u32),
    JobSucceeds(u32),
    JobFails(u32),
    RolloutStarts(u32),
    RolloutEnds(u32),
    PodIsLost(u32),
    PodTerminates(u32),
    ScheduleRuns(u32),
    GarbageIsCollected(usize),
    Edit(Spec),
    Pause(bool),
    Delete,
    Recreate(Spec),
    ClientDeletes(u32),
    ClientChanges(u32),
    ClientCreates(&'static str),
    NamespaceIsDeleted,
    ContenderIsCreated,
    ContenderStarts,
    ContenderIsDeleted,
}

impl Model {
    /// All enabled actions.
    pub(crate) fn actions(&mut self, state: &State, scenario: &Scenario) -> Vec<Action> {
        let mut all = self.operator_actions(state);
        all.extend(self.cluster_actions(state));
        let mut disturbances = self.user_actions(state, scenario);
        if state.faults > 0 {
            disturbances.extend(self.operator_faults(state));
            disturbances.extend(self.workload_faults(state, scenario));
            disturbances.extend(self.client_actions(state, scenario));
        }
        all.extend(disturbances.into_iter().filter(|action| (scenario.may)(*action)));
        all
    }

    /// The next action without faults and without users: the first that is enabled.
    pub(crate) fn next_undisturbed(&mut self, state: &State) -> Option<Action> {
        if state.former.is_some() {
            return Some(Action::FormerLeaderStops);
        }
        if let Some(watch) = (0..WATCHES).find(|watch| state.leader.is_stalled(*watch)) {
            return Some(Action::WatchRecovers(watch));
        }
        if let Some(InProgress { reconcile, done, .. }) = state.leader.in_progress {
            return Some(Action::Write { former: false, reconcile, step: done });
        }
        if let Some(action) = self.cluster_actions(state).into_iter().next() {
            return Some(action);
        }
        if state.leader.expected != 0 {
            return Some(Action::ExpectationsExpire);
        }
        if self.contender_may_start(state) {
            return Some(Action::ContenderStarts);
        }
        self.decide(state, &state.leader).map(|_| Action::Reconcile { former: false })
    }

    fn operator_actions(&mut self, state: &State) -> Vec<Action> {
        let mut all = Vec::new();
        for former in [false, true] {
            let Some(operator) = state.operator(former) else { continue };
            match operator.in_progress {
                Some(InProgress { reconcile, done, .. }) => {
                    all.push(Action::Write { former, reconcile, step: done });
                }
                None if self.decide(state, &operator).is_some() => all.push(Action::Reconcile { former }),
                None => {}
            }
        }
        if state.former.is_some() {
            all.push(Action::FormerLeaderStops);
        }
        if self.contender_may_start(state) {
            all.push(Action::ContenderStarts);
        }
        let stalled = (0..WATCHES).filter(|watch| state.leader.is_stalled(*watch));
        all.extend(stalled.map(Action::WatchRecovers));
        if state.leader.stalled == 0 && state.leader.expected != 0 {
            all.push(Action::ExpectationsExpire);
        }
        all
    }

    fn contender_may_start(&mut self, state: &State) -> bool {
        let waits = self.environments.get(state.environment).contender == Contender::Waits;
        waits && !self.conflicts(state, &state.leader).of_contender
    }

    /// What the controllers of the cluster do next.
    fn cluster_actions(&self, state: &State) -> Vec<Action> {
        let mut all = Vec::new();
        let is_garbage = |id: &u32| !self.has_owner(state, self.objects.get(*id));
        for watch in 0..PODS {
            if self.ids(state, watch).iter().any(is_garbage) {
                all.push(Action::GarbageIsCollected(watch));
            }
        }
        all.extend(self.ids(state, PODS).into_iter().filter(is_garbage).map(Action::PodTerminates));
        for id in self.ids(state, JOBS) {
            let job = self.objects.get(id);
            if job.job != JobPhase::Open || job.owner.is_none() {
                continue;
            }
            if !self.pods_of(state, job).is_empty() {
                all.push(Action::JobSucceeds(id));
            } else if self.has_configuration(state, job) {
                all.push(Action::JobStarts(id));
            }
        }
        for id in self.ids(state, DEPLOYMENTS) {
            let deployment = self.objects.get(id);
            if deployment.owner.is_none() || (deployment.is_well && deployment.is_rolling) {
                continue;
            }
            if deployment.is_rolling {
                all.push(Action::RolloutEnds(id));
            } else if deployment.replicas == 0 || self.has_configuration(state, deployment) {
                all.push(Action::RolloutStarts(id));
            }
        }
        all
    }

    fn user_actions(&self, state: &State, scenario: &Scenario) -> Vec<Action> {
        let mut all = Vec::new();
        if state.edits == 0 {
            return all;
        }
        let environment = self.environments.get(state.environment);
        if let Some(pipeline) = self.pipeline(state) {
            let others = scenario.specs.iter().filter(|spec| **spec != pipeline.spec);
            all.extend(others.map(|spec| Action::Edit(*spec)));
            if scenario.pauses {
                all.push(Action::Pause(!pipeline.paused));
            }
            if scenario.deletes && !pipeline.deleting {
                all.push(Action::Delete);
            }
        } else if scenario.recreates && environment.newest_incarnation < 2 {
            all.push(Action::Recreate(scenario.initial));
        }
        if scenario.contender {
            all.push(match environment.contender {
                Contender::Absent => Action::ContenderIsCreated,
                Contender::Waits | Contender::Runs => Action::ContenderIsDeleted,
            });
        }
        all
    }

    fn operator_faults(&self, state: &State) -> Vec<Action> {
        let mut all: Vec<Action> = state.leader.in_progress.map(|_| Action::Crash).into_iter().collect();
        if state.former.is_none() {
            all.push(Action::Failover);
        }
        let moving = (0..WATCHES).filter(|watch| !state.leader.is_stalled(*watch));
        all.extend(moving.map(Action::WatchStalls));
        all
    }

    fn workload_faults(&self, state: &State, scenario: &Scenario) -> Vec<Action> {
        let mut all = Vec::new();
        for id in self.ids(state, JOBS) {
            let job = self.objects.get(id);
            let pods = self.pods_of(state, job);
            let has_failed = pods.iter().any(|pod| self.objects.get(*pod).has_failed_before);
            if job.job == JobPhase::Open && job.owner.is_some() && !pods.is_empty() && !has_failed {
                all.push(Action::AttemptFails(id));
                if matches!(job.component.as_str(), "run" | "cleanup") {
                    all.push(Action::JobFails(id));
                }
            }
        }
        for id in self.ids(state, DEPLOYMENTS) {
            let deployment = self.objects.get(id);
            if deployment.owner.is_some() && deployment.is_well && deployment.replicas > 0 {
                all.push(Action::PodIsLost(id));
                if scenario.interferes {
                    all.push(Action::ClientChanges(id));
                }
            }
        }
        for id in self.ids(state, CRON_JOBS) {
            let cron_job = self.objects.get(id);
            let runs = self.environments.get(state.environment).runs;
            if !cron_job.is_suspended && runs == 0 && self.has_configuration(state, cron_job) {
                all.push(Action::ScheduleRuns(id));
            }
        }
        all
    }

    fn client_actions(&self, state: &State, scenario: &Scenario) -> Vec<Action> {
        let mut all = Vec::new();
        let (environment, pipeline) = (self.environments.get(state.environment), self.pipeline(state));
        if scenario.interferes {
            let owned = (0..PODS).flat_map(|watch| self.ids(state, watch));
            all.extend(owned.filter(|id| self.objects.get(*id).owner.is_some()).map(Action::ClientDeletes));
        }
        if scenario.foreign && environment.foreign.is_empty() {
            let names = ["users-processor", "users-producer"];
            let free = names.into_iter().filter(|name| self.find(&state.actual, DEPLOYMENTS, name).is_none());
            all.extend(free.map(Action::ClientCreates));
        }
        if scenario.namespace_is_deleted && pipeline.is_some() && !environment.namespace_is_deleted {
            all.push(Action::NamespaceIsDeleted);
        }
        if pipeline.is_some_and(|pipeline| pipeline.deleting) && !environment.is_late {
            all.push(Action::DeadlinePasses);
        }
        all
    }

    /// An action in words.
    pub(crate) fn description(&self, action: Action) -> String {
        let name = |id: u32| &self.objects.get(id).name;
        match action {
            Action::Reconcile { former } => format!("{} reconciles", operator(former)),
            Action::Write { former, reconcile, step } => {
                format!("{} writes: {}", operator(former), self.step_description(reconcile, step))
            }
            Action::WatchStalls(watch) => format!("the watch of {} stalls", WATCH_NAMES[watch]),
            Action::WatchRecovers(watch) => format!("the watch of {} recovers", WATCH_NAMES[watch]),
            Action::GarbageIsCollected(watch) => format!("garbage among {} is collected", WATCH_NAMES[watch]),
            Action::JobStarts(id) => format!("Job {} starts", name(id)),
            Action::AttemptFails(id) => format!("an attempt of Job {} fails", name(id)),
            Action::JobSucceeds(id) => format!("Job {} succeeds", name(id)),
            Action::JobFails(id) => format!("Job {} fails", name(id)),
            Action::RolloutStarts(id) => format!("the rollout of {} starts", name(id)),
            Action::RolloutEnds(id) => format!("the rollout of {} ends", name(id)),
            Action::PodIsLost(id) => format!("a pod of {} is lost", name(id)),
            Action::PodTerminates(id) => format!("pod {} terminates", name(id)),
            Action::ScheduleRuns(id) => format!("{} starts a run", name(id)),
            Action::ClientDeletes(id) => format!("another client deletes {}", name(id)),
            Action::ClientChanges(id) => format!("another client changes {}", name(id)),
            other => format!("{other:?}"),
        }
    }

    fn step_description(&self, reconcile: u32, step: u8) -> String {
        let reconcile = &self.reconciles[reconcile as usize];
        match reconcile.steps[step as usize] {
            Step::Write(index) => {
                let write = &reconcile.plan.as_ref().unwrap().writes[index];
                let verb = format!("{write:?}");
                let verb = verb.split([' ', '(']).next().unwrap_or_default().to_lowercase();
                format!("{verb} {} {}", write.kind().name(), write.name())
            }
            step => format!("{step:?}"),
        }
    }
}

fn operator(former: bool) -> &'static str {
    if former { "the former leader" } else { "the operator" }
}
