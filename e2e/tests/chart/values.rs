//! The values of the chart, their schema, and their effect.

use serde_json::json;
use userstream_e2e::documented_tables::{file, section, table};

use crate::helm::{EVERYTHING, of_kind, render, the, try_render};

#[test]
fn misspelt_or_mistyped_value_is_refused_at_every_level() {
    for invalid in [
        "replica=2",
        "replicas=many",
        "replicas=11",
        "image.tags=1",
        "image.digest=latest",
        "image.pullPolicy=Sometimes",
        "worker.images.tag=1",
        "worker.image.repo=a",
        "crds.install=true",
        "serviceAccount.create=false",
        "serviceAccount.annotations.a.b=1",
        "watchNamespaces={Demo}",
        "watchNamespaces=demo",
        "allowedPrivateRanges={10.0.0.0}",
        "networkPolicy=true",
        "networkPolicy.enabled=yes please",
        "networkPolicy.from={prometheus}",
        "networkPolicy.from[0].namespace=monitoring",
        "metrics.podMonitors=true",
        "metrics.podMonitor=maybe",
        "metrics.prometheusRule.alerts=true",
        "metrics.prometheusRule.runbooks=ftp://nowhere",
        "metrics.dashboard.labels.a.b=1",
        "logLevel=",
    ] {
        let refusal =
            try_render("userstream", &[invalid]).err().unwrap_or_else(|| panic!("{invalid} is accepted"));
        assert!(
            refusal.contains("values don't meet the specifications of the schema"),
            "{invalid}: {refusal}"
        );
    }
}

#[test]
fn every_value_is_in_the_schema_and_the_readme() {
    let values: serde_json::Value = serde_saphyr::from_str(&file("helm/userstream/values.yaml")).unwrap();
    let schema: serde_json::Value =
        serde_json::from_str(&file("helm/userstream/values.schema.json")).unwrap();
    let known = schema["properties"].as_object().unwrap();
    let documented = table(section(&file("helm/userstream/README.md"), "## Values"));
    for (name, value) in values.as_object().unwrap() {
        assert!(known.contains_key(name), "{name} is not in the schema");
        // Objects without a schema of their members, and images, are documented as a whole.
        let inner = value.as_object().filter(|_| known[name]["properties"].is_object());
        let names: Vec<String> = match inner {
            None => vec![name.clone()],
            Some(inner) => inner.keys().map(|inner| format!("{name}.{inner}")).collect(),
        };
        for name in names {
            let is_documented =
                documented.keys().any(|key| *key == name || key.starts_with(&format!("{name}.")));
            assert!(is_documented, "helm/userstream/README.md does not document {name}");
        }
    }
}

#[test]
fn optional_objects_are_rendered_only_when_enabled() {
    let mut kinds: Vec<String> =
        render(&[]).iter().map(|object| object["kind"].as_str().unwrap().to_owned()).collect();
    kinds.sort();
    let expected = [
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "Deployment",
        "Pod",
        "Role",
        "RoleBinding",
        "Service",
        "ServiceAccount",
    ];
    assert_eq!(kinds, expected);
    let everything = render(&EVERYTHING);
    for kind in ["PodDisruptionBudget", "PodMonitor", "PrometheusRule", "ConfigMap"] {
        the(&everything, kind);
    }
}

#[test]
fn every_object_carries_its_release_and_namespace() {
    for object in render(&EVERYTHING) {
        let (kind, metadata) = (&object["kind"], &object["metadata"]);
        assert_eq!(metadata["labels"]["app.kubernetes.io/instance"], "userstream", "{kind}");
        let is_cluster_scoped = ["ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"]
            .contains(&kind.as_str().unwrap());
        let namespace = (!is_cluster_scoped).then_some("userstream-system");
        assert_eq!(metadata["namespace"].as_str(), namespace, "{kind}");
    }
}

#[test]
fn crd_equals_the_repository_file_and_survives_uninstall() {
    let rendered = render(&[]);
    let definition = the(&rendered, "CustomResourceDefinition");
    let canonical: serde_json::Value =
        serde_saphyr::from_str(&file("crds/userstreampipelines.yaml")).unwrap();
    assert_eq!(definition["spec"], canonical["spec"]);
    assert_eq!(definition["metadata"]["name"], canonical["metadata"]["name"]);
    assert_eq!(definition["metadata"]["annotations"], json!({"helm.sh/resource-policy": "keep"}));
    assert!(of_kind(&render(&["crds.enabled=false"]), "CustomResourceDefinition").is_empty());
}

#[test]
fn digest_precedes_tag_and_tag_precedes_app_version() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let images = |values: &[&str]| {
        let rendered = render(values);
        let container =
            the(&rendered, "Deployment").pointer("/spec/template/spec/containers/0").unwrap().clone();
        let worker = container["env"].as_array().unwrap().iter().find(|one| one["name"] == "WORKER_IMAGE");
        (
            container["image"].as_str().unwrap().to_owned(),
            worker.unwrap()["value"].as_str().unwrap().to_owned(),
        )
    };
    let own = |operator: &str, worker: &str| {
        (format!("ghcr.io/userstream/operator{operator}"), format!("ghcr.io/userstream/worker{worker}"))
    };
    assert_eq!(images(&[]), own(":0.1.0", ":0.1.0"));
    assert_eq!(images(&["image.tag=edge"]), own(":edge", ":0.1.0"));
    let set = format!("worker.image.digest={digest}");
    assert_eq!(images(&["worker.image.tag=edge", &set]), own(":0.1.0", &format!("@{digest}")));
}

#[test]
fn names_of_the_longest_release_fit() {
    let release = "a-release-with-a-name-of-fifty-three-characters-in-it";
    assert_eq!(release.len(), 53, "the longest release name that Helm accepts");
    for object in try_render(release, &EVERYTHING).unwrap() {
        if object["kind"] == "CustomResourceDefinition" {
            continue;
        }
        let name = object["metadata"]["name"].as_str().unwrap();
        assert!(name.len() <= 63, "{}: {name}", object["kind"]);
    }
}
