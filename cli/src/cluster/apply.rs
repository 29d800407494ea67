//! The request that `kubectl apply` would send for a manifest. It depends on how the object was applied before. Pure.

use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::Value;

/// The annotation in which `kubectl apply` stores the last applied manifest.
pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The request for a manifest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ApplyRequest {
    /// As `kubectl apply`: this merge patch, which removes the fields that only the last applied manifest has.
    ClientSide(Value),
    /// As `kubectl apply --server-side`, Flux and Argo CD: the API server tracks the field managers.
    ServerSide(Value),
}

impl ApplyRequest {
    /// The request for a manifest, given the live object.
    pub(crate) fn of(manifest: &Value, live: Option<&DynamicObject>) -> Self {
        let last = live.and_then(|live| live.annotations().get(LAST_APPLIED));
        match last.and_then(|text| serde_json::from_str::<Value>(text).ok()) {
            Some(last) => {
                let mut patch = manifest.clone();
                remove(&last, &mut patch);
                Self::ClientSide(patch)
            }
            None => Self::ServerSide(manifest.clone()),
        }
    }

    /// The equivalent kubectl command.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::ClientSide(_) => "kubectl apply",
            Self::ServerSide(_) => "kubectl apply --server-side",
        }
    }
}

/// Sets each field that only the last manifest has to null, which removes it.
fn remove(last: &Value, manifest: &mut Value) {
    let (Value::Object(last), Value::Object(manifest)) = (last, manifest) else { return };
    for (name, value) in last {
        // kubectl adds empty annotations to the last applied manifest.
        if name == "annotations"
            && !manifest.contains_key(name)
            && value.as_object().is_some_and(|it| it.is_empty())
        {
            continue;
        }
        match manifest.get_mut(name) {
            Some(kept) => remove(value, kept),
            None => drop(manifest.insert(name.clone(), Value::Null)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn live(annotations: &Value) -> DynamicObject {
        serde_json::from_value(json!({"metadata": {"name": "users", "annotations": annotations}})).unwrap()
    }

    #[test]
    fn fields_missing_from_the_manifest_are_removed() {
        let last = json!({
            "metadata": {"name": "users", "namespace": "demo", "annotations": {}},
            "spec": {"processor": {"filter": "a", "replicas": 2}, "replay": {"nonce": 1}, "keys": [{"a": 1}]},
        });
        let manifest = json!({"metadata": {"name": "users", "namespace": "demo"}, "spec": {"processor": {"replicas": 3}, "keys": []}});
        let live = live(&json!({LAST_APPLIED: last.to_string()}));
        let ApplyRequest::ClientSide(patch) = ApplyRequest::of(&manifest, Some(&live)) else {
            panic!("not a client-side apply")
        };
        assert_eq!(
            patch,
            json!({
                "metadata": {"name": "users", "namespace": "demo"},
                "spec": {"processor": {"filter": null, "replicas": 3}, "replay": null, "keys": []},
            })
        );
    }

    #[test]
    fn without_last_applied_manifest_it_is_server_side() {
        let manifest = json!({"metadata": {"name": "users"}});
        for live in [None, Some(live(&json!({}))), Some(live(&json!({LAST_APPLIED: "no JSON"})))] {
            assert_eq!(
                ApplyRequest::of(&manifest, live.as_ref()),
                ApplyRequest::ServerSide(manifest.clone())
            );
        }
    }
}
