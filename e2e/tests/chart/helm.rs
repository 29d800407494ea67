//! Renders the chart with the rig's Helm.

use std::process::Command;

use serde_json::Value;
use userstream_e2e::rig::repository;

/// The values that enable every optional object.
pub(crate) const EVERYTHING: [&str; 6] = [
    "replicas=2",
    "networkPolicies=true",
    "networkPolicy.enabled=true",
    "metrics.podMonitor=true",
    "metrics.prometheusRule.enabled=true",
    "metrics.dashboard.enabled=true",
];

/// The rendered objects of the chart with some values, or Helm's error.
pub(crate) fn try_render(release: &str, values: &[&str]) -> Result<Vec<Value>, String> {
    let mut command = Command::new(repository().join("e2e/rig/cluster"));
    command.args(["helm", "template", release]).arg(repository().join("helm/userstream"));
    command.args(["--namespace", "userstream-system", "--api-versions", "monitoring.coreos.com/v1"]);
    for value in values {
        command.args(["--set", value]);
    }
    let output = command.output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let documents = text.split("\n---\n").filter(|document| document.contains("apiVersion:"));
    Ok(documents.map(|document| serde_saphyr::from_str(document).unwrap()).collect())
}

/// The rendered objects of the chart with some values.
pub(crate) fn render(values: &[&str]) -> Vec<Value> {
    try_render("userstream", values).unwrap_or_else(|error| panic!("{values:?}: {error}"))
}

/// The objects of a kind.
pub(crate) fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// The single object of a kind.
pub(crate) fn the<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found = of_kind(objects, kind);
    assert_eq!(found.len(), 1, "{kind}: {found:#?}");
    found[0]
}
