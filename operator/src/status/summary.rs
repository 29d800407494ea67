//! From the facets of a pipeline to what sums it up: Ready, Reconciling, Stalled, and the phase.

use userstream_crds::names::Component;
use userstream_crds::status::Phase;

use super::ApplyFailure;
use super::components as facets;
use super::condition::{ConditionStatus, Type, Verdict};
use crate::lifecycle::rollout::{Revision, RolloutPlan, ValidInput};
use crate::model::job_state::JobState;
use crate::model::names::Names;

/// The conditions of a pipeline that was reconciled, as far as it could be.
pub(super) fn reconciled(
    situation: &ValidInput<'_>,
    steps: &RolloutPlan,
    problem: Option<&ApplyFailure>,
) -> Vec<Verdict> {
    let mut facets = facets::provisioned(situation, steps);
    facets.push(facets::processor(situation, steps));
    facets.extend(facets::producer(situation, steps));
    let mut verdicts = summary(situation, steps, &facets, problem);
    verdicts.extend(facets);
    verdicts.extend(facets::freshness(situation, steps));
    verdicts.extend(facets::monitoring(situation));
    verdicts.extend(steps.scaling.map(|decision| {
        let is_active = !situation.pipeline.suspend
            && decision.reason != crate::lifecycle::autoscaling::Reason::UnknownLag;
        Verdict::new(Type::ScalingActive, is_active, decision.reason.name(), decision.reason.message())
    }));
    verdicts
}

/// Ready, Reconciling and Stalled, from everything else.
fn summary(
    situation: &ValidInput<'_>,
    steps: &RolloutPlan,
    facets: &[Verdict],
    problem: Option<&ApplyFailure>,
) -> Vec<Verdict> {
    let all = |ready: Verdict, is_reconciling: bool| {
        let is_stalled = ready.is_final;
        let told = |of, is: bool| {
            Verdict::new(of, is, &ready.reason, if is { ready.message.clone() } else { String::new() })
        };
        vec![told(Type::Reconciling, is_reconciling && !is_stalled), told(Type::Stalled, is_stalled), ready]
    };
    if let Some(problem) = problem {
        let ready = Verdict::new(Type::Ready, false, problem.reason, problem.message.clone());
        return all(if problem.is_final { ready.finally() } else { ready }, true);
    }
    if let Some(plan) = &steps.plan {
        return match &plan.state {
            JobState::Succeeded(_) => all(
                Verdict::new(
                    Type::Ready,
                    false,
                    "Planned",
                    "mode is Plan: what it would change is in status.plan",
                ),
                false,
            ),
            state => {
                let last = state.termination().map(|last| format!(": {}", last.message)).unwrap_or_default();
                all(
                    Verdict::new(
                        Type::Ready,
                        false,
                        "Planning",
                        format!("mode is Plan: changes are being computed{last}"),
                    ),
                    true,
                )
            }
        };
    }
    if situation.pipeline.suspend {
        let message = "the pipeline is suspended: set spec.suspend to false to go on";
        let processors =
            situation.observed.deployment(&Names(&situation.pipeline.name).of(Component::Processor));
        let is_down = processors.and_then(|it| it.status.as_ref()?.replicas).is_none_or(|pods| pods == 0);
        return all(Verdict::new(Type::Ready, true, "Suspended", message), !is_down);
    }
    if let Some(worst) =
        facets.iter().find(|facet| facet.is_final).or_else(|| facets.iter().find(|facet| !facet.is_true()))
    {
        let ready = Verdict { of: Type::Ready, truth: ConditionStatus::False, ..worst.clone() };
        // A run that failed and a scale of zero are states, not ways to one.
        let settles = !matches!(worst.reason.as_str(), "LastRunFailed" | "ScaledToZero");
        return all(ready, settles);
    }
    let behind = |turn: &Revision| matches!(turn, Revision::LastGood(_) | Revision::Unknown);
    if behind(&steps.processor) || behind(&steps.producer) {
        return all(
            Verdict::new(Type::Ready, false, "TakingOver", "the changed spec is being taken over"),
            true,
        );
    }
    all(Verdict::new(Type::Ready, true, "Running", "records flow"), false)
}

/// The phase that goes with these conditions.
pub(super) fn phase(situation: &ValidInput<'_>, steps: &RolloutPlan, verdicts: &[Verdict]) -> Phase {
    let is = |of: Type| verdicts.iter().any(|verdict| verdict.of == of && verdict.is_true());
    let works = steps.processor != Revision::None;
    if situation.pipeline.suspend {
        Phase::Suspended
    } else if steps.plan.is_some() {
        situation.resource.status.as_ref().and_then(|status| status.phase).unwrap_or(Phase::Pending)
    } else if is(Type::Ready) {
        Phase::Running
    } else if works && (has_run(situation) || is(Type::Stalled)) {
        Phase::Degraded
    } else if works {
        Phase::Provisioning
    } else if is(Type::Stalled) {
        Phase::Failed
    } else {
        Phase::Provisioning
    }
}

/// Whether records have flowed before, so that what is missing now is a fault and not the way there.
fn has_run(situation: &ValidInput<'_>) -> bool {
    let phase = situation.resource.status.as_ref().and_then(|status| status.phase);
    matches!(phase, Some(Phase::Running | Phase::Degraded))
}
