//! The model: numbers for everything that a state refers to, and the operator's own code, run on what it observes.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::SignedDuration;
use userstream_crds::UserStreamPipeline;
use userstream_crds::condition::{ConditionType, Reason};
use userstream_crds::status::{Phase, PipelineStatus};
use userstream_operator::diff::expectations::{EXPECTATIONS_TIMEOUT, Expectations, ObjectKey};
use userstream_operator::model::configuration::{Configuration, Purpose};
use userstream_operator::model::conflict::Conflict;
use userstream_operator::model::input::Input;
use userstream_operator::model::kind::Kind;
use userstream_operator::model::observed::Observed;
use userstream_operator::model::settings::Settings;
use userstream_operator::plan::{Decision, Plan};
use userstream_operator::status::ApplyFailure;

use crate::contender::{Conflicts, Known, conflict};
use crate::digest::{Digests, digest_of};
use crate::interner::Interner;
use crate::mutants::Mutant;
use crate::objects::{Objects, PIPELINE, PODS, Typed, watch_of};
use crate::specs::{NOW, PipelineState, Spec, Validated, validated};
use crate::state::{Environment, Operator, State, View};
use crate::worker_reports::report_of;

/// A status, and what the invariants read of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct WrittenStatus {
    pub(crate) status: PipelineStatus,
    pub(crate) is_ready: bool,
    pub(crate) is_stalled: bool,
    pub(crate) reason: Option<Reason>,
    /// The same for every generation.
    pub(crate) digest: u128,
}

/// A step of a reconcile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Finalizer(bool),
    Event,
    Write(usize),
    Status,
}

/// A reconcile, decided.
pub(crate) struct Reconcile {
    /// What it was decided from.
    pub(crate) view: View,
    pub(crate) pipeline: PipelineState,
    pub(crate) steps: Vec<Step>,
    pub(crate) plan: Option<Box<Plan>>,
    pub(crate) digest: u128,
    resource: UserStreamPipeline,
    observed: Observed,
    is_late: bool,
    has_conflict: bool,
}

impl Reconcile {
    /// Whether the pipeline reserves its claims by this reconcile.
    pub(crate) fn reserves(&self) -> bool {
        let may_start = self.plan.is_some() && !self.pipeline.deleting && !self.pipeline.paused;
        may_start && !self.has_conflict && self.pipeline.spec.is_valid()
    }
}

type ReconcileKey = (View, u32, bool, u32, bool);
/// The write of a reconcile, the object that it replaces, and the number of the new object's UID.
type WriteKey = (u32, usize, Option<u32>, u32);

pub(crate) struct Model {
    pub(crate) mutant: Mutant,
    pub(crate) objects: Objects,
    /// The objects of one watch, by number.
    pub(crate) groups: Interner<Vec<u32>>,
    pub(crate) pipelines: Interner<Option<PipelineState>>,
    pub(crate) environments: Interner<Environment>,
    pub(crate) expected: Interner<BTreeSet<(usize, String)>>,
    pub(crate) statuses: Vec<WrittenStatus>,
    known_statuses: HashMap<u128, u32>,
    pub(crate) reconciles: Vec<Arc<Reconcile>>,
    known_reconciles: HashMap<ReconcileKey, Option<u32>>,
    status_of: HashMap<(u32, Option<Reason>), u32>,
    /// The object that each write has made.
    pub(crate) written: HashMap<WriteKey, u32>,
    specs: HashMap<Spec, Validated>,
    hashes: HashMap<(Spec, u8), Option<String>>,
    settings: Settings,
    pub(crate) digests: Digests,
    /// The reconciles that were found to account for the watch events of what they write.
    pub(crate) accounted: HashSet<u32>,
    pub(crate) known_conflicts: HashMap<Known, Conflicts>,
    conflict: Conflict,
}

impl Model {
    pub(crate) fn new(mutant: Mutant) -> Self {
        Self {
            mutant,
            objects: Objects::default(),
            groups: Interner::with_first(Vec::new()),
            pipelines: Interner::with_first(None),
            environments: Interner::with_first(Environment { partitions: 3, ..Environment::default() }),
            expected: Interner::with_first(BTreeSet::new()),
            statuses: vec![WrittenStatus::default()],
            known_statuses: HashMap::new(),
            reconciles: Vec::new(),
            known_reconciles: HashMap::new(),
            status_of: HashMap::new(),
            written: HashMap::new(),
            specs: HashMap::new(),
            hashes: HashMap::new(),
            digests: Digests::default(),
            accounted: HashSet::new(),
            known_conflicts: HashMap::new(),
            conflict: conflict(),
            settings: Settings::with_worker_image("example.org/userstream-worker:1"),
        }
    }

    pub(crate) fn pipeline(&self, state: &State) -> Option<PipelineState> {
        (*self.pipelines.get(state.actual[PIPELINE])).clone()
    }

    pub(crate) fn spec(&mut self, spec: Spec) -> Validated {
        self.specs.entry(spec).or_insert_with(|| validated(spec)).clone()
    }

    /// The hash of a spec's configuration; `None` when the spec is invalid.
    pub(crate) fn desired_hash(&mut self, spec: Spec, incarnation: u8) -> Option<String> {
        if let Some(known) = self.hashes.get(&(spec, incarnation)) {
            return known.clone();
        }
        let parsed = self.spec(spec);
        let resource = PipelineState::new(incarnation, spec).resource(parsed.0.clone(), None);
        let hash = parsed
            .1
            .as_ref()
            .ok()
            .map(|pipeline| Configuration::of(&resource, pipeline, Purpose::Work, &self.settings).hash);
        self.hashes.insert((spec, incarnation), hash.clone());
        hash
    }

    fn put_status(&mut self, status: PipelineStatus) -> u32 {
        let key = digest_of(&serde_json::to_string(&status).unwrap());
        if let Some(known) = self.known_statuses.get(&key) {
            return *known;
        }
        let mut ageless = status.clone();
        ageless.observed_generation = None;
        ageless.conditions.iter_mut().for_each(|condition| condition.observed_generation = None);
        let number = u32::try_from(self.statuses.len()).unwrap();
        self.statuses.push(WrittenStatus {
            is_ready: status.is_true(ConditionType::Ready),
            is_stalled: status.is_true(ConditionType::Stalled),
            reason: status.reason(ConditionType::Ready),
            digest: digest_of(&serde_json::to_string(&ageless).unwrap()),
            status,
        });
        self.known_statuses.insert(key, number);
        number
    }

    /// The objects of a view. The pods that run report their status.
    fn observed(&self, view: &View, actual_pods: u32, partitions: u32) -> Observed {
        let mut named = Observed::default();
        let actual_pods = self.groups.get(actual_pods);
        let assigned = 0..i32::try_from(partitions).unwrap();
        for (watch, group) in view.iter().enumerate().filter(|(watch, _)| *watch != PIPELINE) {
            for id in self.groups.get(*group).iter() {
                let object = self.objects.get(*id);
                match &object.typed {
                    Typed::ConfigMap(it) => named.config_maps.push(it.clone()),
                    Typed::Job(it) => named.jobs.push(it.clone()),
                    Typed::CronJob(it) => named.cron_jobs.push(it.clone()),
                    Typed::Deployment(it) => named.deployments.push(it.clone()),
                    Typed::PodDisruptionBudget(it) => named.pod_disruption_budgets.push(it.clone()),
                    Typed::Pod(it) => named.pods.push(it.clone()),
                }
                if watch == PODS && object.is_well && actual_pods.contains(id) {
                    named.reports.insert(object.name.clone(), report_of(assigned.clone(), partitions, NOW));
                }
            }
        }
        named
    }

    /// Whether the expectations of an operator are satisfied, now or after their timeout.
    pub(crate) fn are_expectations_satisfied(&self, operator: &Operator, after_timeout: bool) -> bool {
        let expected = self.expected.get(operator.expected);
        if expected.is_empty() {
            return true;
        }
        let mut expectations = Expectations::default();
        for (watch, name) in expected.iter() {
            expectations.expect(object_key(*watch, name), Some("2".to_owned()), NOW);
        }
        let now = if after_timeout { NOW + EXPECTATIONS_TIMEOUT } else { NOW };
        expectations.are_satisfied(now, |key| {
            let (watch, name) = match key {
                ObjectKey::Pipeline => (PIPELINE, String::new()),
                ObjectKey::Owned(kind, name) => (watch_of(*kind), name.clone()),
            };
            let exists = watch == PIPELINE || self.find(&operator.observed, watch, &name).is_some();
            exists.then(|| if operator.is_stalled(watch) { "1" } else { "2" }.to_owned())
        })
    }

    /// The number of the reconcile that an operator decides; `None` when its expectations are not satisfied, and when
    /// there is nothing to do.
    pub(crate) fn decide(&mut self, state: &State, operator: &Operator) -> Option<u32> {
        if !self.are_expectations_satisfied(operator, false) {
            return None;
        }
        let environment = self.environments.get(state.environment);
        let has_conflict = self.conflicts(state, operator).of_pipeline;
        let pods = state.actual[PODS];
        let key = (operator.observed, pods, environment.is_late, environment.partitions, has_conflict);
        if let Some(known) = self.known_reconciles.get(&key) {
            return *known;
        }
        let reconcile = self.reconcile(&key);
        let number = reconcile.map(|reconcile| {
            self.reconciles.push(Arc::new(reconcile));
            u32::try_from(self.reconciles.len() - 1).unwrap()
        });
        self.known_reconciles.insert(key, number);
        number
    }

    fn reconcile(&mut self, key: &ReconcileKey) -> Option<Reconcile> {
        let (view, pods, is_late, partitions, has_conflict) = *key;
        let pipeline = (*self.pipelines.get(view[PIPELINE])).clone()?;
        let parsed = self.spec(pipeline.spec);
        let status = (pipeline.status != 0).then(|| self.statuses[pipeline.status as usize].status.clone());
        let resource = pipeline.resource(parsed.0.clone(), status);
        let observed = Observed::of(&resource, self.observed(&view, pods, partitions));
        let observed = self.mutant.observed(observed, pipeline.deleting);
        let decision = {
            let input = self.input(&resource, &parsed, &observed, is_late, has_conflict);
            let decision = self.mutant.decided(&input, Decision::of(&input));
            if let Decision::Apply(plan) = &decision {
                let writes_nothing = plan.writes.is_empty() && plan.finalizer.is_none();
                if writes_nothing && Some(&plan.status(&input, None)) == resource.status.as_ref() {
                    return None;
                }
            }
            decision
        };
        let (steps, plan) = steps(decision)?;
        let digest = 0;
        let mut reconcile =
            Reconcile { view, pipeline, steps, plan, digest, resource, observed, is_late, has_conflict };
        let writes = format!("{:?}", reconcile.plan.as_ref().map(|plan| &plan.writes));
        let status = self.status(&reconcile, None);
        let status = self.statuses[status as usize].digest;
        reconcile.digest = digest_of(&(writes, format!("{:?}", reconcile.steps), status));
        Some(reconcile)
    }

    fn input<'a>(
        &'a self,
        resource: &'a UserStreamPipeline,
        parsed: &'a Validated,
        observed: &'a Observed,
        is_late: bool,
        has_conflict: bool,
    ) -> Input<'a> {
        Input {
            resource,
            validated: parsed.1.as_ref().map_err(Vec::as_slice),
            conflict: has_conflict.then_some(&self.conflict),
            settings: &self.settings,
            observed,
            low_since: None,
            now: if is_late { NOW + SignedDuration::from_mins(5) } else { NOW },
        }
    }

    fn status(&mut self, reconcile: &Reconcile, failure: Option<Reason>) -> u32 {
        let Some(plan) = &reconcile.plan else { return 0 };
        let parsed = self.spec(reconcile.pipeline.spec);
        let failure = failure.map(|reason| ApplyFailure {
            reason,
            message: "refused".to_owned(),
            is_terminal: reason != Reason::WriteConflict,
        });
        let Reconcile { resource, observed, is_late, has_conflict, .. } = reconcile;
        let input = self.input(resource, &parsed, observed, *is_late, *has_conflict);
        let mut status = plan.status(&input, failure.as_ref());
        if self.mutant == Mutant::ReportsAnOldGeneration
            && let Some(before) = &resource.status
        {
            status.observed_generation = before.observed_generation;
        }
        self.put_status(status)
    }

    /// The number of the status that a reconcile writes at its end.
    pub(crate) fn status_after(&mut self, reconcile: u32, failure: Option<Reason>) -> u32 {
        if let Some(known) = self.status_of.get(&(reconcile, failure)) {
            return *known;
        }
        let status = self.status(&self.reconciles[reconcile as usize].clone(), failure);
        self.status_of.insert((reconcile, failure), status);
        status
    }

    pub(crate) fn phase(&self, pipeline: &PipelineState) -> Option<Phase> {
        self.statuses[pipeline.status as usize].status.phase
    }
}

/// The steps of a decision, and its plan; `None` when there is nothing to do.
fn steps(decision: Decision) -> Option<(Vec<Step>, Option<Box<Plan>>)> {
    match decision {
        Decision::Nothing => None,
        Decision::Release(release) => {
            let event = release.given_up.map(|_| Step::Event);
            Some((event.into_iter().chain([Step::Finalizer(false)]).collect(), None))
        }
        Decision::Apply(plan) => {
            let writes = (0..plan.writes.len()).map(Step::Write);
            let steps = plan.finalizer.map(Step::Finalizer).into_iter().chain(writes);
            Some((steps.chain([Step::Status]).collect(), Some(plan)))
        }
    }
}

fn object_key(watch: usize, name: &str) -> ObjectKey {
    let kinds = [Kind::ConfigMap, Kind::Job, Kind::CronJob, Kind::Deployment, Kind::PodDisruptionBudget];
    kinds.get(watch).map_or(ObjectKey::Pipeline, |kind| ObjectKey::Owned(*kind, name.to_owned()))
}
