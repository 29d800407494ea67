//! Mutants: faults in the operator that the model checker has to find.

use std::sync::Arc;

use serde_json::json;
use userstream_operator::diff::object_write::ObjectWrite;
use userstream_operator::manifest::Manifest;
use userstream_operator::model::input::Input;
use userstream_operator::model::kind::Kind;
use userstream_operator::model::observed::Observed;
use userstream_operator::model::owned::OwnedObject;
use userstream_operator::plan::{Decision, Plan, Release};

use crate::objects::Object;

/// A mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// The operator as it is.
    None,
    RunsBeforeProvisioning,
    ProducesBeforeProcessors,
    DeletesByName,
    AdoptsForeignObjects,
    DropsTheLastGoodOnAnInvalidEdit,
    ReleasesBeforeTheCleanup,
    CleansUpFromTheStoresAlone,
    CleansUpBesideRunningPods,
    WritesForEver,
    ForgetsTheFinalizer,
    DeletesReferencedConfigurations,
    WritesStatusOfAnotherPipeline,
    ReportsAnOldGeneration,
    IgnoresSuspendOfAnInvalidSpec,
    TakesWhatAnotherUses,
    IgnoresConsequencesOfChanges,
}

fn deletion(object: &OwnedObject) -> ObjectWrite {
    ObjectWrite::Delete { kind: object.kind, name: object.name.clone(), uid: object.uid.clone() }
}

impl Mutant {
    /// What the operator observes.
    pub(crate) fn observed(self, mut observed: Observed, is_deleting: bool) -> Observed {
        match self {
            Self::RunsBeforeProvisioning => {
                for job in &mut observed.jobs {
                    let done = json!({"conditions": [{"type": "Complete", "status": "True"}]});
                    Arc::make_mut(job).status = Some(serde_json::from_value(done).unwrap());
                }
            }
            Self::ProducesBeforeProcessors => {
                for deployment in &mut observed.deployments {
                    let deployment = Arc::make_mut(deployment);
                    let replicas = deployment.spec.as_ref().unwrap().replicas;
                    let done = json!({"observedGeneration": deployment.metadata.generation, "replicas": replicas,
                        "updatedReplicas": replicas, "availableReplicas": replicas});
                    deployment.status = Some(serde_json::from_value(done).unwrap());
                }
            }
            Self::CleansUpBesideRunningPods if is_deleting => observed.pods.clear(),
            _ => {}
        }
        observed
    }

    /// What it decides.
    pub(crate) fn decided(self, input: &Input<'_>, decision: Decision) -> Decision {
        let Decision::Apply(mut plan) = decision else { return decision };
        let is_deleting = input.resource.metadata.deletion_timestamp.is_some();
        match self {
            Self::DropsTheLastGoodOnAnInvalidEdit if input.validated.is_err() && !is_deleting => {
                plan.writes.extend(input.owned().iter().map(deletion));
            }
            Self::IgnoresSuspendOfAnInvalidSpec if input.validated.is_err() => plan.writes.clear(),
            Self::ReleasesBeforeTheCleanup if is_deleting && plan.writes.is_empty() => {
                return Decision::Release(Release { given_up: None });
            }
            Self::ForgetsTheFinalizer if plan.finalizer == Some(false) => plan.finalizer = None,
            Self::DeletesReferencedConfigurations if !is_deleting => {
                delete_old_configurations(input, &mut plan);
            }
            Self::WritesForEver => update_first_configuration(input, &mut plan),
            _ => {}
        }
        Decision::Apply(plan)
    }

    /// Whether a write also reaches an object with another UID.
    pub(crate) fn ignores_uid(self, write: &ObjectWrite, existing: &Object) -> bool {
        match self {
            Self::DeletesByName => matches!(write, ObjectWrite::Delete { .. }),
            Self::AdoptsForeignObjects => matches!(write, ObjectWrite::Create(_)) && !existing.uid.is_empty(),
            _ => false,
        }
    }
}

fn delete_old_configurations(input: &Input<'_>, plan: &mut Plan) {
    let new = plan.writes.iter().find(|write| write.kind() == Kind::ConfigMap);
    let Some(new) = new.map(|write| write.name().to_owned()) else { return };
    let owned = input.owned();
    let old = owned.iter().filter(|it| it.kind == Kind::ConfigMap && it.name != new);
    plan.writes.extend(old.map(deletion));
}

fn update_first_configuration(input: &Input<'_>, plan: &mut Plan) {
    let owned = input.owned();
    let first = owned.iter().find(|object| object.kind == Kind::ConfigMap);
    plan.writes.extend(first.map(|object| ObjectWrite::Update {
        manifest: Manifest { kind: object.kind, name: object.name.clone(), body: object.body.clone() },
        uid: object.uid.clone(),
    }));
}
