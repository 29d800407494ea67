//! Another pipeline of the same second with the same claims. The operator's own reservations decide which of the two
//! starts.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use userstream_crds::claims::{Claim, Subject, claims};
use userstream_operator::model::conflict::{Conflict, Precedence};
use userstream_operator::model::pipeline_key::PipelineKey;
use userstream_operator::plan::reservations::Reservations;

use crate::model::Model;
use crate::mutants::Mutant;
use crate::objects::{CONFIG_MAPS, CRON_JOBS, DEPLOYMENTS, JOBS, JobPhase, PIPELINE};
use crate::specs::{NAMESPACE, Shape, Spec, created_at, uid};
use crate::state::{Operator, State};

/// Orders before every UID of the pipeline, so that the contender has precedence as long as neither has started.
const UID: &str = "00000000-0000-0000-0000-000000000000";

/// How far the contender is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Contender {
    #[default]
    Absent,
    /// It exists, and has not started.
    Waits,
    /// It has its configuration and its workloads.
    Runs,
}

/// What the reservations contain: whether the pipeline's claims are declared, whether it uses them, and how far the
/// contender is.
pub(crate) type Known = (bool, bool, Contender);

/// Which of the two pipelines has a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conflicts {
    pub(crate) of_pipeline: bool,
    pub(crate) of_contender: bool,
}

fn metadata(uid: &str) -> ObjectMeta {
    ObjectMeta {
        uid: Some(uid.to_owned()),
        name: Some(uid.to_owned()),
        creation_timestamp: Some(Time(created_at(1))),
        ..ObjectMeta::default()
    }
}

/// The conflict of the pipeline. Its subject does not change the decision.
pub(crate) fn conflict() -> Conflict {
    let holder = PipelineKey { namespace: NAMESPACE.to_owned(), name: "contender".to_owned() };
    let subject = Subject::Topic("users_created".parse().unwrap());
    Conflict { subject, holder, precedence: Precedence::Older }
}

impl Model {
    /// The conflicts, as far as an operator knows.
    pub(crate) fn conflicts(&mut self, state: &State, operator: &Operator) -> Conflicts {
        let contender = self.environments.get(state.environment).contender;
        let pipeline = (*self.pipelines.get(operator.observed[PIPELINE])).clone();
        let Some(pipeline) = pipeline.filter(|_| contender != Contender::Absent) else {
            return Conflicts { of_pipeline: false, of_contender: false };
        };
        let own = uid(pipeline.incarnation);
        let configurations = self.groups.get(operator.observed[CONFIG_MAPS]);
        let is_own = |id: &u32| self.objects.get(*id).owner.as_deref() == Some(own.as_str());
        let uses = operator.has_reserved || configurations.iter().any(is_own);
        let known = (pipeline.spec.is_valid() || uses, uses, contender);
        if let Some(conflicts) = self.known_conflicts.get(&known) {
            return *conflicts;
        }
        let conflicts = self.decide_conflicts(&own, known);
        self.known_conflicts.insert(known, conflicts);
        conflicts
    }

    fn decide_conflicts(&mut self, own: &str, (is_declared, uses, contender): Known) -> Conflicts {
        let parsed = self.spec(Spec::new(Shape::Base));
        let claimed: Vec<Claim> = claims(parsed.1.as_ref().unwrap());
        let mut reservations = Reservations::default();
        reservations.declare(&metadata(own), is_declared.then(|| claimed.clone()));
        reservations.declare(&metadata(UID), Some(claimed.clone()));
        if self.mutant != Mutant::TakesWhatAnotherUses {
            let used = |uses: bool| if uses { claimed.clone() } else { Vec::new() };
            reservations.set_used(own, Some(used(uses)));
            reservations.set_used(UID, Some(used(contender == Contender::Runs)));
        }
        Conflicts {
            of_pipeline: reservations.conflict(own).is_some(),
            of_contender: reservations.conflict(UID).is_some(),
        }
    }

    /// A pod or an object of the pipeline that uses its claims, or is about to.
    pub(crate) fn user_of_claims(&self, state: &State) -> Option<String> {
        let pod = self.pods(state).find(|pod| pod.is_well).map(|pod| pod.name.clone());
        let objects = [JOBS, CRON_JOBS, DEPLOYMENTS].into_iter().flat_map(|watch| self.ids(state, watch));
        let runs = |id: &u32| {
            let object = self.objects.get(*id);
            object.owner.is_some()
                && match object.watch {
                    JOBS => object.job == JobPhase::Open,
                    CRON_JOBS => !object.is_suspended,
                    _ => object.replicas > 0,
                }
        };
        pod.or_else(|| objects.into_iter().find(runs).map(|id| self.objects.get(id).name.clone()))
    }
}
