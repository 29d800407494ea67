//! Checks that a cluster is ready for pipelines. Pure.

mod permissions;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::DynamicObject;
use kube::{CustomResourceExt, ResourceExt};
use serde::Serialize;
use serde_json::Value;
use userstream_crds::UserStreamPipeline;
use userstream_crds::definition::custom_resource_definition;

pub(crate) use permissions::{Permission, REQUIRED_PERMISSIONS};

use crate::cluster::difference::differences;
use crate::cluster::installation::{image, variable, watches};
use crate::cluster::snapshot::{Operator, ready_replicas};
use crate::cluster::state::State;
use crate::terminal::style::Style;
use crate::terminal::{left, plural, width_of};

/// The minimum minor version of Kubernetes 1, which is that of the chart.
const MIN_MINOR: u32 = 33;
/// The version of this program and of the CustomResourceDefinition in it.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The command that installs the operator and the CustomResourceDefinition.
const INSTALL: &str =
    "helm upgrade --install userstream helm/userstream -n userstream-system --create-namespace";

/// The result of one check.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) state: State,
    /// What was checked.
    pub(crate) check: &'static str,
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl Finding {
    fn new(state: State, check: &'static str, message: impl Into<String>) -> Self {
        Self { state, check, message: message.into(), hint: None }
    }

    fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// What the API server reports about a cluster.
pub(crate) struct Cluster {
    pub(crate) server: String,
    pub(crate) namespace: String,
    pub(crate) major: String,
    pub(crate) minor: String,
    pub(crate) version: String,
    pub(crate) definition: Definition,
    /// Each required permission, and whether the user has it.
    pub(crate) permissions: Vec<(&'static Permission, bool)>,
    pub(crate) operator: Operator,
}

/// The CustomResourceDefinition, as far as the user may read it.
pub(crate) enum Definition {
    Found(Box<DynamicObject>),
    NotInstalled,
    /// It is installed, and the user may not read it.
    Forbidden,
}

/// Checks a cluster.
pub(crate) fn findings(cluster: &Cluster) -> Vec<Finding> {
    let mut all = vec![kubernetes(cluster), definition(&cluster.definition)];
    all.extend(permissions::permissions(cluster));
    all.extend(operators(cluster));
    all
}

fn kubernetes(cluster: &Cluster) -> Finding {
    let check = "Kubernetes";
    let digits: String = cluster.minor.chars().take_while(char::is_ascii_digit).collect();
    let is_supported = match (cluster.major.parse::<u32>(), digits.parse::<u32>()) {
        (Ok(1), Ok(minor)) => Some(minor >= MIN_MINOR),
        (Ok(major), _) => Some(major > 1),
        _ => None,
    };
    let version = format!("{} at {}", cluster.version, cluster.server);
    match is_supported {
        Some(true) => Finding::new(State::Good, check, version),
        Some(false) => {
            Finding::new(State::Broken, check, format!("{version} is older than the minimum, 1.{MIN_MINOR}"))
                .with_hint("upgrade the cluster, or select another --context")
        }
        None => Finding::new(State::Unknown, check, format!("{version} has a version that usp cannot parse")),
    }
}

fn definition(definition: &Definition) -> Finding {
    let (check, name) = ("definition", UserStreamPipeline::crd_name());
    match definition {
        Definition::NotInstalled => Finding::new(State::Broken, check, format!("{name} is not installed"))
            .with_hint(format!("install it: {INSTALL}")),
        Definition::Forbidden => {
            let message = format!("{name} is installed; you may not compare it with that of usp {VERSION}");
            Finding::new(State::Unknown, check, message)
        }
        Definition::Found(found) if !is_established(found) => {
            Finding::new(State::Broken, check, format!("{name} is installed, and not served yet"))
                .with_hint(format!("see kubectl describe crd {name}"))
        }
        Definition::Found(found) => compare(check, found),
    }
}

fn is_established(definition: &DynamicObject) -> bool {
    let conditions = definition.data.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|it| it["type"] == "Established" && it["status"] == "True")
}

/// Compares an installed CustomResourceDefinition with that of this program.
fn compare(check: &'static str, found: &DynamicObject) -> Finding {
    let name = UserStreamPipeline::crd_name();
    let ours = custom_resource_definition();
    let different = differences("", Some(&served(&ours)), Some(&served(&found.data)));
    let Some(first) = different.first() else {
        return Finding::new(State::Good, check, format!("{name} is that of usp {VERSION}"));
    };
    let version = found.labels().get("app.kubernetes.io/version");
    let version = version.map(|version| format!(" (version {version})")).unwrap_or_default();
    let number = plural(different.len() as u64, "difference");
    let message =
        format!("{name}{version} differs from that of usp {VERSION}: {number}, the first in {}", first.path);
    Finding::new(State::Warning, check, message)
        .with_hint(format!("use the usp of that version, or update the definition: {INSTALL}"))
}

/// The versions of a definition, without the fields that the API server adds.
fn served(definition: &Value) -> Value {
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    let mut all = serde_json::Map::new();
    for version in versions.into_iter().flatten() {
        let name = version["name"].as_str().unwrap_or_default().to_owned();
        all.insert(name, version.clone());
    }
    Value::Object(all)
}

fn operators(cluster: &Cluster) -> Vec<Finding> {
    let check = "operator";
    match &cluster.operator {
        Operator::NotFound => vec![
            Finding::new(State::Broken, check, "no Deployment found in the cluster")
                .with_hint(format!("install it: {INSTALL}")),
        ],
        Operator::Forbidden => {
            let message =
                "you may not list its Deployments; `usp status NAME` shows whether a pipeline is reconciled";
            vec![Finding::new(State::Unknown, check, message)]
        }
        Operator::Installed(deployments) => {
            let mut all: Vec<Finding> = deployments.iter().flat_map(operator).collect();
            if !deployments.iter().any(|it| watches(it, &cluster.namespace)) {
                let message = format!("no operator watches namespace {}", cluster.namespace);
                all.push(
                    Finding::new(State::Broken, check, message)
                        .with_hint("add the namespace to watchNamespaces of the chart"),
                );
            }
            all
        }
    }
}

fn operator(deployment: &Deployment) -> Vec<Finding> {
    let check = "operator";
    let (namespace, name) = (deployment.namespace().unwrap_or_default(), deployment.name_any());
    let desired = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let ready = ready_replicas(deployment);
    let message = format!("{namespace}/{name}: {ready} of {desired} ready, image {}", image(deployment));
    let describe = format!("see kubectl -n {namespace} describe deployment {name}, and its pods");
    let mut all = vec![match (ready, desired) {
        (0, _) => Finding::new(State::Broken, check, message).with_hint(describe),
        (ready, desired) if ready < desired => {
            Finding::new(State::Warning, check, message).with_hint(describe)
        }
        _ => Finding::new(State::Good, check, message),
    }];
    let version = deployment.labels().get("app.kubernetes.io/version");
    if let Some(version) = version.filter(|version| *version != VERSION) {
        all.push(
            Finding::new(
                State::Warning,
                check,
                format!("version {version} differs from that of usp, {VERSION}"),
            )
            .with_hint("use the usp of the operator's version"),
        );
    }
    all.push(worker_image(deployment));
    all
}

fn worker_image(deployment: &Deployment) -> Finding {
    let check = "worker image";
    let Some(worker) = variable(deployment, "WORKER_IMAGE") else {
        return Finding::new(State::Unknown, check, "the Deployment does not set WORKER_IMAGE");
    };
    match (tag(&worker), tag(&image(deployment))) {
        (Some(workers), Some(operators)) if workers != operators => {
            Finding::new(State::Warning, check, format!("{worker} has another tag than the operator's image"))
                .with_hint("use the same version for operator and workers")
        }
        _ => Finding::new(State::Good, check, worker),
    }
}

/// The tag of an image; `None` for an image with a digest.
fn tag(image: &str) -> Option<&str> {
    let name = image.rsplit('/').next()?;
    if name.contains('@') { None } else { name.split_once(':').map(|(_, tag)| tag) }
}

/// Renders findings as text.
pub(crate) fn to_text(findings: &[Finding], style: Style) -> String {
    let width = findings.iter().map(|finding| width_of(finding.check)).max().unwrap_or(0);
    let mut text = String::new();
    for finding in findings {
        let symbol = finding.state.paint(style, finding.state.symbol());
        let check = style.bold(&left(finding.check, width));
        text.push_str(&format!("{symbol} {check}  {}\n", finding.message));
        if let Some(hint) = &finding.hint {
            text.push_str(&format!("  {}  {}\n", " ".repeat(width), style.dim(hint)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn definition() -> DynamicObject {
        let mut found = custom_resource_definition();
        found["status"] = json!({"conditions": [{"type": "Established", "status": "True"}]});
        serde_json::from_value(found).unwrap()
    }

    fn deployment(ready: i32, image: &str, worker: &str, watched: Option<&str>) -> Deployment {
        let mut variables = vec![json!({"name": "WORKER_IMAGE", "value": worker})];
        variables.extend(watched.map(|value| json!({"name": "WATCH_NAMESPACES", "value": value})));
        serde_json::from_value(json!({
            "metadata": {"name": "userstream", "namespace": "userstream-system",
                "labels": {"app.kubernetes.io/version": VERSION}},
            "spec": {"replicas": 2, "selector": {}, "template": {"spec": {"containers": [
                {"name": "operator", "image": image, "env": variables}]}}},
            "status": {"readyReplicas": ready},
        }))
        .unwrap()
    }

    fn cluster() -> Cluster {
        Cluster {
            server: "https://cluster:6443".to_owned(),
            namespace: "demo".to_owned(),
            major: "1".to_owned(),
            minor: "37+".to_owned(),
            version: "v1.37.2".to_owned(),
            definition: Definition::Found(Box::new(definition())),
            permissions: REQUIRED_PERMISSIONS.iter().map(|permission| (permission, true)).collect(),
            operator: Operator::Installed(vec![deployment(
                2,
                "example.org/operator:0.1.0",
                "example.org:5000/worker:0.1.0",
                None,
            )]),
        }
    }

    fn text_of(cluster: &Cluster) -> String {
        to_text(&findings(cluster), Style(false))
    }

    #[test]
    fn ready_cluster_has_no_warnings() {
        insta::assert_snapshot!(text_of(&cluster()));
    }

    #[test]
    fn empty_cluster_has_every_fault() {
        let nothing = Cluster {
            minor: "31".to_owned(),
            version: "v1.31.0".to_owned(),
            definition: Definition::NotInstalled,
            permissions: REQUIRED_PERMISSIONS.iter().map(|permission| (permission, false)).collect(),
            operator: Operator::NotFound,
            ..cluster()
        };
        insta::assert_snapshot!(text_of(&nothing));
    }

    #[test]
    fn forbidden_checks_are_unknown_not_broken() {
        let tenant =
            Cluster { definition: Definition::Forbidden, operator: Operator::Forbidden, ..cluster() };
        let findings = findings(&tenant);
        assert!(findings.iter().all(|finding| finding.state != State::Broken), "{}", text_of(&tenant));
        assert_eq!(findings.iter().filter(|finding| finding.state == State::Unknown).count(), 2);
    }

    #[test]
    fn version_skew_is_a_warning() {
        let mut found = definition();
        found.data["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
            .as_object_mut()
            .unwrap()
            .remove("suspend");
        let mixed = Cluster {
            definition: Definition::Found(Box::new(found)),
            operator: Operator::Installed(vec![deployment(
                1,
                "example.org/operator:0.1.0",
                "example.org/worker:0.2.0",
                Some("shop, prod"),
            )]),
            ..cluster()
        };
        insta::assert_snapshot!(text_of(&mixed));
    }

    #[test]
    fn images_with_digests_have_no_tag_to_compare() {
        let digest = "example.org/operator@sha256:0123";
        let pinned = Cluster {
            operator: Operator::Installed(vec![deployment(2, digest, "example.org/worker:0.1.0", None)]),
            ..cluster()
        };
        assert!(findings(&pinned).iter().all(|finding| finding.state == State::Good), "{}", text_of(&pinned));
    }

    #[test]
    fn definition_that_is_not_served_yet_is_broken() {
        let mut found = definition();
        found.data["status"] = Value::Null;
        let early = Cluster { definition: Definition::Found(Box::new(found)), ..cluster() };
        assert!(text_of(&early).contains("not served yet"), "{}", text_of(&early));
    }
}
