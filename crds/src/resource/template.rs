//! `spec.template`: what is set on every pod.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::resource::kubernetes::{Affinity, ResourceRequirements, Toleration};

/// What is set on every pod of the pipeline. The image is the operator's to choose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateSpec {
    /// Requests and limits of the worker's container. Default: the operator's.
    pub resources: ResourceRequirements,
    /// Labels that a node must have. Default: none.
    #[schemars(extend("maxProperties" = 32))]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that are tolerated. Default: none.
    #[schemars(length(max = 32))]
    pub tolerations: Vec<Toleration>,
    /// Which nodes and neighbours are preferred or required. Default: none.
    pub affinity: Affinity,
    /// More labels for the pods. Default: none.
    #[schemars(extend("maxProperties" = 32))]
    pub labels: BTreeMap<String, String>,
    /// More annotations for the pods. Default: none.
    #[schemars(extend("maxProperties" = 32))]
    pub annotations: BTreeMap<String, String>,
    /// The priority class of the pods. Default: the cluster's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,
}
