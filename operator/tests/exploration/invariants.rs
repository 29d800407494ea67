//! What must hold in every state, and what must have come about once nothing moves any more.

use userstream_crds::status::Phase;
use userstream_operator::diff::object_write::ObjectWrite;

use crate::actions::Action;
use crate::contender::Rival;
use crate::model::{Step, World};
use crate::mutants::Fault;
use crate::objects::{CRON_JOBS, DEPLOYMENTS, JOBS};
use crate::specs::{Shape, uid};
use crate::state::{State, UnderWay};

impl World {
    /// What a look must never decide on.
    pub(crate) fn check_plan(&self, plan: u32) -> Result<(), String> {
        let plan = &self.plans[plan as usize];
        let writes = plan.work.iter().flat_map(|work| &work.writes).count();
        if plan.facts.paused && !plan.facts.deleting && writes > 0 {
            return Err("objects are written although reconciliation is paused".to_owned());
        }
        Ok(())
    }

    /// A look that creates things and tells of them has foreseen what they look like once they are seen: the operator
    /// does not look again for their sake. So where nothing else happens meanwhile there must be nothing left to do.
    pub(crate) fn check_foreseen(&mut self, state: &State) -> Result<(), String> {
        // The other faults are to be found by what comes of them.
        if !matches!(self.fault, Fault::None | Fault::DoesNotLookAtWhatItsChangesBring) {
            return Ok(());
        }
        let look = Action::Look { former: false };
        let mut after = self.after(state, look)?.0;
        let Some(UnderWay { plan: number, .. }) = after.leader.under_way else { return Ok(()) };
        let plan = self.plans[number as usize].clone();
        let is_foreseen = |step: &Step| match step {
            Step::Status => true,
            Step::Write(index) => {
                matches!(plan.work.as_ref().unwrap().writes[*index], ObjectWrite::Create(_))
                    || self.fault == Fault::DoesNotLookAtWhatItsChangesBring
            }
            Step::Finalizer(_) | Step::Event => false,
        };
        let is_behind = plan.seen != state.actual || state.leader.stalled != 0;
        if is_behind || !plan.steps.iter().all(is_foreseen) || !self.foreseen.insert(number) {
            return Ok(());
        }
        while let Some(UnderWay { done, problem, .. }) = after.leader.under_way {
            if problem != 0 {
                return Ok(());
            }
            after = self.after(&after, Action::Write { former: false, plan: number, step: done })?.0;
        }
        let Some(next) = self.decide(&after, &after.leader.clone()) else { return Ok(()) };
        let told = self.facts(&after).map_or(0, |facts| facts.status);
        let (told, then) = (&self.told[told as usize].status.clone(), self.status_after(next, 0));
        let (next, then) = (&self.plans[next as usize], &self.told[then as usize].status);
        let writes = next.work.as_ref().map(|work| &work.writes);
        Err(format!(
            "a look has not foreseen what it takes another to find: {:?} of {writes:?}\ntold: {told:?}\nthen: {then:?}",
            next.steps
        ))
    }

    /// What must never be.
    pub(crate) fn check(&mut self, state: &State) -> Result<(), String> {
        let outside = self.outsides.get(state.outside);
        for (name, id) in &outside.foreign {
            if !self.ids(state, DEPLOYMENTS).contains(id) {
                return Err(format!("{name}, which is somebody else's, was touched"));
            }
        }
        for watch in [JOBS, CRON_JOBS, DEPLOYMENTS] {
            for id in self.ids(state, watch) {
                let item = self.items.get(id);
                let Some(configuration) = item.configuration.as_ref().filter(|_| item.owner.is_some()) else {
                    continue;
                };
                let works = matches!(item.component.as_str(), "processor" | "producer" | "run");
                if works && !outside.provisioned.contains(configuration) {
                    return Err(format!(
                        "{} works with {configuration}, which is not provisioned",
                        item.name
                    ));
                }
                let produces = matches!(item.component.as_str(), "producer" | "run");
                if produces && !outside.rolled_out.contains(configuration) {
                    return Err(format!(
                        "{} produces for {configuration}, which no processor has had",
                        item.name
                    ));
                }
            }
        }
        if outside.rival == Rival::Works
            && let Some(ours) = self.works(state)
        {
            return Err(format!("{ours} works beside another pipeline that has what both claim"));
        }
        let Some(facts) = self.facts(state) else { return Ok(()) };
        let told = &self.told[facts.status as usize];
        let (is_ready, observed) = (told.is_ready, told.status.observed_generation);
        if observed > Some(facts.generation.into()) {
            return Err(format!("the status is of generation {observed:?}, which is none of {facts:?}"));
        }
        let is_current = observed == Some(facts.generation.into());
        if is_ready && is_current && !facts.spec.suspend && !facts.paused {
            let wanted = self.wanted(facts.spec, facts.incarnation);
            let is_there = wanted.is_some_and(|hash| {
                outside.provisioned.contains(&hash) && outside.rolled_out.contains(&hash)
            });
            if !is_there {
                return Err("the status says Ready for a generation that has not come about".to_owned());
            }
        }
        Ok(())
    }

    /// What must have come about in a state in which nothing moves.
    pub(crate) fn check_rest(&mut self, state: &State) -> Result<(), String> {
        let outside = self.outsides.get(state.outside);
        let Some(facts) = self.facts(state) else {
            let left: Vec<String> = (0..crate::objects::PIPELINE)
                .flat_map(|watch| self.ids(state, watch))
                .filter(|id| self.items.get(*id).owner.is_some())
                .map(|id| self.items.get(id).name.clone())
                .collect();
            if !left.is_empty() {
                return Err(format!("{left:?} are left of a deleted pipeline"));
            }
            if outside.owes && !outside.given_up {
                return Err("the pipeline is gone, and what it was to delete is not".to_owned());
            }
            return Ok(());
        };
        let wrong = |what: &str| Err(format!("it rests and {what}: {facts:?}"));
        if facts.deleting {
            return wrong("is not deleted");
        }
        let told = self.told[facts.status as usize].clone();
        if facts.paused {
            return Ok(());
        }
        if told.status.observed_generation != Some(facts.generation.into()) {
            return wrong("its status is of another generation");
        }
        let working: Vec<String> = [CRON_JOBS, DEPLOYMENTS]
            .into_iter()
            .flat_map(|watch| self.ids(state, watch))
            .map(|id| self.items.get(id).clone())
            .filter(|item| item.owner.as_deref() == Some(&uid(facts.incarnation)))
            .filter(|item| if item.watch == CRON_JOBS { !item.is_suspended } else { item.replicas > 0 })
            .map(|item| item.name.clone())
            .collect();
        if facts.spec.suspend {
            let pods = self
                .pods(state)
                .any(|pod| matches!(pod.component.as_str(), "processor" | "producer") && pod.is_well);
            return if working.is_empty() && !pods && self.phase(&facts) == Some(Phase::Suspended) {
                Ok(())
            } else {
                wrong(&format!("{working:?} work although it is suspended, {:?}", self.phase(&facts)))
            };
        }
        if !Self::is_valid(facts.spec) {
            return if told.is_stalled && told.reason == "Invalid" {
                Ok(())
            } else {
                wrong("does not say Invalid")
            };
        }
        if outside.rival == Rival::Works {
            return if told.reason == "Conflict" { Ok(()) } else { wrong("does not say Conflict") };
        }
        if facts.finalizer != facts.spec.deletes {
            return wrong("has a finalizer without a reason, or none with one");
        }
        if !outside.foreign.is_empty() && told.reason == "NameTaken" {
            return Ok(());
        }
        if facts.spec.shape == Shape::Plan {
            return if told.reason == "Planned" { Ok(()) } else { wrong("has no plan") };
        }
        if !told.is_ready || self.phase(&facts) != Some(Phase::Running) {
            return wrong(&format!("does not run, {:#?}", told.status.conditions));
        }
        let wanted = self.wanted(facts.spec, facts.incarnation);
        for watch in [CRON_JOBS, DEPLOYMENTS] {
            for id in self.ids(state, watch) {
                let item = self.items.get(id);
                if item.owner.is_some() && item.configuration != wanted {
                    return wrong(&format!("{} runs with another configuration", item.name));
                }
            }
        }
        let workloads = usize::from(facts.spec.shape != Shape::NoSource) + 1;
        if working.len() != workloads {
            return wrong(&format!("{working:?} work"));
        }
        for id in self.ids(state, JOBS) {
            let job = self.items.get(id);
            if matches!(job.component.as_str(), "cleanup" | "plan")
                || job.job == crate::objects::JobPhase::Open
            {
                return wrong(&format!("{} is left", job.name));
            }
        }
        let configurations = self.ids(state, 0).len();
        if configurations != 1 && self.fault == Fault::None {
            return wrong(&format!("has {configurations} configurations"));
        }
        Ok(())
    }
}
