//! Everything that can happen next: the operators' writes, what the cluster does, what people do, and what goes wrong.

use serde_json::json;
use userstream_crds::names::Component;

use crate::contender::Rival;
use crate::model::{Step, World};
use crate::objects::{CRON_JOBS, DEPLOYMENTS, Item, JOBS, JobPhase, PIPELINE, PODS, WATCH_NAMES, WATCHES};
use crate::specs::{Facts, NAMESPACE, Spec, born};
use crate::state::{Operator, Outside, State, UnderWay};

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Look { former: bool },
    Write { former: bool, plan: u32, step: u8 },
    Crash,
    TakeOver,
    FormerEnds,
    WatchStalls(usize),
    WatchGoesOn(usize),
    TenSecondsPass,
    DeadlinePasses,
    JobStarts(u32),
    AttemptFails(u32),
    JobSucceeds(u32),
    JobFails(u32),
    RolloutStarts(u32),
    RolloutEnds(u32),
    PodIsLost(u32),
    PodEnds(u32),
    ScheduleRuns(u32),
    GarbageIsCollected(usize),
    Edit(Spec),
    Pause(bool),
    Delete,
    Recreate(Spec),
    SomebodyDeletes(u32),
    SomebodyChanges(u32),
    SomebodyCreates(&'static str),
    NamespaceGoes,
    RivalIsCreated,
    RivalBegins,
    RivalGoes,
}

/// What people do in a story, and what goes wrong in it.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) name: &'static str,
    pub(crate) begins: Spec,
    /// Whether it begins with a pipeline that runs.
    pub(crate) runs: bool,
    pub(crate) specs: Vec<Spec>,
    pub(crate) edits: u8,
    pub(crate) faults: u8,
    pub(crate) deletes: bool,
    pub(crate) recreates: bool,
    pub(crate) pauses: bool,
    pub(crate) meddles: bool,
    pub(crate) foreign: bool,
    pub(crate) namespace_goes: bool,
    /// Whether another pipeline claims the same.
    pub(crate) rival: bool,
    /// Which of all that people can do and that can go wrong does happen.
    pub(crate) may: fn(Action) -> bool,
}

fn owned_by(item: &Item, uid: &str) -> bool {
    item.owner.as_deref() == Some(uid)
}

impl World {
    pub(crate) fn ids(&self, state: &State, watch: usize) -> Vec<u32> {
        (*self.groups.get(state.actual[watch])).clone()
    }

    pub(crate) fn outside(&mut self, state: &mut State, change: impl FnOnce(&mut Outside)) {
        let mut outside = (*self.outsides.get(state.outside)).clone();
        change(&mut outside);
        state.outside = self.outsides.put(outside);
    }

    fn pods_of(&self, state: &State, owner: &Item) -> Vec<u32> {
        let mut pods = self.ids(state, PODS);
        pods.retain(|id| owned_by(self.items.get(*id), &owner.uid));
        pods
    }

    fn has_configuration(&self, state: &State, item: &Item) -> bool {
        item.config_map.as_ref().is_some_and(|name| self.find(&state.actual, 0, name).is_some())
    }

    /// Makes a pod of what has a template.
    fn pod(&mut self, state: &State, owner: u32, index: u8, kind: &'static str) -> u32 {
        let incarnation = self.outsides.get(state.outside).newest;
        let parameter = index + 10 * incarnation + if kind == "Job" { 100 } else { 0 };
        self.items.child(owner, "pod", parameter, PODS, |owner| {
            let template = &owner.body["spec"]["template"];
            let configuration = owner.configuration.clone().unwrap_or_default();
            let name = format!("{}-{configuration}-{index}", owner.name);
            let mut annotations = template["metadata"]["annotations"].clone();
            annotations["incarnation"] = json!(incarnation.to_string());
            json!({
                "metadata": {
                    "name": name, "namespace": NAMESPACE, "uid": format!("pod {name}"),
                    "labels": template["metadata"]["labels"], "annotations": annotations,
                    "creationTimestamp": born(incarnation),
                    "ownerReferences": [{"apiVersion": "v1", "kind": kind, "name": owner.name, "uid": owner.uid, "controller": true}],
                },
                "spec": template["spec"],
                "status": {"phase": "Running"},
            })
        })
    }

    fn ended_pod(&mut self, pod: u32, exit_code: i32, partitions: u32, is_last: bool) -> u32 {
        let parameter = u8::from(is_last) + 2 * u8::try_from(partitions).unwrap();
        self.items.derive(pod, "end", parameter, |body| {
            let report = json!({
                "outcome": "Ok", "message": if exit_code == 0 { "" } else { "no broker answers" }, "mode": "Apply",
                "topic": {"name": "users_created", "topicId": "AAAA", "partitions": partitions, "replicas": 1},
                "table": {"keyspace": "spark_streams", "name": "created_users", "tableId": "1-2"},
            });
            let report = if exit_code == 0 { report } else { json!({"message": "no broker answers"}) };
            let ended = json!({"terminated": {"exitCode": exit_code, "message": report.to_string(), "finishedAt": "2027-01-01T00:00:00Z"}});
            let status = if is_last {
                body["status"]["phase"] = json!(if exit_code == 0 { "Succeeded" } else { "Failed" });
                json!({"name": "worker", "state": ended})
            } else {
                json!({"name": "worker", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ended})
            };
            body["status"]["containerStatuses"] = json!([status]);
        })
    }

    fn end_job(&mut self, state: &mut State, job: u32, succeeds: bool) {
        let item = self.items.get(job).clone();
        let outside = self.outsides.get(state.outside);
        // Its pod has read the configuration, which may be gone since.
        let spec_partitions = item.config_map.as_ref().and_then(|name| self.items.once(0, name)).map_or(
            outside.partitions,
            |it| {
                let text = it.body["data"]["worker.json"].as_str().unwrap();
                if text.contains("\"partitions\":6") { 6 } else { 3 }
            },
        );
        let partitions = outside.partitions.max(spec_partitions);
        for pod in self.pods_of(state, &item) {
            let ended = self.ended_pod(pod, if succeeds { 0 } else { 69 }, partitions, true);
            self.replace(state, Some(pod), Some(ended));
        }
        let condition = if succeeds { "Complete" } else { "Failed" };
        let next = self.items.derive(job, condition, 0, |body| {
            body["status"] = json!({"conditions": [{"type": condition, "status": "True"}]});
        });
        self.replace(state, Some(job), Some(next));
        if !succeeds {
            return;
        }
        let configuration = item.configuration.clone().unwrap_or_default();
        let living = self.facts(state).map_or(0, |facts| facts.incarnation);
        self.outside(state, |outside| match item.component.as_str() {
            "provision" => {
                outside.provisioned.insert(configuration);
                outside.partitions = partitions;
                outside.has_data = living.max(outside.has_data);
            }
            "cleanup" => {
                outside.has_data = 0;
                outside.owes = false;
            }
            _ => {}
        });
    }

    fn start_rollout(&mut self, state: &mut State, id: u32) {
        let deployment = self.items.get(id).clone();
        let recreates = deployment.body["spec"]["strategy"]["type"] == "Recreate";
        if recreates || deployment.replicas == 0 {
            for pod in self.pods_of(state, &deployment) {
                self.replace(state, Some(pod), None);
            }
        }
        let mut count = 0;
        for index in 0..u8::try_from(deployment.replicas).unwrap() {
            let pod = self.pod(state, id, index, "ReplicaSet");
            self.replace(state, Some(pod), Some(pod));
            count += 1;
        }
        let replicas = self.pods_of(state, &deployment).len();
        let next = self.items.derive(id, "start", u8::try_from(replicas).unwrap(), |body| {
            body["metadata"]["generation"] = json!(1);
            body["status"] = json!({"observedGeneration": 1, "replicas": replicas, "updatedReplicas": count, "availableReplicas": 0});
        });
        self.replace(state, Some(id), Some(next));
    }

    fn end_rollout(&mut self, state: &mut State, id: u32) {
        let deployment = self.items.get(id).clone();
        let wanted: Vec<u32> = (0..u8::try_from(deployment.replicas).unwrap())
            .map(|index| self.pod(state, id, index, "ReplicaSet"))
            .collect();
        for pod in self.pods_of(state, &deployment) {
            self.replace(state, Some(pod), None);
        }
        for pod in wanted {
            self.replace(state, None, Some(pod));
        }
        let replicas = deployment.replicas;
        let next = self.items.derive(id, "done", 0, |body| {
            body["metadata"]["generation"] = json!(1);
            body["status"] = json!({"observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas,
                "readyReplicas": replicas, "availableReplicas": replicas});
        });
        self.replace(state, Some(id), Some(next));
        if deployment.component == Component::Processor.name() {
            let configuration = deployment.configuration.clone().unwrap_or_default();
            self.outside(state, |outside| {
                outside.rolled_out.insert(configuration);
            });
        }
    }

    fn has_owner(&self, state: &State, item: &Item) -> bool {
        let Some(owner) = &item.owner else { return true };
        if item.incarnation.is_some() {
            return self.facts(state).map(|facts| facts.incarnation) == item.incarnation;
        }
        let owners = [JOBS, CRON_JOBS, DEPLOYMENTS].into_iter().flat_map(|watch| self.ids(state, watch));
        owners.into_iter().any(|id| self.items.get(id).uid == *owner)
    }

    /// What the cluster itself can do next.
    pub(crate) fn cluster_actions(&self, state: &State) -> Vec<Action> {
        let mut all = Vec::new();
        for watch in 0..PODS {
            let is_garbage = |id: &u32| !self.has_owner(state, self.items.get(*id));
            if self.ids(state, watch).iter().any(is_garbage) {
                all.push(Action::GarbageIsCollected(watch));
            }
        }
        for id in self.ids(state, PODS) {
            if !self.has_owner(state, self.items.get(id)) {
                all.push(Action::PodEnds(id));
            }
        }
        for id in self.ids(state, JOBS) {
            let job = self.items.get(id);
            if job.job != JobPhase::Open || job.owner.is_none() {
                continue;
            }
            if self.pods_of(state, job).is_empty() {
                if self.has_configuration(state, job) {
                    all.push(Action::JobStarts(id));
                }
            } else {
                all.push(Action::JobSucceeds(id));
            }
        }
        for id in self.ids(state, DEPLOYMENTS) {
            let deployment = self.items.get(id);
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

    /// What can go wrong next, and what people can do.
    fn disturbances(&self, state: &State, story: &Story) -> Vec<Action> {
        let mut all = Vec::new();
        let facts = self.facts(state);
        if state.edits > 0 {
            if let Some(facts) = &facts {
                let others = story.specs.iter().filter(|spec| **spec != facts.spec);
                all.extend(others.map(|spec| Action::Edit(*spec)));
                if story.pauses {
                    all.push(Action::Pause(!facts.paused));
                }
                if story.deletes && !facts.deleting {
                    all.push(Action::Delete);
                }
            } else if story.recreates && self.outsides.get(state.outside).newest < 2 {
                all.push(Action::Recreate(story.begins));
            }
        }
        if story.rival && state.edits > 0 {
            let rival = self.outsides.get(state.outside).rival;
            all.push(if rival == Rival::Absent { Action::RivalIsCreated } else { Action::RivalGoes });
        }
        if state.faults == 0 {
            return all;
        }
        all.extend(state.leader.under_way.map(|_| Action::Crash));
        if state.former.is_none() {
            all.push(Action::TakeOver);
        }
        let moving = (0..WATCHES).filter(|watch| state.leader.stalled & (1 << watch) == 0);
        all.extend(moving.map(Action::WatchStalls));
        for id in self.ids(state, JOBS) {
            let job = self.items.get(id);
            let pods = self.pods_of(state, job);
            let has_failed = pods.iter().any(|pod| self.items.get(*pod).has_failed_before);
            if job.job == JobPhase::Open && job.owner.is_some() && !pods.is_empty() && !has_failed {
                all.push(Action::AttemptFails(id));
                if matches!(job.component.as_str(), "run" | "cleanup") {
                    all.push(Action::JobFails(id));
                }
            }
        }
        for id in self.ids(state, DEPLOYMENTS) {
            let deployment = self.items.get(id);
            if deployment.owner.is_some() && deployment.is_well && deployment.replicas > 0 {
                all.push(Action::PodIsLost(id));
                if story.meddles {
                    all.push(Action::SomebodyChanges(id));
                }
            }
        }
        for id in self.ids(state, CRON_JOBS) {
            let cron_job = self.items.get(id);
            let runs = self.outsides.get(state.outside).runs;
            if !cron_job.is_suspended && runs == 0 && self.has_configuration(state, cron_job) {
                all.push(Action::ScheduleRuns(id));
            }
        }
        if story.meddles {
            let owned = (0..PODS).flat_map(|watch| self.ids(state, watch));
            all.extend(owned.filter(|id| self.items.get(*id).owner.is_some()).map(Action::SomebodyDeletes));
        }
        if story.foreign && self.outsides.get(state.outside).foreign.is_empty() {
            let names = ["users-processor", "users-producer"];
            let free = names.into_iter().filter(|name| self.find(&state.actual, DEPLOYMENTS, name).is_none());
            all.extend(free.map(Action::SomebodyCreates));
        }
        if story.namespace_goes && facts.is_some() && !self.outsides.get(state.outside).namespace_goes {
            all.push(Action::NamespaceGoes);
        }
        if facts.is_some_and(|facts| facts.deleting) && !self.outsides.get(state.outside).is_late {
            all.push(Action::DeadlinePasses);
        }
        all
    }

    fn rival_may_begin(&mut self, state: &State) -> bool {
        let waits = self.outsides.get(state.outside).rival == Rival::Waits;
        waits && !self.kept(state, &state.leader).theirs
    }

    fn operator_actions(&mut self, state: &State) -> Vec<Action> {
        let mut all = Vec::new();
        for (former, operator) in [(false, Some(state.leader)), (true, state.former)] {
            let Some(operator) = operator else { continue };
            match operator.under_way {
                Some(UnderWay { plan, done, .. }) => {
                    all.push(Action::Write { former, plan, step: done });
                }
                None if self.decide(state, &operator).is_some() => all.push(Action::Look { former }),
                None => {}
            }
        }
        if state.former.is_some() {
            all.push(Action::FormerEnds);
        }
        if self.rival_may_begin(state) {
            all.push(Action::RivalBegins);
        }
        let stalled = (0..WATCHES).filter(|watch| state.leader.stalled & (1 << watch) != 0);
        all.extend(stalled.map(Action::WatchGoesOn));
        if state.leader.stalled == 0 && state.leader.expected != 0 {
            all.push(Action::TenSecondsPass);
        }
        all
    }

    /// Everything that can happen next.
    pub(crate) fn actions(&mut self, state: &State, story: &Story) -> Vec<Action> {
        let mut all = self.operator_actions(state);
        all.extend(self.cluster_actions(state));
        all.extend(self.disturbances(state, story).into_iter().filter(|action| (story.may)(*action)));
        all
    }

    /// What happens next when all goes well: the first of everything that is not a disturbance.
    pub(crate) fn next_when_all_goes_well(&mut self, state: &State) -> Option<Action> {
        if state.former.is_some() {
            return Some(Action::FormerEnds);
        }
        if let Some(watch) = (0..WATCHES).find(|watch| state.leader.stalled & (1 << watch) != 0) {
            return Some(Action::WatchGoesOn(watch));
        }
        if let Some(UnderWay { plan, done, .. }) = state.leader.under_way {
            return Some(Action::Write { former: false, plan, step: done });
        }
        if let Some(action) = self.cluster_actions(state).into_iter().next() {
            return Some(action);
        }
        if state.leader.expected != 0 {
            return Some(Action::TenSecondsPass);
        }
        if self.rival_may_begin(state) {
            return Some(Action::RivalBegins);
        }
        self.decide(state, &state.leader).map(|_| Action::Look { former: false })
    }

    /// The state after an action, or what must never be. `Ok(true)` with it when an operator wrote.
    pub(crate) fn after(&mut self, before: &State, action: Action) -> Result<(State, bool), String> {
        let mut state = *before;
        let mut wrote = false;
        match action {
            Action::Look { former } => {
                let operator = if former { before.former.unwrap() } else { before.leader };
                let plan = self.decide(before, &operator).unwrap();
                self.check_plan(plan)?;
                let admits = self.plans[plan as usize].admits();
                let operator = if former { state.former.as_mut().unwrap() } else { &mut state.leader };
                operator.under_way = Some(UnderWay { plan, done: 0, problem: 0 });
                operator.expected = 0;
                operator.admitted |= admits;
            }
            Action::Write { former, .. } => wrote = self.step(&mut state, former)?,
            Action::Crash => {
                state.faults -= 1;
                state.leader = Operator::started(state.actual);
            }
            Action::TakeOver => {
                state.faults -= 1;
                state.former = Some(Operator { stalled: (1 << WATCHES) - 1, ..state.leader });
                state.leader = Operator::started(state.actual);
            }
            Action::FormerEnds => state.former = None,
            Action::WatchStalls(watch) => {
                state.faults -= 1;
                state.leader.stalled |= 1 << watch;
            }
            Action::WatchGoesOn(watch) => state.leader.stalled &= !(1 << watch),
            Action::TenSecondsPass => {
                if !self.has_seen_its_writes(&state.leader, true) {
                    return Err("writes are waited for, for ever".to_owned());
                }
                state.leader.expected = 0;
            }
            Action::DeadlinePasses => {
                state.faults -= 1;
                self.outside(&mut state, |outside| outside.is_late = true);
            }
            Action::JobStarts(id) => {
                let pod = self.pod(before, id, 0, "Job");
                self.replace(&mut state, None, Some(pod));
            }
            Action::AttemptFails(id) => {
                state.faults -= 1;
                for pod in self.pods_of(before, &self.items.get(id).clone()) {
                    let ended = self.ended_pod(pod, 69, 3, false);
                    self.replace(&mut state, Some(pod), Some(ended));
                }
            }
            Action::JobSucceeds(id) => self.end_job(&mut state, id, true),
            Action::JobFails(id) => {
                state.faults -= 1;
                self.end_job(&mut state, id, false);
            }
            Action::RolloutStarts(id) if self.items.get(id).replicas == 0 => self.end_rollout(&mut state, id),
            Action::RolloutStarts(id) => self.start_rollout(&mut state, id),
            Action::RolloutEnds(id) => self.end_rollout(&mut state, id),
            Action::PodIsLost(id) => {
                state.faults -= 1;
                let pod = self.pods_of(before, &self.items.get(id).clone()).into_iter().next();
                self.replace(&mut state, pod, None);
                let next = self.items.derive(id, "lost", 0, |body| {
                    body["status"]["availableReplicas"] = json!(0);
                    body["status"]["updatedReplicas"] = json!(0);
                    body["status"]["replicas"] = json!(0);
                });
                self.replace(&mut state, Some(id), Some(next));
            }
            Action::PodEnds(id) => self.replace(&mut state, Some(id), None),
            Action::ScheduleRuns(id) => {
                state.faults -= 1;
                self.outside(&mut state, |outside| outside.runs = 1);
                let job = self.items.child(id, "run", 0, JOBS, |cron_job| {
                    let template = &cron_job.body["spec"]["jobTemplate"];
                    json!({"apiVersion": "batch/v1", "kind": "Job",
                        "metadata": {"name": format!("{}-1", cron_job.name), "namespace": NAMESPACE,
                            "uid": format!("run of {}", cron_job.uid), "labels": template["metadata"]["labels"],
                            "ownerReferences": [{"apiVersion": "batch/v1", "kind": "CronJob", "name": cron_job.name,
                                "uid": cron_job.uid, "controller": true}]},
                        "spec": template["spec"]})
                });
                self.replace(&mut state, None, Some(job));
            }
            Action::GarbageIsCollected(watch) => {
                for id in self.ids(before, watch) {
                    if !self.has_owner(before, self.items.get(id)) {
                        self.replace(&mut state, Some(id), None);
                    }
                }
            }
            Action::Edit(spec) => {
                state.edits -= 1;
                let facts = self.facts(before).unwrap();
                let generation = facts.generation + 1;
                self.set_facts(&mut state, Some(Facts { spec, generation, ..facts }));
                self.outside(&mut state, |outside| outside.owes &= spec.deletes);
            }
            Action::Pause(paused) => {
                state.edits -= 1;
                let facts = self.facts(before).unwrap();
                self.set_facts(&mut state, Some(Facts { paused, ..facts }));
            }
            Action::Delete => {
                state.edits -= 1;
                self.delete_pipeline(&mut state);
            }
            Action::Recreate(spec) => {
                state.edits -= 1;
                let facts = new_pipeline(2, spec);
                self.set_facts(&mut state, Some(facts));
                self.outside(&mut state, |outside| {
                    outside.newest = 2;
                    (outside.is_late, outside.given_up, outside.owes) = (false, false, false);
                });
            }
            Action::SomebodyDeletes(id) => {
                state.faults -= 1;
                self.replace(&mut state, Some(id), None);
            }
            Action::SomebodyChanges(id) => {
                state.faults -= 1;
                let next = self.items.derive(id, "drift", 0, |body| {
                    body["spec"]["template"]["spec"]["containers"][0]["image"] = json!("foreign");
                    body["metadata"]["generation"] = json!(2);
                });
                self.replace(&mut state, Some(id), Some(next));
            }
            Action::SomebodyCreates(name) => {
                state.faults -= 1;
                let body = json!({"apiVersion": "apps/v1", "kind": "Deployment",
                    "metadata": {"name": name, "namespace": NAMESPACE, "uid": "foreign", "generation": 1},
                    "spec": {"replicas": 1, "selector": {}, "template": {}}});
                let id = self.items.put(DEPLOYMENTS, body);
                self.replace(&mut state, None, Some(id));
                self.outside(&mut state, |outside| {
                    outside.foreign.insert(name.to_owned(), id);
                });
            }
            Action::NamespaceGoes => {
                state.faults -= 1;
                self.outside(&mut state, |outside| outside.namespace_goes = true);
                self.delete_pipeline(&mut state);
            }
            Action::RivalIsCreated => {
                state.edits -= 1;
                self.outside(&mut state, |outside| outside.rival = Rival::Waits);
            }
            Action::RivalBegins => self.outside(&mut state, |outside| outside.rival = Rival::Works),
            Action::RivalGoes => {
                state.edits -= 1;
                self.outside(&mut state, |outside| outside.rival = Rival::Absent);
            }
        }
        self.sync(&mut state);
        self.check(&state)?;
        Ok((state, wrote))
    }

    fn delete_pipeline(&mut self, state: &mut State) {
        let Some(facts) = self.facts(state) else { return };
        if facts.deleting {
            return;
        }
        let has_data = self.outsides.get(state.outside).has_data == facts.incarnation;
        if facts.finalizer {
            let owes = facts.spec.deletes && has_data;
            self.set_facts(state, Some(Facts { deleting: true, ..facts }));
            self.outside(state, |outside| outside.owes = owes);
        } else {
            self.set_facts(state, None);
        }
    }

    pub(crate) fn beginning(&mut self, story: &Story) -> State {
        let mut actual = [0; WATCHES];
        actual[PIPELINE] = self.pipelines.put(Some(new_pipeline(1, story.begins)));
        let outside = Outside { partitions: 3, newest: 1, ..Outside::default() };
        let outside = self.outsides.put(outside);
        let leader = Operator::started(actual);
        let (edits, faults) = (story.edits, story.faults);
        State { actual, leader, former: None, outside, edits, faults }
    }

    /// An action in words.
    pub(crate) fn words(&self, action: Action) -> String {
        let name = |id: u32| &self.items.get(id).name;
        match action {
            Action::Look { former } => format!("{} looks", operator(former)),
            Action::Write { former, plan, step } => {
                let plan = &self.plans[plan as usize];
                let what = match plan.steps[step as usize] {
                    Step::Write(index) => {
                        let write = &plan.work.as_ref().unwrap().writes[index];
                        let verb = format!("{write:?}");
                        let verb = verb.split([' ', '(']).next().unwrap_or_default().to_lowercase();
                        format!("{verb} {} {}", write.kind().name(), write.name())
                    }
                    step => format!("{step:?}"),
                };
                format!("{} writes: {what}", operator(former))
            }
            Action::WatchStalls(watch) => format!("the watch of {} stalls", WATCH_NAMES[watch]),
            Action::WatchGoesOn(watch) => format!("the watch of {} goes on", WATCH_NAMES[watch]),
            Action::GarbageIsCollected(watch) => format!("garbage among {} is collected", WATCH_NAMES[watch]),
            Action::JobStarts(id) => format!("Job {} starts", name(id)),
            Action::AttemptFails(id) => format!("an attempt of Job {} fails", name(id)),
            Action::JobSucceeds(id) => format!("Job {} succeeds", name(id)),
            Action::JobFails(id) => format!("Job {} fails", name(id)),
            Action::RolloutStarts(id) => format!("the rollout of {} starts", name(id)),
            Action::RolloutEnds(id) => format!("the rollout of {} ends", name(id)),
            Action::PodIsLost(id) => format!("a pod of {} is lost", name(id)),
            Action::PodEnds(id) => format!("pod {} ends", name(id)),
            Action::ScheduleRuns(id) => format!("{} starts a run", name(id)),
            Action::SomebodyDeletes(id) => format!("somebody deletes {}", name(id)),
            Action::SomebodyChanges(id) => format!("somebody changes {}", name(id)),
            other => format!("{other:?}"),
        }
    }
}

fn operator(former: bool) -> &'static str {
    if former { "the former leader" } else { "the operator" }
}

fn new_pipeline(incarnation: u8, spec: Spec) -> Facts {
    Facts { incarnation, spec, generation: 1, paused: false, deleting: false, finalizer: false, status: 0 }
}
