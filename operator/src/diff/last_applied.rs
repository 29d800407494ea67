//! Whether an object differs from its manifest. The hash of the last applied manifest finds fields that are no longer
//! desired; comparing each field finds what another client has changed. Fields that other clients have added are
//! ignored.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;
use userstream_crds::names::{APPLIED, FIELD_MANAGER};

use crate::manifest::Manifest;
use crate::model::hash;
use crate::model::kind::Kind;

/// The manifest with its own hash as the last-applied annotation.
#[must_use]
pub fn with_hash(mut manifest: Manifest) -> Manifest {
    let hash = hash::short(manifest.body.to_string().as_bytes());
    if let Some(metadata) = manifest.body.get_mut("metadata").and_then(Value::as_object_mut) {
        let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Default::default()));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(APPLIED.to_owned(), Value::String(hash));
        }
    }
    manifest
}

/// The change that makes an object match its manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// None: it matches.
    None,
    /// It is created.
    Create,
    /// It is applied again.
    Update,
    /// It is deleted and created again, because the fields that differ are immutable.
    Replace,
}

/// The change that makes an object match its manifest, which has the hash annotation. A Job is immutable: a finished
/// Job stays as it is, an unfinished one is replaced. So is an immutable ConfigMap whose data differ: another client has
/// created it under this name.
#[must_use]
pub fn change(manifest: &Manifest, existing: Option<&Value>) -> Change {
    match existing {
        None => Change::Create,
        Some(existing) if !differs(manifest, existing) => Change::None,
        Some(existing) if manifest.kind == Kind::Job => {
            let conditions = existing.pointer("/status/conditions").and_then(Value::as_array);
            let is_finished = |condition: &Value| {
                let of = condition.get("type").and_then(Value::as_str);
                matches!(of, Some("Complete" | "Failed"))
                    && condition.get("status") == Some(&Value::from("True"))
            };
            if conditions.into_iter().flatten().any(is_finished) { Change::None } else { Change::Replace }
        }
        Some(existing)
            if manifest.kind == Kind::ConfigMap && has_other_immutable_data(manifest, existing) =>
        {
            Change::Replace
        }
        Some(_) => Change::Update,
    }
}

fn has_other_immutable_data(manifest: &Manifest, existing: &Value) -> bool {
    let data = |of: &Value| of.get("data").cloned().unwrap_or_default();
    existing.get("immutable") == Some(&Value::Bool(true)) && !contains(&data(existing), &data(&manifest.body))
}

/// Whether the operator has created an object from this manifest: it has its hash, which covers the UID of the pipeline,
/// and names the operator as the manager of its fields. Nothing else owns it.
#[must_use]
pub fn is_applied_from(manifest: &Manifest, existing: &ObjectMeta) -> bool {
    let hash = manifest.body.pointer("/metadata/annotations").and_then(|all| all.get(APPLIED)?.as_str());
    let found = existing.annotations.as_ref().and_then(|all| all.get(APPLIED)).map(String::as_str);
    let managers = existing.managed_fields.iter().flatten();
    let is_ours = managers.into_iter().any(|entry| entry.manager.as_deref() == Some(FIELD_MANAGER));
    let has_controller =
        existing.owner_references.iter().flatten().any(|owner| owner.controller == Some(true));
    hash.is_some() && hash == found && is_ours && !has_controller
}

/// Whether an object differs from its manifest, which has the hash annotation.
#[must_use]
pub fn differs(manifest: &Manifest, existing: &Value) -> bool {
    !contains(existing, &manifest.body)
}

/// Whether `existing` has every field of `desired` with its value. List items with a key are matched by key, as
/// server-side apply does; other lists are compared in order.
fn contains(existing: &Value, desired: &Value) -> bool {
    match (existing, desired) {
        (Value::Object(existing), Value::Object(desired)) => desired.iter().all(|(field, desired)| {
            existing.get(field).map_or_else(|| is_empty(desired), |existing| contains(existing, desired))
        }),
        (Value::Array(existing), Value::Array(desired)) => {
            match desired.iter().map(key).collect::<Option<Vec<_>>>() {
                Some(keys) if !keys.is_empty() => keys.iter().zip(desired).all(|(desired_key, desired)| {
                    let named = existing.iter().find(|existing| key(existing) == Some(*desired_key));
                    named.is_some_and(|existing| contains(existing, desired))
                }),
                _ => {
                    existing.len() == desired.len()
                        && existing.iter().zip(desired).all(|(existing, desired)| contains(existing, desired))
                }
            }
        }
        (Value::String(existing), Value::String(desired)) => {
            existing == desired
                || quantity(existing).is_some_and(|existing| Some(existing) == quantity(desired))
        }
        _ => existing == desired,
    }
}

/// The API server may leave out empty values.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The key of an item in a list of containers, volumes, ports, mounts or owners.
fn key(item: &Value) -> Option<&str> {
    ["mountPath", "uid", "name"].iter().find_map(|field| item.get(field)).and_then(Value::as_str)
}

/// A quantity in thousandths: the API server writes `0.5` as `500m` and `1024Ki` as `1Mi`. `None` for text that is no
/// quantity, and for a finer or larger one than any resource needs.
fn quantity(text: &str) -> Option<i128> {
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let unit: i128 = match suffix {
        "m" => 1,
        "" => 1_000,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "T" => 1_000_000_000_000_000,
        "Ki" => 1_000 << 10,
        "Mi" => 1_000 << 20,
        "Gi" => 1_000 << 30,
        "Ti" => 1_000 << 40,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = i32::try_from(fraction.len()).ok().filter(|digits| *digits <= 9)?;
    let scaled: i128 = format!("{whole}{fraction}").parse().ok()?;
    let divisor = 10i128.checked_pow(digits.unsigned_abs())?;
    let thousandths = scaled.checked_mul(unit)?;
    (thousandths % divisor == 0).then_some(thousandths / divisor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn manifest() -> Manifest {
        let body = json!({
            "kind": "Deployment",
            "metadata": {"name": "users", "labels": {"a": "b"}},
            "spec": {
                "replicas": 2,
                "containers": [{"name": "worker", "args": ["process", "--config"], "resources": {"limits": {"cpu": "0.5", "memory": "1024Ki"}}}],
                "volumes": [],
            },
        });
        with_hash(Manifest { kind: Kind::Deployment, name: "users".to_owned(), body })
    }

    #[test]
    fn fields_of_other_clients_are_ignored() {
        let mut existing = manifest().body;
        existing["metadata"]["uid"] = json!("1");
        existing["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = json!("3");
        existing["spec"]["progressDeadlineSeconds"] = json!(600);
        existing["spec"]["containers"][0]["resources"]["limits"] = json!({"cpu": "500m", "memory": "1Mi"});
        existing["spec"]["containers"].as_array_mut().unwrap().insert(0, json!({"name": "sidecar"}));
        existing["spec"].as_object_mut().unwrap().remove("volumes");
        assert!(!differs(&manifest(), &existing));
    }

    #[test]
    fn each_changed_or_removed_field_is_a_difference() {
        let changes: [fn(&mut Value); 6] = [
            |it| it["spec"]["replicas"] = json!(3),
            |it| it["spec"]["containers"][0]["args"] = json!(["process"]),
            |it| it["spec"]["containers"][0]["args"] = json!(["process", "--config", "--more"]),
            |it| it["spec"]["containers"][0]["resources"]["limits"]["cpu"] = json!("501m"),
            |it| drop(it["metadata"]["labels"].as_object_mut().unwrap().remove("a")),
            |it| it["spec"]["containers"][0]["name"] = json!("other"),
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let mut existing = manifest().body;
            change(&mut existing);
            assert!(differs(&manifest(), &existing), "change {index}");
        }
    }

    #[test]
    fn finished_job_stays_and_unfinished_job_is_replaced() {
        let desired = Manifest { kind: Kind::Job, ..manifest() };
        assert_eq!(change(&desired, None), Change::Create);
        assert_eq!(change(&desired, Some(&desired.body)), Change::None);
        let mut existing = desired.body.clone();
        existing["spec"]["replicas"] = json!(1);
        assert_eq!(change(&desired, Some(&existing)), Change::Replace);
        existing["status"] = json!({"conditions": [{"type": "Failed", "status": "True"}]});
        assert_eq!(change(&desired, Some(&existing)), Change::None);
        assert_eq!(change(&manifest(), Some(&existing)), Change::Update);
    }

    #[test]
    fn immutable_config_map_with_other_data_is_replaced() {
        let body =
            json!({"metadata": {"name": "users-config-1"}, "immutable": true, "data": {"config.json": "{}"}});
        let desired = with_hash(Manifest { kind: Kind::ConfigMap, name: "users-config-1".to_owned(), body });
        assert_eq!(change(&desired, Some(&desired.body)), Change::None);
        let mut existing = desired.body.clone();
        existing["data"]["config.json"] = json!("[]");
        assert_eq!(change(&desired, Some(&existing)), Change::Replace);
        existing["immutable"] = json!(false);
        assert_eq!(change(&desired, Some(&existing)), Change::Update);
        let mut relabelled = desired.body.clone();
        relabelled["metadata"]["annotations"] = json!({});
        assert_eq!(change(&desired, Some(&relabelled)), Change::Update);
    }

    #[test]
    fn only_an_object_of_the_same_manifest_is_adopted() {
        type Edit = fn(&mut Value);
        let metadata = |edit: Edit| -> ObjectMeta {
            let mut metadata = manifest().body["metadata"].clone();
            metadata["managedFields"] = json!([{"manager": FIELD_MANAGER, "operation": "Update"}]);
            edit(&mut metadata);
            serde_json::from_value(metadata).unwrap()
        };
        assert!(is_applied_from(&manifest(), &metadata(|_| {})));
        let foreign: [Edit; 4] = [
            |it| it["annotations"][APPLIED] = json!("another"),
            |it| drop(it.as_object_mut().unwrap().remove("annotations")),
            |it| it["managedFields"][0]["manager"] = json!("kubectl"),
            |it| {
                let owner =
                    json!({"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "9", "controller": true});
                it["ownerReferences"] = json!([owner]);
            },
        ];
        for (index, edit) in foreign.into_iter().enumerate() {
            assert!(!is_applied_from(&manifest(), &metadata(edit)), "edit {index}");
        }
    }

    #[test]
    fn field_that_is_no_longer_desired_is_a_difference() {
        let mut next = manifest();
        next.body["metadata"]["annotations"].as_object_mut().unwrap().remove(APPLIED);
        next.body["spec"].as_object_mut().unwrap().remove("replicas");
        assert!(differs(&with_hash(next), &manifest().body));
    }

    #[test]
    fn quantities_are_compared_by_value() {
        for (one, other) in
            [("0.5", "500m"), ("1024Ki", "1Mi"), ("1", "1000m"), ("1.5Gi", "1536Mi"), ("2k", "2000")]
        {
            assert_eq!(quantity(one), quantity(other), "{one} and {other}");
            assert!(quantity(one).is_some());
        }
        assert_ne!(quantity("1M"), quantity("1Mi"));
        assert_eq!(quantity("users"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_without_panic(text in ".*") {
            let _ = quantity(&text);
        }

        #[test]
        fn every_number_with_a_unit_is_a_quantity(number in -1_000_000_000i64..1_000_000_000, unit in "(Ki|Mi|Gi|k|M|G|m|)") {
            let text = format!("{number}{unit}");
            prop_assert!(quantity(&text).is_some(), "{}", text);
        }
    }
}
