//! Faults that are planted into the operator to see that they are found.

use std::sync::Arc;

use serde_json::json;
use userstream_operator::diff::object_write::ObjectWrite;
use userstream_operator::model::input::Input;
use userstream_operator::model::kind::Kind;
use userstream_operator::model::observed::Observed;
use userstream_operator::plan::Decision;

use crate::objects::Item;

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    WorksBeforeItIsProvisioned,
    ProducesBeforeProcessorsFollow,
    DeletesByName,
    AdoptsForeignObjects,
    LosesTheLastGoodOnAnInvalidEdit,
    LetsGoBeforeTheCleanupHasEnded,
    CleansUpFromTheCacheAlone,
    CleansUpBesideWorkers,
    WritesAtRest,
    ForgetsTheFinalizer,
    DeletesConfigurationsInUse,
    TellsAnotherPipeline,
    TellsNothingNewOfANewGeneration,
    IgnoresSuspendOfAnInvalidSpec,
    TakesWhatAnotherWorksWith,
    DoesNotLookAtWhatItsChangesBring,
}

impl Fault {
    /// What the operator takes for true.
    pub(crate) fn seen(self, mut observed: Observed, is_deleting: bool) -> Observed {
        match self {
            Self::WorksBeforeItIsProvisioned => {
                for job in &mut observed.jobs {
                    let done = json!({"conditions": [{"type": "Complete", "status": "True"}]});
                    Arc::make_mut(job).status = Some(serde_json::from_value(done).unwrap());
                }
            }
            Self::ProducesBeforeProcessorsFollow => {
                for deployment in &mut observed.deployments {
                    let deployment = Arc::make_mut(deployment);
                    let replicas = deployment.spec.as_ref().unwrap().replicas;
                    let done = json!({"observedGeneration": deployment.metadata.generation, "replicas": replicas,
                        "updatedReplicas": replicas, "availableReplicas": replicas});
                    deployment.status = Some(serde_json::from_value(done).unwrap());
                }
            }
            Self::CleansUpBesideWorkers if is_deleting => observed.pods.clear(),
            _ => {}
        }
        observed
    }

    /// What it decides.
    pub(crate) fn decided(self, look: &Input<'_>, decision: Decision) -> Decision {
        let Decision::Apply(mut work) = decision else { return decision };
        let is_deleting = look.resource.metadata.deletion_timestamp.is_some();
        match self {
            Self::LosesTheLastGoodOnAnInvalidEdit if look.validated.is_err() && !is_deleting => {
                work.writes.extend(look.owned().iter().map(|object| ObjectWrite::Delete {
                    kind: object.kind,
                    name: object.name.clone(),
                    uid: object.uid.clone(),
                }));
            }
            Self::IgnoresSuspendOfAnInvalidSpec if look.validated.is_err() => work.writes.clear(),
            Self::LetsGoBeforeTheCleanupHasEnded if is_deleting && work.writes.is_empty() => {
                return Decision::Release(userstream_operator::plan::Release { given_up: None });
            }
            Self::ForgetsTheFinalizer if work.finalizer == Some(false) => work.finalizer = None,
            Self::DeletesConfigurationsInUse if !is_deleting => {
                let wanted = work.writes.iter().find(|write| write.kind() == Kind::ConfigMap);
                if let Some(wanted) = wanted.map(|write| write.name().to_owned()) {
                    let old = look.owned();
                    let old = old.iter().filter(|it| it.kind == Kind::ConfigMap && it.name != wanted);
                    work.writes.extend(old.map(|object| ObjectWrite::Delete {
                        kind: object.kind,
                        name: object.name.clone(),
                        uid: object.uid.clone(),
                    }));
                }
            }
            Self::WritesAtRest => {
                let owned = look.owned();
                let first = owned.iter().find(|object| object.kind == Kind::ConfigMap);
                work.writes.extend(first.map(|object| ObjectWrite::Update {
                    manifest: userstream_operator::manifest::Manifest {
                        kind: object.kind,
                        name: object.name.clone(),
                        body: object.body.clone(),
                    },
                    uid: object.uid.clone(),
                }));
            }
            _ => {}
        }
        Decision::Apply(work)
    }

    /// Whether a write goes to an object of another UID too.
    pub(crate) fn ignores_uid(self, write: &ObjectWrite, existing: &Item) -> bool {
        match self {
            Self::DeletesByName => matches!(write, ObjectWrite::Delete { .. }),
            Self::AdoptsForeignObjects => matches!(write, ObjectWrite::Create(_)) && !existing.uid.is_empty(),
            _ => false,
        }
    }
}
