//! The types of Kubernetes' own that the resource holds.
//!
//! With the feature `kubernetes` they are those of its libraries. Without it, whoever only reads resources (a worker, local
//! mode) gets the little that they look at: a name and a namespace; what a pod template holds is carried as it is. What is
//! right in them is the schema's to say either way ([`crate::schema::structure`]).

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

    /// Who an object is.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    pub struct ObjectMeta {
        /// Its name within the namespace.
        pub name: Option<String>,
        /// Its namespace.
        pub namespace: Option<String>,
    }

    macro_rules! carried {
        ($($(#[$doc:meta])* $name:ident;)+) => {$(
            $(#[$doc])*
            #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
            #[serde(transparent)]
            pub struct $name(pub Map<String, Value>);
        )+};
    }

    carried! {
        /// Which nodes and neighbours are preferred or required.
        Affinity;
        /// Requests and limits of a container.
        ResourceRequirements;
        /// A taint that is tolerated.
        Toleration;
    }
}
