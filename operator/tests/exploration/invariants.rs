//! The invariants of every state, and what holds once the pipeline has converged.

use userstream_crds::condition::Reason;
use userstream_crds::status::Phase;
use userstream_operator::diff::object_write::ObjectWrite;

use crate::actions::Action;
use crate::contender::Contender;
use crate::model::{Model, Step};
use crate::mutants::Mutant;
use crate::objects::{CONFIG_MAPS, CRON_JOBS, DEPLOYMENTS, JOBS, JobPhase, PIPELINE};
use crate::specs::{PipelineState, Shape, uid};
use crate::state::{InProgress, State};

impl Model {
    /// A paused pipeline is not changed.
    pub(crate) fn check_reconcile(&self, reconcile: u32) -> Result<(), String> {
        let reconcile = &self.reconciles[reconcile as usize];
        let writes = reconcile.plan.iter().flat_map(|plan| &plan.writes).count();
        if reconcile.pipeline.paused && !reconcile.pipeline.deleting && writes > 0 {
            return Err("objects are written although reconciliation is paused".to_owned());
        }
        Ok(())
    }

    /// A reconcile that only creates objects and writes the status decides in view of what it writes, and the watch
    /// events of these writes trigger no reconcile. So nothing may be left to do where nothing else happens meanwhile.
    pub(crate) fn check_accounted(&mut self, state: &State) -> Result<(), String> {
        // The other mutants are to be found by their consequences.
        if !matches!(self.mutant, Mutant::None | Mutant::IgnoresConsequencesOfChanges) {
            return Ok(());
        }
        let mut after = self.after(state, Action::Reconcile { former: false })?.0;
        let Some(InProgress { reconcile: number, .. }) = after.leader.in_progress else { return Ok(()) };
        let reconcile = self.reconciles[number as usize].clone();
        let is_accounted = |step: &Step| match step {
            Step::Status => true,
            Step::Write(index) => {
                matches!(reconcile.plan.as_ref().unwrap().writes[*index], ObjectWrite::Create(_))
                    || self.mutant == Mutant::IgnoresConsequencesOfChanges
            }
            Step::Finalizer(_) | Step::Event => false,
        };
        let is_behind = reconcile.view != state.actual || state.leader.stalled != 0;
        if is_behind || !reconcile.steps.iter().all(is_accounted) || !self.accounted.insert(number) {
            return Ok(());
        }
        while let Some(InProgress { done, failure, .. }) = after.leader.in_progress {
            if failure.is_some() {
                return Ok(());
            }
            let write = Action::Write { former: false, reconcile: number, step: done };
            after = self.after(&after, write)?.0;
        }
        let Some(next) = self.decide(&after, &after.leader.clone()) else { return Ok(()) };
        let written = self.pipeline(&after).map_or(0, |pipeline| pipeline.status);
        let then = self.status_after(next, None);
        let (written, then) = (&self.statuses[written as usize].status, &self.statuses[then as usize].status);
        let next = &self.reconciles[next as usize];
        let writes = next.plan.as_ref().map(|plan| &plan.writes);
        Err(format!(
            "a reconcile leaves to the next: {:?} of {writes:?}\nwritten: {written:?}\nthen: {then:?}",
            next.steps
        ))
    }

    /// The invariants of every state.
    pub(crate) fn check(&mut self, state: &State) -> Result<(), String> {
        let environment = self.environments.get(state.environment);
        for (name, id) in &environment.foreign {
            if !self.ids(state, DEPLOYMENTS).contains(id) {
                return Err(format!("{name}, which belongs to another client, was changed"));
            }
        }
        self.check_order(state)?;
        if environment.contender == Contender::Runs
            && let Some(ours) = self.user_of_claims(state)
        {
            return Err(format!("{ours} runs beside another pipeline that holds its claims"));
        }
        let Some(pipeline) = self.pipeline(state) else { return Ok(()) };
        let written = &self.statuses[pipeline.status as usize];
        let (is_ready, observed) = (written.is_ready, written.status.observed_generation);
        if observed > Some(pipeline.generation.into()) {
            return Err(format!("the status is of generation {observed:?}, which is none of {pipeline:?}"));
        }
        let is_current = observed == Some(pipeline.generation.into());
        if is_ready && is_current && !pipeline.spec.suspend && !pipeline.paused {
            let hash = self.desired_hash(pipeline.spec, pipeline.incarnation);
            let is_reached = hash.is_some_and(|hash| {
                environment.provisioned.contains(&hash) && environment.rolled_out.contains(&hash)
            });
            if !is_reached {
                return Err("the status says Ready for a generation that is not rolled out".to_owned());
            }
        }
        Ok(())
    }

    /// Nothing runs a configuration that is not provisioned, and nothing produces for one that no processor has run.
    fn check_order(&self, state: &State) -> Result<(), String> {
        let environment = self.environments.get(state.environment);
        let ids = [JOBS, CRON_JOBS, DEPLOYMENTS].into_iter().flat_map(|watch| self.ids(state, watch));
        for object in ids.map(|id| self.objects.get(id)).filter(|object| object.owner.is_some()) {
            let Some(configuration) = &object.configuration else { continue };
            let name = &object.name;
            let component = object.component.as_str();
            let runs = matches!(component, "processor" | "producer" | "run");
            if runs && !environment.provisioned.contains(configuration) {
                return Err(format!("{name} runs {configuration}, which is not provisioned"));
            }
            let produces = matches!(component, "producer" | "run");
            if produces && !environment.rolled_out.contains(configuration) {
                return Err(format!("{name} produces for {configuration}, which no processor has run"));
            }
        }
        Ok(())
    }

    /// What holds in a state that does not change any more.
    pub(crate) fn check_converged(&mut self, state: &State) -> Result<(), String> {
        let Some(pipeline) = self.pipeline(state) else { return self.check_deleted(state) };
        let wrong = |what: &str| Err(format!("it has converged and {what}: {pipeline:?}"));
        if pipeline.deleting {
            return wrong("is not deleted");
        }
        if pipeline.paused {
            return Ok(());
        }
        let environment = self.environments.get(state.environment);
        let written = self.statuses[pipeline.status as usize].clone();
        if written.status.observed_generation != Some(pipeline.generation.into()) {
            return wrong("its status is of another generation");
        }
        if pipeline.spec.suspend {
            return self.check_suspended(state, &pipeline);
        }
        let expected = |reason: Reason| match written.reason == Some(reason) {
            true => Ok(()),
            false => wrong(&format!("does not say {reason}")),
        };
        if !pipeline.spec.is_valid() {
            return if written.is_stalled { expected(Reason::Invalid) } else { wrong("is not Stalled") };
        }
        if environment.contender == Contender::Runs {
            return expected(Reason::Conflict);
        }
        if pipeline.finalizer != pipeline.spec.deletes {
            return wrong("has a finalizer without a reason, or none with one");
        }
        if !environment.foreign.is_empty() && written.reason == Some(Reason::NameTaken) {
            return Ok(());
        }
        if pipeline.spec.shape == Shape::Plan {
            return expected(Reason::Planned);
        }
        if !written.is_ready || self.phase(&pipeline) != Some(Phase::Running) {
            return wrong(&format!("does not run, {:#?}", written.status.conditions));
        }
        match self.leftover(state, &pipeline) {
            Some(leftover) => wrong(&leftover),
            None => Ok(()),
        }
    }

    fn check_deleted(&self, state: &State) -> Result<(), String> {
        let ids = (0..PIPELINE).flat_map(|watch| self.ids(state, watch));
        let left = ids.map(|id| self.objects.get(id)).filter(|object| object.owner.is_some());
        let left: Vec<&str> = left.map(|object| object.name.as_str()).collect();
        if !left.is_empty() {
            return Err(format!("{left:?} are left of a deleted pipeline"));
        }
        let environment = self.environments.get(state.environment);
        if environment.owes_cleanup && !environment.given_up {
            return Err("the pipeline is deleted, and what it was to delete is not".to_owned());
        }
        Ok(())
    }

    fn check_suspended(&self, state: &State, pipeline: &PipelineState) -> Result<(), String> {
        let workloads = self.running_workloads(state, pipeline);
        let has_pods = self
            .pods(state)
            .any(|pod| matches!(pod.component.as_str(), "processor" | "producer") && pod.is_well);
        let phase = self.phase(pipeline);
        if workloads.is_empty() && !has_pods && phase == Some(Phase::Suspended) {
            return Ok(());
        }
        Err(format!("{workloads:?} run although it is suspended, {phase:?}: {pipeline:?}"))
    }

    fn running_workloads(&self, state: &State, pipeline: &PipelineState) -> Vec<String> {
        let ids = [CRON_JOBS, DEPLOYMENTS].into_iter().flat_map(|watch| self.ids(state, watch));
        ids.map(|id| self.objects.get(id))
            .filter(|object| object.owner.as_deref() == Some(&uid(pipeline.incarnation)))
            .filter(|object| match object.watch {
                CRON_JOBS => !object.is_suspended,
                _ => object.replicas > 0,
            })
            .map(|object| object.name.clone())
            .collect()
    }

    /// What a running pipeline has besides its workloads with the desired configuration.
    fn leftover(&mut self, state: &State, pipeline: &PipelineState) -> Option<String> {
        let hash = self.desired_hash(pipeline.spec, pipeline.incarnation);
        let ids = [CRON_JOBS, DEPLOYMENTS].into_iter().flat_map(|watch| self.ids(state, watch));
        let mut workloads = ids.map(|id| self.objects.get(id));
        if let Some(other) = workloads.find(|it| it.owner.is_some() && it.configuration != hash) {
            return Some(format!("{} runs another configuration", other.name));
        }
        let running = self.running_workloads(state, pipeline);
        let count = usize::from(pipeline.spec.shape != Shape::NoSource) + 1;
        if running.len() != count {
            return Some(format!("{running:?} run"));
        }
        let jobs = self.ids(state, JOBS);
        let is_left = |job: &&std::sync::Arc<crate::objects::Object>| {
            matches!(job.component.as_str(), "cleanup" | "plan") || job.job == JobPhase::Open
        };
        if let Some(job) = jobs.iter().map(|id| self.objects.get(*id)).find(is_left) {
            return Some(format!("has Job {}", job.name));
        }
        let configurations = self.ids(state, CONFIG_MAPS).len();
        let is_wrong = configurations != 1 && self.mutant == Mutant::None;
        is_wrong.then(|| format!("has {configurations} configurations"))
    }
}
