//! The state after an action.

use serde_json::json;

use crate::actions::Action;
use crate::contender::Contender;
use crate::model::Model;
use crate::objects::{DEPLOYMENTS, PIPELINE, WATCHES};
use crate::scenarios::Scenario;
use crate::specs::{NAMESPACE, PipelineState, Spec};
use crate::state::{Environment, InProgress, Operator, State};

impl Model {
    pub(crate) fn initial(&mut self, scenario: &Scenario) -> State {
        let mut actual = [0; WATCHES];
        actual[PIPELINE] = self.pipelines.put(Some(PipelineState::new(1, scenario.initial)));
        let environment = Environment { partitions: 3, newest_incarnation: 1, ..Environment::default() };
        let environment = self.environments.put(environment);
        let leader = Operator::started(actual);
        let (edits, faults) = (scenario.edits, scenario.faults);
        State { actual, leader, former: None, environment, edits, faults }
    }

    /// The state after an action, and whether an operator wrote.
    ///
    /// # Errors
    /// With the invariant that the action violates.
    pub(crate) fn after(&mut self, before: &State, action: Action) -> Result<(State, bool), String> {
        let mut state = *before;
        state.edits -= u8::from(is_edit(action));
        state.faults -= u8::from(is_fault(action));
        let mut wrote = false;
        match action {
            Action::Reconcile { former } => self.start_reconcile(&mut state, former)?,
            Action::Write { former, .. } => wrote = self.step(&mut state, former)?,
            Action::ExpectationsExpire => self.expire_expectations(&mut state)?,
            Action::Crash
            | Action::Failover
            | Action::FormerLeaderStops
            | Action::WatchStalls(_)
            | Action::WatchRecovers(_) => disturb_operator(&mut state, action),
            Action::JobStarts(id) => self.start_job(&mut state, id),
            Action::AttemptFails(id) => self.fail_attempt(&mut state, id),
            Action::JobSucceeds(id) => self.finish_job(&mut state, id, true),
            Action::JobFails(id) => self.finish_job(&mut state, id, false),
            Action::RolloutStarts(id) => self.start_rollout(&mut state, id),
            Action::RolloutEnds(id) => self.finish_rollout(&mut state, id),
            Action::PodIsLost(id) => self.lose_pod(&mut state, id),
            Action::PodTerminates(id) | Action::ClientDeletes(id) => self.replace(&mut state, Some(id), None),
            Action::ScheduleRuns(id) => self.run_schedule(&mut state, id),
            Action::GarbageIsCollected(watch) => self.collect_garbage(&mut state, watch),
            Action::Edit(spec) => self.edit(&mut state, spec),
            Action::Pause(paused) => self.pause(&mut state, paused),
            Action::Delete => self.delete_pipeline(&mut state),
            Action::Recreate(spec) => self.recreate(&mut state, spec),
            Action::ClientChanges(id) => self.change_image(&mut state, id),
            Action::ClientCreates(name) => self.create_foreign(&mut state, name),
            Action::NamespaceIsDeleted => self.delete_namespace(&mut state),
            Action::DeadlinePasses => self.environment(&mut state, |it| it.is_late = true),
            Action::ContenderIsCreated => self.set_contender(&mut state, Contender::Waits),
            Action::ContenderStarts => self.set_contender(&mut state, Contender::Runs),
            Action::ContenderIsDeleted => self.set_contender(&mut state, Contender::Absent),
        }
        self.sync(&mut state);
        self.check(&state)?;
        Ok((state, wrote))
    }

    fn start_reconcile(&mut self, state: &mut State, is_former: bool) -> Result<(), String> {
        let operator = state.operator(is_former).unwrap();
        let reconcile = self.decide(state, &operator).unwrap();
        self.check_reconcile(reconcile)?;
        let reserves = self.reconciles[reconcile as usize].reserves();
        let operator = state.operator_mut(is_former);
        operator.in_progress = Some(InProgress { reconcile, done: 0, failure: None });
        operator.expected = 0;
        operator.has_reserved |= reserves;
        Ok(())
    }

    fn expire_expectations(&self, state: &mut State) -> Result<(), String> {
        if !self.are_expectations_satisfied(&state.leader, true) {
            return Err("expectations never expire".to_owned());
        }
        state.leader.expected = 0;
        Ok(())
    }

    fn pause(&mut self, state: &mut State, paused: bool) {
        let pipeline = self.pipeline(state).unwrap();
        self.set_pipeline(state, Some(PipelineState { paused, ..pipeline }));
    }

    fn set_contender(&mut self, state: &mut State, contender: Contender) {
        self.environment(state, |environment| environment.contender = contender);
    }

    fn delete_namespace(&mut self, state: &mut State) {
        self.environment(state, |environment| environment.namespace_is_deleted = true);
        self.delete_pipeline(state);
    }

    fn edit(&mut self, state: &mut State, spec: Spec) {
        let pipeline = self.pipeline(state).unwrap();
        let generation = pipeline.generation + 1;
        self.set_pipeline(state, Some(PipelineState { spec, generation, ..pipeline }));
        self.environment(state, |environment| environment.owes_cleanup &= spec.deletes);
    }

    fn recreate(&mut self, state: &mut State, spec: Spec) {
        self.set_pipeline(state, Some(PipelineState::new(2, spec)));
        self.environment(state, |environment| {
            environment.newest_incarnation = 2;
            (environment.is_late, environment.given_up, environment.owes_cleanup) = (false, false, false);
        });
    }

    fn delete_pipeline(&mut self, state: &mut State) {
        let Some(pipeline) = self.pipeline(state).filter(|pipeline| !pipeline.deleting) else { return };
        if !pipeline.finalizer {
            return self.set_pipeline(state, None);
        }
        let has_data = self.environments.get(state.environment).has_data == pipeline.incarnation;
        let owes_cleanup = pipeline.spec.deletes && has_data;
        self.set_pipeline(state, Some(PipelineState { deleting: true, ..pipeline }));
        self.environment(state, |environment| environment.owes_cleanup = owes_cleanup);
    }

    fn change_image(&mut self, state: &mut State, id: u32) {
        let next = self.objects.derive(id, "drift", 0, |body| {
            body["spec"]["template"]["spec"]["containers"][0]["image"] = json!("foreign");
            body["metadata"]["generation"] = json!(2);
        });
        self.replace(state, Some(id), Some(next));
    }

    fn create_foreign(&mut self, state: &mut State, name: &'static str) {
        let body = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "namespace": NAMESPACE, "uid": "foreign", "generation": 1},
            "spec": {"replicas": 1, "selector": {}, "template": {}}});
        let id = self.objects.put(DEPLOYMENTS, body);
        self.replace(state, None, Some(id));
        self.environment(state, |environment| {
            environment.foreign.insert(name.to_owned(), id);
        });
    }
}

/// Whether an action uses up one of those of users.
const fn is_edit(action: Action) -> bool {
    matches!(
        action,
        Action::Edit(_)
            | Action::Pause(_)
            | Action::Delete
            | Action::Recreate(_)
            | Action::ContenderIsCreated
            | Action::ContenderIsDeleted
    )
}

/// Whether an action uses up one of the faults.
const fn is_fault(action: Action) -> bool {
    matches!(
        action,
        Action::Crash
            | Action::Failover
            | Action::WatchStalls(_)
            | Action::DeadlinePasses
            | Action::AttemptFails(_)
            | Action::JobFails(_)
            | Action::PodIsLost(_)
            | Action::ScheduleRuns(_)
            | Action::ClientDeletes(_)
            | Action::ClientChanges(_)
            | Action::ClientCreates(_)
            | Action::NamespaceIsDeleted
    )
}

fn disturb_operator(state: &mut State, action: Action) {
    match action {
        Action::Crash => state.leader = Operator::started(state.actual),
        Action::Failover => {
            state.former = Some(Operator { stalled: (1 << WATCHES) - 1, ..state.leader });
            state.leader = Operator::started(state.actual);
        }
        Action::FormerLeaderStops => state.former = None,
        Action::WatchStalls(watch) => state.leader.stalled |= 1 << watch,
        Action::WatchRecovers(watch) => state.leader.stalled &= !(1 << watch),
        _ => {}
    }
}
