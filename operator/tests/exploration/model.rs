//! The small world: numbers for everything that a state refers to, and the operator's own code run on what it sees.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use jiff::SignedDuration;
use userstream_crds::UserStreamPipeline;
use userstream_crds::status::{Phase, PipelineStatus};
use userstream_operator::diff::expectations::{EXPECTATIONS_TIMEOUT, Expectations, ObjectKey};
use userstream_operator::model::configuration::{Configuration, Purpose};
use userstream_operator::model::conflict::Conflict;
use userstream_operator::model::input::Input;
use userstream_operator::model::observed::Observed;
use userstream_operator::model::settings::Settings;
use userstream_operator::plan::{Decision, Plan as Work};
use userstream_operator::status::ApplyFailure;

use crate::contender::{Kept, Known, conflict};
use crate::mutants::Fault;
use crate::objects::{Items, PIPELINE, PODS, Typed, WATCHES, digest, watch_of};
use crate::specs::{Facts, NOW, Shape, Spec, Validated, validated};
use crate::state::{Operator, Outside, State, View};
use crate::worker_reports::report_of;

/// Values by number; 0 is the default one.
pub(crate) struct Numbered<T> {
    all: Vec<Arc<T>>,
    known: HashMap<Arc<T>, u32>,
}

impl<T: Hash + Eq> Numbered<T> {
    fn starting_with(first: T) -> Self {
        let mut numbered = Self { all: Vec::new(), known: HashMap::new() };
        numbered.put(first);
        numbered
    }

    pub(crate) fn put(&mut self, value: T) -> u32 {
        if let Some(known) = self.known.get(&value) {
            return *known;
        }
        let number = u32::try_from(self.all.len()).unwrap();
        let value = Arc::new(value);
        self.all.push(value.clone());
        self.known.insert(value, number);
        number
    }

    pub(crate) fn get(&self, number: u32) -> Arc<T> {
        self.all[number as usize].clone()
    }
}

/// A status, and what promises are made of.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) status: PipelineStatus,
    pub(crate) is_ready: bool,
    pub(crate) is_stalled: bool,
    pub(crate) reason: String,
    /// The same whatever the generation.
    pub(crate) digest: u128,
}

/// A step of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Finalizer(bool),
    Event,
    Write(usize),
    Status,
}

/// A look, decided.
pub(crate) struct Plan {
    pub(crate) seen: View,
    pub(crate) facts: Facts,
    pub(crate) steps: Vec<Step>,
    pub(crate) work: Option<Box<Work>>,
    pub(crate) digest: u128,
    resource: UserStreamPipeline,
    observed: Observed,
    is_late: bool,
    is_kept: bool,
}

impl Plan {
    /// Whether the pipeline begins with what it claims by this look, and so has it.
    pub(crate) fn admits(&self) -> bool {
        let begins = self.work.is_some() && !self.facts.deleting && !self.facts.paused;
        begins && !self.is_kept && World::is_valid(self.facts.spec)
    }
}

/// The digests of values, by their numbers.
#[derive(Default)]
struct Digests {
    groups: Vec<u128>,
    pipelines: Vec<u128>,
    outsides: Vec<u128>,
    expected: Vec<u128>,
}

type PlanKey = (View, u32, bool, u32, bool);

/// What a write can come to.
pub(crate) const PROBLEMS: [&str; 5] = ["", "NameTaken", "NamespaceTerminating", "WriteConflict", "Invalid"];

pub(crate) struct World {
    pub(crate) fault: Fault,
    pub(crate) items: Items,
    pub(crate) groups: Numbered<Vec<u32>>,
    pub(crate) pipelines: Numbered<Option<Facts>>,
    pub(crate) outsides: Numbered<Outside>,
    pub(crate) expected: Numbered<BTreeSet<(usize, String)>>,
    pub(crate) told: Vec<Told>,
    told_known: HashMap<u128, u32>,
    pub(crate) plans: Vec<Arc<Plan>>,
    plan_of: HashMap<PlanKey, Option<u32>>,
    status_of: HashMap<(u32, u8), u32>,
    pub(crate) made: HashMap<(u32, usize, Option<u32>, u32), u32>,
    specs: HashMap<Spec, Validated>,
    hashes: HashMap<(Spec, u8), Option<String>>,
    settings: Settings,
    digests: Digests,
    /// The plans that were found to foresee what comes of them.
    pub(crate) foreseen: HashSet<u32>,
    pub(crate) kept: HashMap<Known, Kept>,
    conflict: Conflict,
}

impl World {
    pub(crate) fn new(fault: Fault) -> Self {
        let nothing = Told {
            status: PipelineStatus::default(),
            is_ready: false,
            is_stalled: false,
            reason: String::new(),
            digest: 0,
        };
        Self {
            fault,
            items: Items::default(),
            groups: Numbered::starting_with(Vec::new()),
            pipelines: Numbered::starting_with(None),
            outsides: Numbered::starting_with(Outside { partitions: 3, ..Outside::default() }),
            expected: Numbered::starting_with(BTreeSet::new()),
            told: vec![nothing],
            told_known: HashMap::new(),
            plans: Vec::new(),
            plan_of: HashMap::new(),
            status_of: HashMap::new(),
            made: HashMap::new(),
            specs: HashMap::new(),
            hashes: HashMap::new(),
            digests: Digests::default(),
            foreseen: HashSet::new(),
            kept: HashMap::new(),
            conflict: conflict(),
            settings: Settings::with_worker_image("example.org/userstream-worker:1"),
        }
    }

    pub(crate) fn facts(&self, state: &State) -> Option<Facts> {
        (*self.pipelines.get(state.actual[PIPELINE])).clone()
    }

    pub(crate) fn spec(&mut self, spec: Spec) -> Validated {
        self.specs.entry(spec).or_insert_with(|| validated(spec)).clone()
    }

    /// The hash of the configuration that a spec asks for; none when it is invalid.
    pub(crate) fn wanted(&mut self, spec: Spec, incarnation: u8) -> Option<String> {
        if let Some(known) = self.hashes.get(&(spec, incarnation)) {
            return known.clone();
        }
        let parsed = self.spec(spec);
        let facts = Facts {
            incarnation,
            spec,
            generation: 1,
            paused: false,
            deleting: false,
            finalizer: false,
            status: 0,
        };
        let resource = facts.resource(parsed.0.clone(), None);
        let hash = parsed
            .1
            .as_ref()
            .ok()
            .map(|pipeline| Configuration::of(&resource, pipeline, Purpose::Work, &self.settings).hash);
        self.hashes.insert((spec, incarnation), hash.clone());
        hash
    }

    pub(crate) fn tell(&mut self, status: PipelineStatus) -> u32 {
        let text = serde_json::to_string(&status).unwrap();
        let key = digest(&text);
        if let Some(known) = self.told_known.get(&key) {
            return *known;
        }
        let mut ageless = status.clone();
        ageless.observed_generation = None;
        ageless.conditions.iter_mut().for_each(|condition| condition.observed_generation = None);
        let told = Told {
            is_ready: status.holds("Ready"),
            is_stalled: status.holds("Stalled"),
            reason: status.condition("Ready").map(|one| one.reason.clone()).unwrap_or_default(),
            digest: digest(&serde_json::to_string(&ageless).unwrap()),
            status,
        };
        let number = u32::try_from(self.told.len()).unwrap();
        self.told.push(told);
        self.told_known.insert(key, number);
        number
    }

    fn observed(&self, seen: &View, actual_pods: u32, partitions: u32) -> Observed {
        let mut named = Observed::default();
        let at_work = self.groups.get(actual_pods);
        let partitions = i32::try_from(partitions).unwrap();
        for (watch, group) in seen.iter().enumerate().filter(|(watch, _)| *watch != PIPELINE) {
            for id in self.groups.get(*group).iter() {
                let item = self.items.get(*id);
                match &item.typed {
                    Typed::ConfigMap(it) => named.config_maps.push(it.clone()),
                    Typed::Job(it) => named.jobs.push(it.clone()),
                    Typed::CronJob(it) => named.cron_jobs.push(it.clone()),
                    Typed::Deployment(it) => named.deployments.push(it.clone()),
                    Typed::PodDisruptionBudget(it) => named.pod_disruption_budgets.push(it.clone()),
                    Typed::Pod(it) => named.pods.push(it.clone()),
                }
                if watch == PODS && item.is_well && at_work.contains(id) {
                    named.reports.insert(item.name.clone(), report_of(0..partitions, NOW));
                }
            }
        }
        named
    }

    /// Whether an operator may look: its caches have seen what it wrote.
    pub(crate) fn has_seen_its_writes(&self, operator: &Operator, later: bool) -> bool {
        let expected = self.expected.get(operator.expected);
        if expected.is_empty() {
            return true;
        }
        let mut expectations = Expectations::default();
        for (watch, name) in expected.iter() {
            expectations.expect(self.written(*watch, name), Some("2".to_owned()), NOW);
        }
        let now = if later { NOW + EXPECTATIONS_TIMEOUT } else { NOW };
        expectations.are_satisfied(now, |what| {
            let (watch, name) = match what {
                ObjectKey::Pipeline => (PIPELINE, String::new()),
                ObjectKey::Owned(kind, name) => (watch_of(*kind), name.clone()),
            };
            let is_behind = operator.stalled & (1 << watch) != 0;
            let is_there = watch == PIPELINE
                || self.groups.get(operator.seen[watch]).iter().any(|id| self.items.get(*id).name == name);
            is_there.then(|| if is_behind { "1" } else { "2" }.to_owned())
        })
    }

    fn written(&self, watch: usize, name: &str) -> ObjectKey {
        use userstream_operator::model::kind::Kind;
        let kinds = [Kind::ConfigMap, Kind::Job, Kind::CronJob, Kind::Deployment, Kind::PodDisruptionBudget];
        kinds.get(watch).map_or(ObjectKey::Pipeline, |kind| ObjectKey::Owned(*kind, name.to_owned()))
    }

    /// What an operator decides; none when it does not look or there is nothing to do.
    pub(crate) fn decide(&mut self, state: &State, operator: &Operator) -> Option<u32> {
        if !self.has_seen_its_writes(operator, false) {
            return None;
        }
        let outside = self.outsides.get(state.outside);
        let is_kept = self.kept(state, operator).ours;
        let key = (operator.seen, state.actual[PODS], outside.is_late, outside.partitions, is_kept);
        if let Some(known) = self.plan_of.get(&key) {
            return *known;
        }
        let plan = self.look(&key);
        let number = plan.map(|plan| {
            self.plans.push(Arc::new(plan));
            u32::try_from(self.plans.len() - 1).unwrap()
        });
        self.plan_of.insert(key, number);
        number
    }

    fn look(&mut self, (seen, pods, is_late, partitions, is_kept): &PlanKey) -> Option<Plan> {
        let facts = (*self.pipelines.get(seen[PIPELINE])).clone()?;
        let parsed = self.spec(facts.spec);
        let status = (facts.status != 0).then(|| self.told[facts.status as usize].status.clone());
        let resource = facts.resource(parsed.0.clone(), status);
        let observed = Observed::of(&resource, self.observed(seen, *pods, *partitions));
        let observed = self.fault.seen(observed, facts.deleting);
        let fault = self.fault;
        let decision = {
            let look = self.looking(&resource, &parsed, &observed, *is_late, *is_kept);
            let decision = fault.decided(&look, Decision::of(&look));
            if let Decision::Apply(work) = &decision {
                let is_quiet = work.writes.is_empty() && work.finalizer.is_none();
                if is_quiet && Some(&work.status(&look, None)) == resource.status.as_ref() {
                    return None;
                }
            }
            decision
        };
        let (steps, work) = match decision {
            Decision::Nothing => return None,
            Decision::Release(release) => {
                let event = release.given_up.map(|_| Step::Event);
                (event.into_iter().chain([Step::Finalizer(false)]).collect::<Vec<_>>(), None)
            }
            Decision::Apply(work) => {
                let writes = (0..work.writes.len()).map(Step::Write);
                let steps = work.finalizer.map(Step::Finalizer).into_iter().chain(writes);
                (steps.chain([Step::Status]).collect(), Some(work))
            }
        };
        let mut plan = Plan {
            seen: *seen,
            facts,
            steps,
            work,
            digest: 0,
            resource,
            observed,
            is_late: *is_late,
            is_kept: *is_kept,
        };
        let writes = format!("{:?}", plan.work.as_ref().map(|work| &work.writes));
        let status = self.status(&plan, 0);
        plan.digest = digest(&(writes, format!("{:?}", plan.steps), self.told[status as usize].digest));
        Some(plan)
    }

    fn looking<'a>(
        &'a self,
        resource: &'a UserStreamPipeline,
        parsed: &'a Validated,
        observed: &'a Observed,
        is_late: bool,
        is_kept: bool,
    ) -> Input<'a> {
        Input {
            resource,
            validated: parsed.1.as_ref().map_err(Vec::as_slice),
            conflict: is_kept.then_some(&self.conflict),
            settings: &self.settings,
            observed,
            low_since: None,
            now: if is_late { NOW + SignedDuration::from_mins(5) } else { NOW },
        }
    }

    fn status(&mut self, plan: &Plan, problem: u8) -> u32 {
        let Some(work) = &plan.work else { return 0 };
        let parsed = self.spec(plan.facts.spec);
        let reason = PROBLEMS[problem as usize];
        let problem = (problem != 0).then(|| ApplyFailure {
            reason: reason.parse().unwrap(),
            message: "refused".to_owned(),
            is_terminal: matches!(reason, "NameTaken" | "NamespaceTerminating" | "Invalid"),
        });
        let look = self.looking(&plan.resource, &parsed, &plan.observed, plan.is_late, plan.is_kept);
        let mut status = work.status(&look, problem.as_ref());
        if self.fault == Fault::TellsNothingNewOfANewGeneration
            && let Some(before) = &plan.resource.status
        {
            status.observed_generation = before.observed_generation;
        }
        self.tell(status)
    }

    /// The status that a look writes at its end.
    pub(crate) fn status_after(&mut self, plan: u32, problem: u8) -> u32 {
        if let Some(known) = self.status_of.get(&(plan, problem)) {
            return *known;
        }
        let status = self.status(&self.plans[plan as usize].clone(), problem);
        self.status_of.insert((plan, problem), status);
        status
    }

    /// What two states have to differ in to be two: nothing that only counts.
    pub(crate) fn digest(&mut self, state: &State) -> u128 {
        let pipelines = [Some(&state.leader), state.former.as_ref()].map(|operator| {
            let under_way = operator?.under_way?;
            let plan = &self.plans[under_way.plan as usize];
            Some((
                plan.digest,
                under_way.done,
                under_way.problem,
                plan.seen[PIPELINE] == state.actual[PIPELINE],
            ))
        });
        let actual = self.digest_of_view(&state.actual, (1 << WATCHES) - 1);
        let leader = self.digest_of_operator(&state.leader);
        let former = state.former.map(|former| self.digest_of_operator(&former));
        let outside = state.outside as usize;
        remember(&mut self.digests.outsides, outside, |number| digest(&self.outsides.all[number]));
        digest(&(actual, leader, former, pipelines, self.digests.outsides[outside]))
    }

    fn digest_of_operator(&mut self, operator: &Operator) -> (u128, u8, u128, bool) {
        let expected = operator.expected as usize;
        remember(&mut self.digests.expected, expected, |number| digest(&self.expected.all[number]));
        // What is not stalled has seen what is there.
        let seen = self.digest_of_view(&operator.seen, operator.stalled);
        (seen, operator.stalled, self.digests.expected[expected], operator.admitted)
    }

    fn digest_of_view(&mut self, view: &View, watches: u8) -> u128 {
        let mut all = [0; WATCHES];
        for watch in (0..WATCHES).filter(|watch| watches & (1 << watch) != 0) {
            let number = view[watch] as usize;
            all[watch] = if watch == PIPELINE {
                remember(&mut self.digests.pipelines, number, |number| {
                    digest(&self.pipelines.all[number].as_ref().clone().map(|facts| {
                        let told = &self.told[facts.status as usize];
                        let is_current = told.status.observed_generation == Some(facts.generation.into());
                        (Facts { generation: 0, status: 0, ..facts }, told.digest, is_current)
                    }))
                });
                self.digests.pipelines[number]
            } else {
                remember(&mut self.digests.groups, number, |number| {
                    let ids = self.groups.all[number].iter();
                    let mut items: Vec<u128> = ids.map(|id| self.items.get(*id).digest).collect();
                    items.sort_unstable();
                    digest(&items)
                });
                self.digests.groups[number]
            };
        }
        digest(&all)
    }

    pub(crate) fn phase(&self, facts: &Facts) -> Option<Phase> {
        self.told[facts.status as usize].status.phase
    }

    pub(crate) fn is_valid(spec: Spec) -> bool {
        spec.shape != Shape::Invalid
    }
}

/// Digests up to the one with this number.
fn remember(known: &mut Vec<u128>, number: usize, make: impl FnMut(usize) -> u128) {
    known.extend((known.len()..=number).map(make));
}
