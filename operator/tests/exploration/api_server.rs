//! What the API server does with the writes of an operator.

use serde_json::json;
use userstream_crds::condition::Reason;
use userstream_crds::names::Component;
use userstream_operator::diff::object_write::ObjectWrite;
use userstream_operator::lifecycle::cleanup::CREATING_COMPONENTS;
use userstream_operator::manifest::Manifest;
use userstream_operator::model::kind::Kind;
use userstream_operator::model::workload::stopped_fields;

use crate::model::{Model, Reconcile, Step};
use crate::mutants::Mutant;
use crate::objects::{Object, PIPELINE, PODS, WATCHES, watch_of};
use crate::specs::{PipelineState, uid};
use crate::state::{InProgress, Operator, State, View};

/// The result of a write: whether anything was written, or the reason of the refusal.
type WriteResult = Result<bool, Reason>;

/// A write of a reconcile in progress.
struct Write<'a> {
    reconcile: &'a Reconcile,
    /// The numbers of the reconcile and of the write.
    number: (u32, usize),
    operator: &'a Operator,
}

impl Model {
    pub(crate) fn find(&self, view: &View, watch: usize, name: &str) -> Option<u32> {
        self.groups.get(view[watch]).iter().copied().find(|id| self.objects.get(*id).name == name)
    }

    /// Replaces an object by a new one. Without an old one the new one is added; without a new one the old one is
    /// removed.
    pub(crate) fn replace(&mut self, state: &mut State, old: Option<u32>, new: Option<u32>) {
        let Some(any) = old.or(new) else { return };
        let watch = self.objects.get(any).watch;
        let mut group = (*self.groups.get(state.actual[watch])).clone();
        group.retain(|id| Some(*id) != old);
        group.extend(new);
        group.sort_unstable();
        state.actual[watch] = self.groups.put(group);
    }

    pub(crate) fn set_pipeline(&mut self, state: &mut State, pipeline: Option<PipelineState>) {
        state.actual[PIPELINE] = self.pipelines.put(pipeline);
    }

    /// The watches that are not stalled show the actual objects.
    pub(crate) fn sync(&mut self, state: &mut State) {
        let leader = &mut state.leader;
        for watch in (0..WATCHES).filter(|watch| leader.stalled & (1 << watch) == 0) {
            leader.observed[watch] = state.actual[watch];
        }
        let leader = state.leader;
        if leader.expected != 0 {
            let mut expected = (*self.expected.get(leader.expected)).clone();
            expected.retain(|(watch, name)| {
                let is_missing = || self.find(&leader.observed, *watch, name).is_none();
                leader.is_stalled(*watch) || (*watch != PIPELINE && is_missing())
            });
            state.leader.expected = self.expected.put(expected);
        }
    }

    /// Carries out the next step of an operator's reconcile. Returns whether anything was written.
    ///
    /// # Errors
    /// With the invariant that the step violates.
    pub(crate) fn step(&mut self, state: &mut State, is_former: bool) -> Result<bool, String> {
        let operator = state.operator(is_former).unwrap();
        let in_progress = operator.in_progress.unwrap();
        let reconcile = self.reconciles[in_progress.reconcile as usize].clone();
        let next = InProgress { done: in_progress.done + 1, ..in_progress };
        let (next, expected, has_written) = match reconcile.steps[in_progress.done as usize] {
            Step::Event => {
                self.environment(state, |environment| environment.given_up = true);
                (Some(next), None, true)
            }
            Step::Finalizer(is_added) => match self.write_finalizer(state, &reconcile, is_added) {
                Some(written) => (Some(next), written.then_some((PIPELINE, String::new())), written),
                None => (None, None, false),
            },
            Step::Write(index) => self.write_step(state, &reconcile, in_progress, index, &operator)?,
            Step::Status => self.write_status(state, &reconcile, in_progress, next),
        };
        let next = next.filter(|next| usize::from(next.done) < reconcile.steps.len());
        let operator = state.operator_mut(is_former);
        operator.in_progress = next;
        if let Some(expected) = expected {
            let mut all = (*self.expected.get(operator.expected)).clone();
            all.insert(expected);
            operator.expected = self.expected.put(all);
        }
        self.sync(state);
        Ok(has_written)
    }

    #[allow(clippy::type_complexity, reason = "the same three results as of every step")]
    fn write_step(
        &mut self,
        state: &mut State,
        reconcile: &Reconcile,
        in_progress: InProgress,
        index: usize,
        operator: &Operator,
    ) -> Result<(Option<InProgress>, Option<(usize, String)>, bool), String> {
        let plan = reconcile.plan.as_ref().unwrap();
        let object_write = &plan.writes[index];
        let write = Write { reconcile, number: (in_progress.reconcile, index), operator };
        let reason = match self.write(state, &write, object_write)? {
            Ok(written) => {
                let is_expected = written && !matches!(object_write, ObjectWrite::Delete { .. });
                let key = || (watch_of(object_write.kind()), object_write.name().to_owned());
                let next = InProgress { done: in_progress.done + 1, ..in_progress };
                return Ok((Some(next), is_expected.then(key), written));
            }
            Err(reason) => reason,
        };
        let is_terminating = reason == Reason::NamespaceTerminating;
        if is_terminating && plan.release_in_terminating_namespace().is_some() {
            self.environment(state, |environment| environment.given_up = true);
            let written = self.write_finalizer(state, reconcile, false) == Some(true);
            return Ok((None, None, written));
        }
        let ends = object_write.is_required_by_next() || is_terminating;
        let done = if ends { reconcile.steps.len() - 1 } else { in_progress.done as usize + 1 };
        let failure = in_progress.failure.or(Some(reason));
        let done = u8::try_from(done).unwrap();
        Ok((Some(InProgress { done, failure, ..in_progress }), None, false))
    }

    fn write_status(
        &mut self,
        state: &mut State,
        reconcile: &Reconcile,
        in_progress: InProgress,
        next: InProgress,
    ) -> (Option<InProgress>, Option<(usize, String)>, bool) {
        let status = self.status_after(in_progress.reconcile, in_progress.failure);
        let ignores_uid = self.mutant == Mutant::WritesStatusOfAnotherPipeline;
        let is_same = |it: &PipelineState| it.incarnation == reconcile.pipeline.incarnation || ignores_uid;
        let pipeline = self.pipeline(state).filter(is_same);
        let Some(mut pipeline) = pipeline.filter(|_| status != reconcile.pipeline.status) else {
            return (Some(next), None, false);
        };
        let written = pipeline.status != status;
        pipeline.status = status;
        self.set_pipeline(state, Some(pipeline));
        (Some(next), Some((PIPELINE, String::new())), written)
    }

    /// Whether the finalizer was written; `None` when the pipeline has changed since the plan.
    fn write_finalizer(&mut self, state: &mut State, reconcile: &Reconcile, is_added: bool) -> Option<bool> {
        let Some(mut pipeline) = self.pipeline(state) else { return Some(false) };
        if state.actual[PIPELINE] != reconcile.view[PIPELINE] || (is_added && pipeline.deleting) {
            return None;
        }
        pipeline.finalizer = is_added;
        let remains = is_added || !pipeline.deleting;
        self.set_pipeline(state, remains.then_some(pipeline));
        Some(true)
    }

    fn write(
        &mut self,
        state: &mut State,
        write: &Write<'_>,
        object_write: &ObjectWrite,
    ) -> Result<WriteResult, String> {
        let existing = self.find(&state.actual, watch_of(object_write.kind()), object_write.name());
        let object = existing.map(|id| self.objects.get(id).clone());
        let is_same = |uid: &str| {
            object
                .as_ref()
                .is_some_and(|object| object.uid == uid || self.mutant.ignores_uid(object_write, object))
        };
        Ok(match object_write {
            ObjectWrite::Create(manifest) => self.create(state, write, existing, manifest)?,
            ObjectWrite::CreateCleanup(manifest) => {
                let is_unchanged = state.actual[PIPELINE] == write.reconcile.view[PIPELINE];
                let is_quiet =
                    !self.creating_pods_run(state) || self.mutant == Mutant::CleansUpBesideRunningPods;
                if (is_unchanged || self.mutant == Mutant::CleansUpFromTheStoresAlone) && is_quiet {
                    self.create(state, write, existing, manifest)?
                } else {
                    Err(Reason::WriteConflict)
                }
            }
            ObjectWrite::Update { uid, .. } | ObjectWrite::Stop { uid, .. } if !is_same(uid) => {
                Err(Reason::WriteConflict)
            }
            ObjectWrite::Update { manifest, .. } => {
                self.put(state, write, existing, manifest);
                Ok(true)
            }
            ObjectWrite::Stop { kind, .. } => {
                self.stop(state, existing.unwrap(), *kind);
                Ok(true)
            }
            ObjectWrite::Delete { uid, .. } if !is_same(uid) => Ok(false),
            ObjectWrite::Delete { .. } => {
                self.check_deletion(state, write.reconcile, write.operator, &object.unwrap())?;
                self.replace(state, existing, None);
                Ok(true)
            }
        })
    }

    fn stop(&mut self, state: &mut State, id: u32, kind: Kind) {
        let stopped = stopped_fields(kind).unwrap();
        let next = self.objects.derive(id, "stop", 0, |body| {
            for (field, value) in stopped.as_object().unwrap() {
                body["spec"][field] = value.clone();
            }
            body["metadata"]["generation"] = json!(2);
        });
        self.replace(state, Some(id), Some(next));
    }

    fn create(
        &mut self,
        state: &mut State,
        write: &Write<'_>,
        existing: Option<u32>,
        manifest: &Manifest,
    ) -> Result<WriteResult, String> {
        if self.environments.get(state.environment).namespace_is_deleted {
            return Ok(Err(Reason::NamespaceTerminating));
        }
        if let Some(id) = existing {
            let object = self.objects.get(id).clone();
            let is_ours = object.owner.as_deref() == Some(&uid(write.reconcile.pipeline.incarnation));
            if !is_ours && self.mutant != Mutant::AdoptsForeignObjects {
                return Ok(Err(Reason::NameTaken));
            }
            if manifest.kind == Kind::Job && object.body["spec"] != manifest.body["spec"] {
                return Ok(Err(Reason::Invalid));
            }
        } else {
            self.check_creation(state, write.reconcile, manifest, write.operator)?;
        }
        self.put(state, write, existing, manifest);
        Ok(Ok(true))
    }

    /// Applies a manifest. Counts as a write even if nothing changes: an operator must not send such a write.
    fn put(&mut self, state: &mut State, write: &Write<'_>, existing: Option<u32>, manifest: &Manifest) {
        let watch = watch_of(manifest.kind);
        let new_uid = match existing {
            None => self.new_uid(state, watch, &manifest.name),
            Some(_) => String::new(),
        };
        let number = new_uid.rsplit('/').next().and_then(|it| it.parse().ok()).unwrap_or_default();
        let (reconcile, index) = write.number;
        let key = (reconcile, index, existing, number);
        let next = match self.written.get(&key) {
            Some(known) => *known,
            None => {
                let before = existing.map(|id| self.objects.get(id).clone());
                let id = self.objects.put(watch, applied_body(manifest, before.as_deref(), &new_uid));
                self.written.insert(key, id);
                id
            }
        };
        self.replace(state, existing, Some(next));
    }

    /// A UID that no operator has observed for another object of this name.
    fn new_uid(&self, state: &State, watch: usize, name: &str) -> String {
        let operators = [Some(&state.leader), state.former.as_ref()].into_iter().flatten();
        let reconciles =
            operators.clone().filter_map(|it| Some(self.reconciles[it.in_progress?.reconcile as usize].view));
        let all: Vec<View> =
            operators.map(|it| it.observed).chain(reconciles).chain([state.actual]).collect();
        let is_used = |uid: &str| {
            all.iter().any(|view| {
                let has_it = |id: &u32| self.objects.get(*id).uid == uid;
                let is_owned = |id: &u32| self.objects.get(*id).owner.as_deref() == Some(uid);
                self.groups.get(view[watch]).iter().any(has_it)
                    || self.groups.get(view[PODS]).iter().any(is_owned)
            })
        };
        (0..9).map(|number| format!("{watch}/{name}/{number}")).find(|uid| !is_used(uid)).unwrap()
    }

    /// Whether pods run that could create again what a cleanup deletes.
    pub(crate) fn creating_pods_run(&self, state: &State) -> bool {
        let components = CREATING_COMPONENTS.map(Component::name);
        self.pods(state).any(|pod| components.contains(&pod.component.as_str()))
    }

    pub(crate) fn pods<'a>(&'a self, state: &State) -> impl Iterator<Item = &'a Object> + use<'a> {
        let pods = (*self.groups.get(state.actual[PODS])).clone();
        pods.into_iter().map(|id| self.objects.get(id).as_ref())
    }
}

/// The body of an applied object. Its generation is another one when its spec is; its status stays.
fn applied_body(manifest: &Manifest, before: Option<&Object>, new_uid: &str) -> serde_json::Value {
    let mut body = manifest.body.clone();
    let Some(before) = before else {
        body["metadata"]["uid"] = json!(new_uid);
        body["metadata"]["generation"] = json!(1);
        return body;
    };
    body["metadata"]["uid"] = json!(before.uid);
    let status = before.body.get("status");
    let has_changed = body["spec"] != before.body["spec"] && status.is_some();
    let generation = &before.body["metadata"]["generation"];
    body["metadata"]["generation"] = if has_changed { json!(2) } else { generation.clone() };
    if let Some(status) = status {
        body["status"] = status.clone();
    }
    body
}
