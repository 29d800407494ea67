//! Kubernetes' types that are part of the resource.
//!
//! With the feature `kubernetes` they come from Kubernetes' libraries, which take minutes to compile. Without it, the
//! worker and local mode get a name and a namespace, and the parts of a pod template as plain JSON. The schema checks
//! them in both cases.

#[cfg(feature = "kubernetes")]
pub use k8s_openapi::api::core::v1::{Affinity, ResourceRequirements, Toleration};
#[cfg(feature = "kubernetes")]
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

#[cfg(not(feature = "kubernetes"))]
pub use read::{Affinity, ObjectMeta, ResourceRequirements, Toleration};

#[cfg(not(feature = "kubernetes"))]
mod read {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::{Map, Value};

    /// The identity of an object.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    pub struct ObjectMeta {
        /// The name within the namespace.
        pub name: Option<String>,
        /// The namespace.
        pub namespace: Option<String>,
    }

    macro_rules! plain_json {
        ($($(#[$doc:meta])* $name:ident;)+) => {$(
            $(#[$doc])*
            #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
            #[serde(transparent)]
            pub struct $name(pub Map<String, Value>);
        )+};
    }

    plain_json! {
        /// Preferred or required nodes and neighbours.
        Affinity;
        /// Requests and limits of a container.
        ResourceRequirements;
        /// A tolerated taint.
        Toleration;
    }
}
