//! How a file would be applied: by what `kubectl apply` sends, which depends on how it was applied before. Pure.

use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::Value;

/// Where `kubectl apply` keeps what it applied last.
pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// How a file would be applied.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ApplyRequest {
    /// As `kubectl apply` does: with this merge patch, which removes what the last applied file had and this one has not.
    ClientSide(Value),
    /// As `kubectl apply --server-side`, Flux and Argo CD do: the API server knows which fields are whose.
    ServerSide(Value),
}

impl ApplyRequest {
    /// How a manifest would be applied on what is there.
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

    /// In kubectl's words.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::ClientSide(_) => "kubectl apply",
            Self::ServerSide(_) => "kubectl apply --server-side",
        }
    }
}

/// Puts a null, which removes a field, wherever the manifest no longer has one that the last one had.
fn remove(last: &Value, manifest: &mut Value) {
    let (Value::Object(last), Value::Object(manifest)) = (last, manifest) else { return };
    for (name, value) in last {
        // Every last applied configuration has it, and no manifest.
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
    fn what_was_applied_before_and_is_gone_from_the_file_is_removed() {
        let last = json!({
            "metadata": {"name": "users", "namespace": "demo", "annotations": {}},
            "spec": {"processor": {"filter": "a", "replicas": 2}, "replay": {"nonce": 1}, "keys": [{"a": 1}]},
        });
        let manifest = json!({"metadata": {"name": "users", "namespace": "demo"}, "spec": {"processor": {"replicas": 3}, "keys": []}});
        let live = live(&json!({LAST_APPLIED: last.to_string()}));
        let ApplyRequest::ClientSide(patch) = ApplyRequest::of(&manifest, Some(&live)) else {
            panic!("not as kubectl apply")
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
    fn what_kubectl_did_not_apply_is_applied_server_side() {
        let manifest = json!({"metadata": {"name": "users"}});
        for live in [None, Some(live(&json!({}))), Some(live(&json!({LAST_APPLIED: "no JSON"})))] {
            assert_eq!(
                ApplyRequest::of(&manifest, live.as_ref()),
                ApplyRequest::ServerSide(manifest.clone())
            );
        }
    }
}
