//! From what was seen of a cluster to what is missing. Pure.

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::DynamicObject;
use kube::{CustomResourceExt, ResourceExt};
use serde::Serialize;
use serde_json::Value;
use userstream_crds::UserStreamPipeline;
use userstream_crds::definition::custom_resource_definition;

use crate::cluster::difference::differences;
use crate::cluster::installation::{image, variable, watches};
use crate::cluster::snapshot::{Operator, ready_replicas};
use crate::cluster::state::State;
use crate::terminal::style::Style;
use crate::terminal::{left, width_of};

/// The oldest Kubernetes that the chart installs on.
const OLDEST_MINOR: u32 = 33;
/// The version of this program, which is that of the definition in it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) state: State,
    pub(crate) what: String,
    pub(crate) told: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

/// What was seen of a cluster.
pub(crate) struct Cluster {
    pub(crate) server: String,
    pub(crate) namespace: String,
    pub(crate) major: String,
    pub(crate) minor: String,
    pub(crate) version: String,
    pub(crate) definition: Definition,
    pub(crate) access: Vec<(&'static Permission, bool)>,
    pub(crate) operator: Operator,
}

/// The CustomResourceDefinition, as far as it can be seen.
pub(crate) enum Definition {
    Snapshot(Box<DynamicObject>),
    NotInstalled,
    /// There is one, and this user may not see which.
    Forbidden,
}

/// Something that one has to be allowed to do.
#[derive(Debug)]
pub(crate) struct Permission {
    pub(crate) verb: &'static str,
    pub(crate) group: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) subresource: &'static str,
    /// What does not work without it.
    without: &'static str,
    /// Whether nothing works without it.
    is_essential: bool,
}

const fn pipelines(verb: &'static str, without: &'static str, is_essential: bool) -> Permission {
    Permission {
        verb,
        group: "userstream.dev",
        resource: "userstreampipelines",
        subresource: "",
        without,
        is_essential,
    }
}

const fn other(
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    without: &'static str,
) -> Permission {
    Permission { verb, group, resource, subresource, without, is_essential: false }
}

/// Everything that `usp` asks of a cluster.
pub(crate) const REQUIRED_PERMISSIONS: &[Permission] = &[
    pipelines("get", "usp does nothing here", true),
    pipelines("list", "usp get lists nothing", true),
    pipelines("create", "no pipeline can be applied", false),
    pipelines("patch", "usp run, suspend, resume and plan -f do not work", false),
    other("list", "apps", "deployments", "", "usp status does not show Deployments"),
    other("list", "batch", "cronjobs", "", "usp status does not show CronJobs"),
    other("list", "batch", "jobs", "", "usp status does not show Jobs"),
    other("list", "", "pods", "", "usp status does not show pods, and usp logs does not work"),
    other("get", "", "pods", "log", "usp logs does not work"),
    other("get", "", "pods", "proxy", "usp status does not show what workers tell of themselves"),
];

/// What is there, and what is missing.
pub(crate) fn findings(cluster: &Cluster) -> Vec<Finding> {
    let mut all = vec![kubernetes(cluster), definition(&cluster.definition)];
    all.extend(access(cluster));
    all.extend(operators(cluster));
    all
}

fn finding(state: State, what: &str, told: String, hint: Option<&str>) -> Finding {
    Finding { state, what: what.to_owned(), told, hint: hint.map(str::to_owned) }
}

fn kubernetes(cluster: &Cluster) -> Finding {
    let digits: String = cluster.minor.chars().take_while(char::is_ascii_digit).collect();
    let is_enough = match (cluster.major.parse::<u32>(), digits.parse::<u32>()) {
        (Ok(1), Ok(minor)) => Some(minor >= OLDEST_MINOR),
        (Ok(major), _) => Some(major > 1),
        _ => None,
    };
    let told = format!("{} at {}", cluster.version, cluster.server);
    match is_enough {
        Some(true) => finding(State::Good, "Kubernetes", told, None),
        Some(false) => {
            let told = format!("{told}; 1.{OLDEST_MINOR} or newer is needed");
            finding(
                State::Broken,
                "Kubernetes",
                told,
                Some("upgrade the cluster, or choose another --context"),
            )
        }
        None => finding(State::Unknown, "Kubernetes", format!("{told}; its version cannot be read"), None),
    }
}

fn definition(definition: &Definition) -> Finding {
    let (what, name) = ("definition", UserStreamPipeline::crd_name());
    let install = "helm upgrade --install userstream helm/userstream -n userstream-system --create-namespace installs it";
    match definition {
        Definition::NotInstalled => {
            finding(State::Broken, what, format!("{name} is not installed"), Some(install))
        }
        Definition::Forbidden => {
            let told = format!("{name} is installed; you may not see whether it is that of usp {VERSION}");
            finding(State::Unknown, what, told, None)
        }
        Definition::Snapshot(found) => snapshot(found, install),
    }
}

fn snapshot(found: &DynamicObject, install: &str) -> Finding {
    let (what, name) = ("definition", UserStreamPipeline::crd_name());
    if !is_established(found) {
        let told = format!("{name} is there, and the API server does not serve it yet");
        return finding(State::Broken, what, told, Some("kubectl describe crd says why"));
    }
    let ours = custom_resource_definition();
    let different = differences("", Some(&served(&ours)), Some(&served(&found.data)));
    let Some(first) = different.first() else {
        return finding(State::Good, what, format!("{name} is that of usp {VERSION}"), None);
    };
    let version = found.labels().get("app.kubernetes.io/version");
    let version = version.map(|version| format!(" (version {version})")).unwrap_or_default();
    let (count, first) = (different.len(), &first.path);
    let told = format!(
        "{name}{version} is another than that of usp {VERSION}: {count} differences, the first in {first}"
    );
    finding(State::Warning, what, told, Some(&format!("use the usp of that version, or: {install}")))
}

fn is_established(definition: &DynamicObject) -> bool {
    let conditions = definition.data.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|it| it["type"] == "Established" && it["status"] == "True")
}

/// What a definition says of the resource, without what the API server adds to it.
fn served(definition: &Value) -> Value {
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    let mut all = serde_json::Map::new();
    for version in versions.into_iter().flatten() {
        let name = version["name"].as_str().unwrap_or_default().to_owned();
        all.insert(name, version.clone());
    }
    Value::Object(all)
}

fn access(cluster: &Cluster) -> Vec<Finding> {
    let what = "your rights";
    let denied: Vec<&&Permission> =
        cluster.access.iter().filter(|(_, is_allowed)| !is_allowed).map(|(need, _)| need).collect();
    if denied.is_empty() {
        let told = format!("enough for all that usp does in namespace {}", cluster.namespace);
        return vec![finding(State::Good, what, told, None)];
    }
    let told = |need: &&&Permission| {
        let resource = match (need.resource, need.subresource, need.group) {
            (resource, "", "") => resource.to_owned(),
            (resource, "", group) => format!("{resource}.{group}"),
            (resource, subresource, _) => format!("{resource}/{subresource}"),
        };
        let state = if need.is_essential { State::Broken } else { State::Warning };
        let told = format!(
            "you may not {} {resource} in namespace {}: {}",
            need.verb, cluster.namespace, need.without
        );
        finding(state, what, told, None)
    };
    denied.iter().map(told).collect()
}

fn operators(cluster: &Cluster) -> Vec<Finding> {
    match &cluster.operator {
        Operator::NotFound => vec![finding(
            State::Broken,
            "operator",
            "there is no Deployment of it in the cluster".to_owned(),
            Some("helm install userstream helm/userstream -n userstream-system --create-namespace installs it"),
        )],
        Operator::Forbidden => vec![finding(
            State::Unknown,
            "operator",
            "you may not list deployments where it is; `usp status NAME` says whether a pipeline is looked after".to_owned(),
            None,
        )],
        Operator::Installed(deployments) => {
            let mut all: Vec<Finding> = deployments.iter().flat_map(operator).collect();
            if !deployments.iter().any(|it| watches(it, &cluster.namespace)) {
                let told = format!("no operator watches namespace {}", cluster.namespace);
                all.push(finding(State::Broken, "operator", told, Some("see watchNamespaces of the chart")));
            }
            all
        }
    }
}

fn operator(deployment: &Deployment) -> Vec<Finding> {
    let (namespace, name) = (deployment.namespace().unwrap_or_default(), deployment.name_any());
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let ready = ready_replicas(deployment);
    let told = format!("{namespace}/{name}: {ready} of {wanted} ready, image {}", image(deployment));
    let describe = format!("kubectl -n {namespace} describe deployment {name}, and its pods, say why");
    let mut all = vec![match (ready, wanted) {
        (0, _) => finding(State::Broken, "operator", told, Some(&describe)),
        (ready, wanted) if ready < wanted => finding(State::Warning, "operator", told, Some(&describe)),
        _ => finding(State::Good, "operator", told, None),
    }];
    let version = deployment.labels().get("app.kubernetes.io/version");
    if let Some(version) = version.filter(|version| *version != VERSION) {
        let told = format!("is version {version}, and this usp is {VERSION}");
        all.push(finding(State::Warning, "operator", told, Some("use the usp of the operator's version")));
    }
    let Some(worker) = variable(deployment, "WORKER_IMAGE") else {
        let told = "the Deployment does not name it".to_owned();
        all.push(finding(State::Unknown, "worker image", told, None));
        return all;
    };
    all.push(match (tag(&worker), tag(&image(deployment))) {
        (Some(workers), Some(operators)) if workers != operators => {
            let told = format!("{worker} has another tag than the operator's image");
            let hint = "operator and workers are meant to be of one version";
            finding(State::Warning, "worker image", told, Some(hint))
        }
        _ => finding(State::Good, "worker image", worker, None),
    });
    all
}

/// The tag of an image; an image that is named by its digest has none to compare.
fn tag(image: &str) -> Option<&str> {
    let name = image.rsplit('/').next()?;
    if name.contains('@') { None } else { name.split_once(':').map(|(_, tag)| tag) }
}

pub(crate) fn to_text(findings: &[Finding], style: Style) -> String {
    let widest = findings.iter().map(|finding| width_of(&finding.what)).max().unwrap_or(0);
    let mut text = String::new();
    for finding in findings {
        let symbol = finding.state.paint(style, finding.state.symbol());
        text.push_str(&format!("{symbol} {}  {}\n", style.bold(&left(&finding.what, widest)), finding.told));
        if let Some(hint) = &finding.hint {
            text.push_str(&format!("  {}  {}\n", " ".repeat(widest), style.dim(hint)));
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
            definition: Definition::Snapshot(Box::new(definition())),
            access: REQUIRED_PERMISSIONS.iter().map(|need| (need, true)).collect(),
            operator: Operator::Installed(vec![deployment(
                2,
                "example.org/operator:0.1.0",
                "example.org:5000/worker:0.1.0",
                None,
            )]),
        }
    }

    fn told(cluster: &Cluster) -> String {
        to_text(&findings(cluster), Style(false))
    }

    #[test]
    fn a_cluster_that_has_everything() {
        insta::assert_snapshot!(told(&cluster()));
    }

    #[test]
    fn a_cluster_that_has_nothing() {
        let nothing = Cluster {
            minor: "31".to_owned(),
            version: "v1.31.0".to_owned(),
            definition: Definition::NotInstalled,
            access: REQUIRED_PERMISSIONS.iter().map(|need| (need, false)).collect(),
            operator: Operator::NotFound,
            ..cluster()
        };
        insta::assert_snapshot!(told(&nothing));
    }

    #[test]
    fn what_a_tenant_may_not_see_is_not_said_to_be_missing() {
        let tenant =
            Cluster { definition: Definition::Forbidden, operator: Operator::Forbidden, ..cluster() };
        let findings = findings(&tenant);
        assert!(findings.iter().all(|finding| finding.state != State::Broken), "{}", told(&tenant));
        assert_eq!(findings.iter().filter(|finding| finding.state == State::Unknown).count(), 2);
    }

    #[test]
    fn another_definition_and_mixed_versions_are_warned_of() {
        let mut found = definition();
        found.data["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
            .as_object_mut()
            .unwrap()
            .remove("suspend");
        let mixed = Cluster {
            definition: Definition::Snapshot(Box::new(found)),
            operator: Operator::Installed(vec![deployment(
                1,
                "example.org/operator:0.1.0",
                "example.org/worker:0.2.0",
                Some("shop, prod"),
            )]),
            ..cluster()
        };
        insta::assert_snapshot!(told(&mixed));
    }

    #[test]
    fn an_image_that_is_named_by_its_digest_has_no_tag_to_compare() {
        let digest = "example.org/operator@sha256:0123";
        let pinned = Cluster {
            operator: Operator::Installed(vec![deployment(2, digest, "example.org/worker:0.1.0", None)]),
            ..cluster()
        };
        assert!(findings(&pinned).iter().all(|finding| finding.state == State::Good), "{}", told(&pinned));
    }

    #[test]
    fn a_definition_that_is_not_served_yet_is_missing() {
        let mut found = definition();
        found.data["status"] = Value::Null;
        let early = Cluster { definition: Definition::Snapshot(Box::new(found)), ..cluster() };
        assert!(told(&early).contains("does not serve it yet"), "{}", told(&early));
    }
}
