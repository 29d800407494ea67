//! Whether an object is as it was applied: the hash of what was applied last is the same, and every field of it still has
//! its value. The first finds fields that are no longer wanted, the second finds what somebody else has changed. Fields
//! that others have added are theirs, and a write that changes nothing is not made.

use serde_json::Value;
use userstream_crds::names::APPLIED;

use crate::manifest::Manifest;
use crate::model::hash;
use crate::model::kind::Kind;

/// The manifest with the hash of itself among its annotations.
#[must_use]
pub fn sealed(mut manifest: Manifest) -> Manifest {
    let seal = hash::short(manifest.body.to_string().as_bytes());
    if let Some(metadata) = manifest.body.get_mut("metadata").and_then(Value::as_object_mut) {
        let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Default::default()));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(APPLIED.to_owned(), Value::String(seal));
        }
    }
    manifest
}

/// What has to be done so that an object is as its manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// It has to be created.
    Create,
    /// It has to be applied again.
    Update,
    /// It has to be deleted and created again: what is different cannot be changed.
    Replace,
}

/// What has to be done so that the object is as its (sealed) manifest. A Job cannot be changed: one that has ended stays as
/// it is, one that still works begins again.
#[must_use]
pub fn change(manifest: &Manifest, existing: Option<&Value>) -> Change {
    match existing {
        None => Change::Create,
        Some(existing) if !differs(manifest, existing) => Change::None,
        Some(existing) if manifest.kind == Kind::Job => {
            let conditions = existing.pointer("/status/conditions").and_then(Value::as_array);
            let is_end = |condition: &Value| {
                let of = condition.get("type").and_then(Value::as_str);
                matches!(of, Some("Complete" | "Failed"))
                    && condition.get("status") == Some(&Value::from("True"))
            };
            if conditions.into_iter().flatten().any(is_end) { Change::None } else { Change::Replace }
        }
        Some(_) => Change::Update,
    }
}

/// Whether the object has to be applied (again). The manifest is a sealed one.
#[must_use]
pub fn differs(manifest: &Manifest, existing: &Value) -> bool {
    !contains(existing, &manifest.body)
}

/// Whether `existing` has every field of `wanted` with its value. Items of lists are matched by their name where they have
/// one, as server-side apply does, and in order where they have none.
fn contains(existing: &Value, wanted: &Value) -> bool {
    match (existing, wanted) {
        (Value::Object(existing), Value::Object(wanted)) => wanted.iter().all(|(field, wanted)| {
            existing.get(field).map_or_else(|| is_empty(wanted), |existing| contains(existing, wanted))
        }),
        (Value::Array(existing), Value::Array(wanted)) => {
            match wanted.iter().map(key).collect::<Option<Vec<_>>>() {
                Some(keys) if !keys.is_empty() => keys.iter().zip(wanted).all(|(wanted_key, wanted)| {
                    let named = existing.iter().find(|existing| key(existing) == Some(*wanted_key));
                    named.is_some_and(|existing| contains(existing, wanted))
                }),
                _ => {
                    existing.len() == wanted.len()
                        && existing.iter().zip(wanted).all(|(existing, wanted)| contains(existing, wanted))
                }
            }
        }
        (Value::String(existing), Value::String(wanted)) => {
            existing == wanted
                || quantity(existing).is_some_and(|existing| Some(existing) == quantity(wanted))
        }
        _ => existing == wanted,
    }
}

/// What is empty may be left out by the API server.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The field that lists of containers, volumes, ports, mounts and owners are keyed by.
fn key(item: &Value) -> Option<&str> {
    ["mountPath", "uid", "name"].iter().find_map(|field| item.get(field)).and_then(Value::as_str)
}

/// A quantity in thousandths: the API server writes `0.5` as `500m` and `1024Ki` as `1Mi`. `None` for what is none, and for
/// what is finer or larger than any resource.
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
        sealed(Manifest { kind: Kind::Deployment, name: "users".to_owned(), body })
    }

    #[test]
    fn what_the_api_server_and_others_add_is_no_difference() {
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
    fn every_field_that_somebody_changed_or_removed_is_a_difference() {
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
    fn a_job_that_has_ended_stays_and_one_that_works_begins_again() {
        let wanted = Manifest { kind: Kind::Job, ..manifest() };
        assert_eq!(change(&wanted, None), Change::Create);
        assert_eq!(change(&wanted, Some(&wanted.body)), Change::None);
        let mut existing = wanted.body.clone();
        existing["spec"]["replicas"] = json!(1);
        assert_eq!(change(&wanted, Some(&existing)), Change::Replace);
        existing["status"] = json!({"conditions": [{"type": "Failed", "status": "True"}]});
        assert_eq!(change(&wanted, Some(&existing)), Change::None);
        assert_eq!(change(&manifest(), Some(&existing)), Change::Update);
    }

    #[test]
    fn a_field_that_is_no_longer_wanted_is_a_difference() {
        let mut next = manifest();
        next.body["metadata"]["annotations"].as_object_mut().unwrap().remove(APPLIED);
        next.body["spec"].as_object_mut().unwrap().remove("replicas");
        assert!(differs(&sealed(next), &manifest().body));
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
        fn no_text_is_too_odd_for_a_quantity(text in ".*") {
            let _ = quantity(&text);
        }

        #[test]
        fn numbers_are_quantities_of_themselves(number in -1_000_000_000i64..1_000_000_000, unit in "(Ki|Mi|Gi|k|M|G|m|)") {
            let text = format!("{number}{unit}");
            prop_assert!(quantity(&text).is_some(), "{}", text);
        }
    }
}
