//! The objects of a deleted pipeline while it is cleaned up.

use kube::ResourceExt;

use super::{Desired, config_map, job, kafka_topic, owner};
use crate::lifecycle::cleanup::Stage;
use crate::model::input::ValidInput;
use crate::model::kind::Kind;

/// The objects of a pipeline in this stage of its cleanup.
#[must_use]
pub fn cleanup(input: &ValidInput<'_>, stage: &Stage) -> Desired {
    let mut desired = Desired::default();
    match stage {
        Stage::ReleaseTopic => desired.keep_everything(input.observed),
        Stage::StopWorkloads | Stage::RunJob { .. } => {
            // Should the spec be refused, the configurations still name what there is to delete. The garbage collector
            // deletes them with the pipeline.
            let config_maps = input.observed.config_maps.iter();
            desired.kept.extend(config_maps.map(|it| (Kind::ConfigMap, it.name_any())));
        }
    }
    kafka_topic::retain(&mut desired, input);
    if let Stage::RunJob { name, configuration } = stage {
        let owner = owner(input.resource);
        config_map::build(&mut desired, &owner, configuration);
        desired.apply(Kind::Job, &owner, job::cleanup(input, name, configuration));
        desired.cleanup = Some(name.clone());
    }
    desired
}
