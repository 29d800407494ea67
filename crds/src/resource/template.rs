//! `spec.template`: settings of every pod.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::resource::kubernetes::{Affinity, ResourceRequirements, Toleration};

/// Settings of every pod of the pipeline. The operator chooses the image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateSpec {
    /// Requests and limits of the worker's container. They replace the operator's as a whole. Default: the operator's.
    pub resources: ResourceRequirements,
    /// Labels that a node must have. Default: none.
    #[schemars(extend("maxProperties" = 32))]
    pub node_selector: BTreeMap<String, String>,
    /// Tolerated taints. Default: none.
    #[schemars(length(max = 32))]
    pub tolerations: Vec<Toleration>,
    /// Preferred or required nodes and neighbours. Default: none.
    pub affinity: Affinity,
    /// More labels of the pods. The operator's own labels win. Default: none.
    #[schemars(extend("maxProperties" = 32))]
    pub labels: BTreeMap<String, String>,
    /// More annotations of the pods. The operator's own annotations win. Default: none.
    #[schemars(extend("maxProperties" = 32))]
    pub annotations: BTreeMap<String, String>,
    /// The priority class of the pods. Default: the cluster's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,
}
