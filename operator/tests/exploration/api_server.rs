//! What the API server does with the writes of an operator, and what must never come of one.

use serde_json::json;
use userstream_crds::names::Component;
use userstream_operator::diff::object_write::ObjectWrite;
use userstream_operator::manifest::Manifest;
use userstream_operator::model::kind::Kind;
use userstream_operator::model::workload::stopped_fields;

use crate::model::{Plan, Step, World};
use crate::mutants::Fault;
use crate::objects::{CRON_JOBS, DEPLOYMENTS, Item, JobPhase, PIPELINE, PODS, WATCHES, watch_of};
use crate::specs::{Facts, uid};
use crate::state::{Operator, State, UnderWay, View};

/// What a write came to: whether anything was written, or which problem.
type WriteResult = Result<bool, u8>;

const NAME_TAKEN: u8 = 1;
const NAMESPACE_TERMINATING: u8 = 2;
const WRITE_CONFLICT: u8 = 3;
const INVALID: u8 = 4;

impl World {
    pub(crate) fn find(&self, view: &View, watch: usize, name: &str) -> Option<u32> {
        self.groups.get(view[watch]).iter().copied().find(|id| self.items.get(*id).name == name)
    }

    /// Puts an item into its group, in the place of the one it takes the place of.
    pub(crate) fn replace(&mut self, state: &mut State, old: Option<u32>, new: Option<u32>) {
        let Some(any) = old.or(new) else { return };
        let watch = self.items.get(any).watch;
        let mut group = (*self.groups.get(state.actual[watch])).clone();
        group.retain(|id| Some(*id) != old);
        group.extend(new);
        group.sort_unstable();
        state.actual[watch] = self.groups.put(group);
    }

    pub(crate) fn set_facts(&mut self, state: &mut State, facts: Option<Facts>) {
        state.actual[PIPELINE] = self.pipelines.put(facts);
    }

    /// Watches that move have seen what is there.
    pub(crate) fn sync(&mut self, state: &mut State) {
        let leader = &mut state.leader;
        for watch in (0..WATCHES).filter(|watch| leader.stalled & (1 << watch) == 0) {
            leader.seen[watch] = state.actual[watch];
        }
        if leader.expected != 0 {
            let (stalled, seen) = (leader.stalled, leader.seen);
            let mut expected = (*self.expected.get(leader.expected)).clone();
            expected.retain(|(watch, name)| {
                stalled & (1 << watch) != 0
                    || (*watch != PIPELINE && self.find(&seen, *watch, name).is_none())
            });
            state.leader.expected = self.expected.put(expected);
        }
    }

    /// A UID that nobody has in mind for another object of this name.
    fn fresh_uid(&self, state: &State, watch: usize, name: &str) -> String {
        let views = [Some(&state.leader), state.former.as_ref()].into_iter().flatten();
        let plans = views.clone().filter_map(|it| Some(self.plans[it.under_way?.plan as usize].seen));
        let all: Vec<View> = views.map(|it| it.seen).chain(plans).chain([state.actual]).collect();
        let taken = |uid: &str| {
            all.iter().any(|view| {
                let is_it = |id: &u32| self.items.get(*id).uid == uid;
                let owns = |id: &u32| self.items.get(*id).owner.as_deref() == Some(uid);
                self.groups.get(view[watch]).iter().any(is_it) || self.groups.get(view[PODS]).iter().any(owns)
            })
        };
        (0..9).map(|number| format!("{watch}/{name}/{number}")).find(|uid| !taken(uid)).unwrap()
    }

    /// The next step of an operator's look. Gives whether anything was written, or what must never be.
    pub(crate) fn step(&mut self, state: &mut State, is_former: bool) -> Result<bool, String> {
        let operator = if is_former { state.former.unwrap() } else { state.leader };
        let UnderWay { plan: number, done, problem } = operator.under_way.unwrap();
        let plan = self.plans[number as usize].clone();
        let mut next = Some(UnderWay { plan: number, done: done + 1, problem });
        let mut expected = None;
        let mut accepted = false;
        match plan.steps[done as usize] {
            Step::Event => {
                let mut outside = (*self.outsides.get(state.outside)).clone();
                outside.given_up = true;
                state.outside = self.outsides.put(outside);
                accepted = true;
            }
            Step::Finalizer(wants) => match self.write_finalizer(state, &plan, wants) {
                Some(written) => {
                    accepted = written;
                    expected = written.then_some((PIPELINE, String::new()));
                }
                None => next = None,
            },
            Step::Write(index) => {
                let write = plan.work.as_ref().unwrap().writes[index].clone();
                match self.write(state, &plan, number, index, &operator, &write)? {
                    Ok(written) => {
                        accepted = written;
                        let tells = !matches!(write, ObjectWrite::Delete { .. });
                        expected =
                            (written && tells).then(|| (watch_of(write.kind()), write.name().to_owned()));
                    }
                    Err(refused) => {
                        let ends = write.is_required_by_next() || refused == NAMESPACE_TERMINATING;
                        let problem = if problem == 0 { refused } else { problem };
                        let done = if ends { plan.steps.len() - 1 } else { done as usize + 1 };
                        next = Some(UnderWay { plan: number, done: u8::try_from(done).unwrap(), problem });
                        let release = plan.work.as_ref().unwrap().release_in_terminating_namespace();
                        if refused == NAMESPACE_TERMINATING && release.is_some() {
                            let mut outside = (*self.outsides.get(state.outside)).clone();
                            outside.given_up = true;
                            state.outside = self.outsides.put(outside);
                            accepted = self.write_finalizer(state, &plan, false) == Some(true);
                            next = None;
                        }
                    }
                }
            }
            Step::Status => {
                let status = self.status_after(number, problem);
                if status != plan.facts.status
                    && let Some(mut facts) = self.facts(state)
                    && (facts.incarnation == plan.facts.incarnation
                        || self.fault == Fault::TellsAnotherPipeline)
                {
                    accepted = facts.status != status;
                    facts.status = status;
                    self.set_facts(state, Some(facts));
                    expected = Some((PIPELINE, String::new()));
                }
            }
        }
        let next = next.filter(|next| usize::from(next.done) < plan.steps.len());
        let operator = if is_former { state.former.as_mut().unwrap() } else { &mut state.leader };
        operator.under_way = next;
        if let Some(expected) = expected {
            let mut all = (*self.expected.get(operator.expected)).clone();
            all.insert(expected);
            operator.expected = self.expected.put(all);
        }
        self.sync(state);
        Ok(accepted)
    }

    /// Whether it was written; none when the pipeline has changed since it was looked at.
    fn write_finalizer(&mut self, state: &mut State, plan: &Plan, wants: bool) -> Option<bool> {
        let Some(mut facts) = self.facts(state) else { return Some(false) };
        if state.actual[PIPELINE] != plan.seen[PIPELINE] || (wants && facts.deleting) {
            return None;
        }
        facts.finalizer = wants;
        let remains = wants || !facts.deleting;
        self.set_facts(state, remains.then_some(facts));
        Some(true)
    }

    fn write(
        &mut self,
        state: &mut State,
        plan: &Plan,
        number: u32,
        index: usize,
        operator: &Operator,
        write: &ObjectWrite,
    ) -> Result<WriteResult, String> {
        let watch = watch_of(write.kind());
        let existing = self.find(&state.actual, watch, write.name());
        let item = existing.map(|id| self.items.get(id).clone());
        let is_same = |uid: &str| {
            item.as_ref().is_some_and(|item| item.uid == uid || self.fault.ignores_uid(write, item))
        };
        Ok(match write {
            ObjectWrite::Create(manifest) => {
                self.create(state, plan, (number, index), existing, manifest, operator)?
            }
            ObjectWrite::CreateCleanup(manifest) => {
                let is_as_seen = state.actual[PIPELINE] == plan.seen[PIPELINE];
                let is_quiet = !self.makers_work(state) || self.fault == Fault::CleansUpBesideWorkers;
                if (is_as_seen || self.fault == Fault::CleansUpFromTheCacheAlone) && is_quiet {
                    self.create(state, plan, (number, index), existing, manifest, operator)?
                } else {
                    Err(WRITE_CONFLICT)
                }
            }
            ObjectWrite::Update { uid, .. } if !is_same(uid) => Err(WRITE_CONFLICT),
            ObjectWrite::Update { manifest, .. } => Ok(self.put(state, (number, index), existing, manifest)),
            ObjectWrite::Stop { uid, .. } if !is_same(uid) => Err(WRITE_CONFLICT),
            ObjectWrite::Stop { kind, .. } => {
                let stopped = stopped_fields(*kind).unwrap();
                let next = self.items.derive(existing.unwrap(), "stop", 0, |body| {
                    for (field, value) in stopped.as_object().unwrap() {
                        body["spec"][field] = value.clone();
                    }
                    body["metadata"]["generation"] = json!(2);
                });
                self.replace(state, existing, Some(next));
                Ok(true)
            }
            ObjectWrite::Delete { uid, .. } if !is_same(uid) => Ok(false),
            ObjectWrite::Delete { .. } => {
                self.may_delete(state, plan, operator, &item.unwrap())?;
                self.replace(state, existing, None);
                Ok(true)
            }
        })
    }

    fn create(
        &mut self,
        state: &mut State,
        plan: &Plan,
        step: (u32, usize),
        existing: Option<u32>,
        manifest: &Manifest,
        operator: &Operator,
    ) -> Result<WriteResult, String> {
        if self.outsides.get(state.outside).namespace_goes {
            return Ok(Err(NAMESPACE_TERMINATING));
        }
        if let Some(id) = existing {
            let item = self.items.get(id).clone();
            let is_ours = item.owner.as_deref() == Some(&uid(plan.facts.incarnation));
            if !is_ours && self.fault != Fault::AdoptsForeignObjects {
                return Ok(Err(NAME_TAKEN));
            }
            if manifest.kind == Kind::Job && item.body["spec"] != manifest.body["spec"] {
                return Ok(Err(INVALID));
            }
            return Ok(Ok(self.put(state, step, existing, manifest)));
        }
        self.may_create(state, plan, manifest, operator)?;
        Ok(Ok(self.put(state, step, None, manifest)))
    }

    /// Applies a manifest. Gives whether anything is different for it.
    fn put(
        &mut self,
        state: &mut State,
        (plan, index): (u32, usize),
        existing: Option<u32>,
        manifest: &Manifest,
    ) -> bool {
        let watch = watch_of(manifest.kind);
        let fresh =
            if existing.is_none() { self.fresh_uid(state, watch, &manifest.name) } else { String::new() };
        let number = fresh.rsplit('/').next().and_then(|it| it.parse().ok()).unwrap_or_default();
        let key = (plan, index, existing, number);
        let next = match self.made.get(&key) {
            Some(known) => *known,
            None => {
                let mut body = manifest.body.clone();
                let before = existing.map(|id| self.items.get(id).clone());
                match &before {
                    Some(before) => {
                        body["metadata"]["uid"] = json!(before.uid);
                        let is_other = body["spec"] != before.body["spec"];
                        let has_status = before.body.get("status").is_some();
                        let generation = &before.body["metadata"]["generation"];
                        body["metadata"]["generation"] =
                            if is_other && has_status { json!(2) } else { generation.clone() };
                        if let Some(status) = before.body.get("status") {
                            body["status"] = status.clone();
                        }
                    }
                    None => {
                        body["metadata"]["uid"] = json!(fresh);
                        body["metadata"]["generation"] = json!(1);
                    }
                }
                let id = self.items.put(watch, body);
                self.made.insert(key, id);
                id
            }
        };
        self.replace(state, existing, Some(next));
        // The API server counts a write that changes nothing as none, but an operator must not make it.
        true
    }

    pub(crate) fn makers_work(&self, state: &State) -> bool {
        let makers = userstream_operator::lifecycle::cleanup::CREATING_COMPONENTS.map(Component::name);
        self.pods(state).any(|pod| makers.contains(&pod.component.as_str()))
    }

    pub(crate) fn pods<'a>(&'a self, state: &State) -> impl Iterator<Item = &'a Item> + use<'a> {
        let pods = (*self.groups.get(state.actual[PODS])).clone();
        pods.into_iter().map(|id| self.items.get(id).as_ref())
    }

    /// What must never be created.
    fn may_create(
        &self,
        state: &State,
        plan: &Plan,
        manifest: &Manifest,
        operator: &Operator,
    ) -> Result<(), String> {
        let component = manifest.body["metadata"]["labels"]["app.kubernetes.io/component"].as_str();
        let name = &manifest.name;
        if manifest.kind == Kind::Job && component == Some("cleanup") {
            let facts = self.facts(state);
            let may = facts.as_ref().is_some_and(|facts| {
                facts.incarnation == plan.facts.incarnation && facts.deleting && facts.spec.deletes
            });
            if !may {
                return Err(format!("{name} deletes data that is to stay: {facts:?}"));
            }
            if self.makers_work(state) {
                return Err(format!("{name} deletes what pods still work with"));
            }
        }
        let watches = 1 << PODS | 1 << DEPLOYMENTS | 1 << CRON_JOBS;
        if component == Some("producer") && operator.stalled & watches == 0 && state.former.is_none() {
            let wants_runs = manifest.kind == Kind::CronJob;
            let others = self.pods(state).find(|pod| {
                pod.component == "producer"
                    && pod.is_well
                    && (pod.body["metadata"]["ownerReferences"][0]["kind"] == "Job") != wants_runs
                    && pod.body["metadata"]["annotations"]["incarnation"]
                        == json!(plan.facts.incarnation.to_string())
            });
            if let Some(other) = others {
                return Err(format!("{name} starts while {} still produces", other.name));
            }
        }
        Ok(())
    }

    /// What must never be deleted.
    fn may_delete(&self, state: &State, plan: &Plan, operator: &Operator, item: &Item) -> Result<(), String> {
        if item.owner.as_deref() != Some(&uid(plan.facts.incarnation)) {
            return Err(format!("{} is deleted, which is not this pipeline's", item.name));
        }
        let facts = self.facts(state).filter(|facts| facts.incarnation == plan.facts.incarnation);
        let Some(facts) = facts.filter(|facts| !facts.deleting) else { return Ok(()) };
        if item.watch == DEPLOYMENTS && item.component == "processor" {
            return Err(format!("{} is deleted although the pipeline stays: {facts:?}", item.name));
        }
        let is_blind = operator.stalled & (1 << PODS) != 0 || state.former.is_some();
        if item.watch == 0 && !is_blind {
            let workloads =
                (1..=DEPLOYMENTS).flat_map(|watch| (*self.groups.get(state.actual[watch])).clone());
            let user =
                workloads.map(|id| self.items.get(id)).find(|user| {
                    user.job == JobPhase::Open
                        && user.owner == item.owner
                        && plan.seen[user.watch] == state.actual[user.watch]
                        && user.config_map.as_ref() == Some(&item.name)
                        && !plan.work.iter().flat_map(|work| &work.writes).any(|write| {
                            matches!(write, ObjectWrite::Delete { .. }) && write.name() == user.name
                        })
                });
            if let Some(user) = user {
                return Err(format!("{} is deleted, which {} still needs", item.name, user.name));
            }
        }
        Ok(())
    }
}
