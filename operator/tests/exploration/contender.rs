//! Another pipeline of the same second that claims the same. Which of the two works is for the operator's own index to
//! say.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use userstream_crds::claims::{Claim, Subject, claims};
use userstream_operator::model::conflict::{Conflict, Precedence};
use userstream_operator::model::pipeline_key::PipelineKey;
use userstream_operator::plan::reservations::Reservations;

use crate::model::World;
use crate::mutants::Fault;
use crate::objects::{CRON_JOBS, DEPLOYMENTS, JOBS, JobPhase, PIPELINE};
use crate::specs::{NAMESPACE, Shape, Spec, born, uid};
use crate::state::{Operator, State};

/// Before every UID of the pipeline: of two that have not begun it goes first.
const UID: &str = "00000000-0000-0000-0000-000000000000";

/// How the other one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Rival {
    #[default]
    Absent,
    /// It is there, and has not begun.
    Waits,
    /// It has its configuration and its workloads.
    Works,
}

/// What the index has of both: whether the pipeline's claims are known, whether it works with them, and how the other
/// one is.
pub(crate) type Known = (bool, bool, Rival);

/// Who is kept from what both claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) ours: bool,
    pub(crate) theirs: bool,
}

fn metadata(uid: &str) -> ObjectMeta {
    ObjectMeta {
        uid: Some(uid.to_owned()),
        name: Some(uid.to_owned()),
        creation_timestamp: Some(Time(born(1))),
        ..ObjectMeta::default()
    }
}

/// What a look is told of a conflict; whose it is makes no difference to what is decided.
pub(crate) fn conflict() -> Conflict {
    let holder = PipelineKey { namespace: NAMESPACE.to_owned(), name: "rival".to_owned() };
    Conflict {
        subject: Subject::Topic("users_created".parse().unwrap()),
        holder,
        precedence: Precedence::Older,
    }
}

impl World {
    /// Who is kept from it, as far as an operator knows.
    pub(crate) fn kept(&mut self, state: &State, operator: &Operator) -> Kept {
        let rival = self.outsides.get(state.outside).rival;
        let facts = (*self.pipelines.get(operator.seen[PIPELINE])).clone();
        let Some(facts) = facts.filter(|_| rival != Rival::Absent) else {
            return Kept { ours: false, theirs: false };
        };
        let own = uid(facts.incarnation);
        let configurations = self.groups.get(operator.seen[0]);
        let works = operator.admitted
            || configurations.iter().any(|id| self.items.get(*id).owner.as_deref() == Some(own.as_str()));
        let known = (Self::is_valid(facts.spec) || works, works, rival);
        if let Some(kept) = self.kept.get(&known) {
            return *kept;
        }
        let parsed = self.spec(Spec::new(Shape::Base));
        let claimed: Vec<Claim> = claims(parsed.1.as_ref().unwrap());
        let mut index = Reservations::default();
        index.declare(&metadata(&own), known.0.then(|| claimed.clone()));
        index.declare(&metadata(UID), Some(claimed.clone()));
        if self.fault != Fault::TakesWhatAnotherWorksWith {
            let used = |works: bool| if works { claimed.clone() } else { Vec::new() };
            index.set_used(&own, Some(used(works)));
            index.set_used(UID, Some(used(rival == Rival::Works)));
        }
        let kept = Kept { ours: index.conflict(&own).is_some(), theirs: index.conflict(UID).is_some() };
        self.kept.insert(known, kept);
        kept
    }

    /// What of the pipeline works, or is about to, with what both claim.
    pub(crate) fn works(&self, state: &State) -> Option<String> {
        let pods = self.pods(state).find(|pod| pod.is_well).map(|pod| pod.name.clone());
        let objects = [JOBS, CRON_JOBS, DEPLOYMENTS].into_iter().flat_map(|watch| self.ids(state, watch));
        let works = |id: &u32| {
            let item = self.items.get(*id);
            item.owner.is_some()
                && match item.watch {
                    JOBS => item.job == JobPhase::Open,
                    CRON_JOBS => !item.is_suspended,
                    _ => item.replicas > 0,
                }
        };
        pods.or_else(|| objects.into_iter().find(works).map(|id| self.items.get(id).name.clone()))
    }
}
