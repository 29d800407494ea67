//! `usp plan -f`: the changes that applying a file would make in the cluster.

use std::path::Path;

use kube::api::{DynamicObject, Patch, PatchParams, ValidationDirective};
use serde_json::Value;
use userstream_crds::definition::KIND;

use crate::arguments::{OutputFormat, PlanArguments};
use crate::cluster::api::connection::Connection;
use crate::cluster::api::error::ClusterError;
use crate::cluster::apply::ApplyRequest;
use crate::cluster::apply_plan::{ApplyPlan, Outcome, changes, operators_plan, reasons, to_text};
use crate::commands::CommandError;
use crate::exit::Exit;
use crate::resource::{self, ResourceError};
use crate::terminal::style::Style;
use crate::terminal::{Terminal, print};

/// Prints the changes that applying a file would make.
pub(super) async fn plan(
    arguments: &PlanArguments,
    file: &Path,
    terminal: Terminal,
) -> Result<Exit, CommandError> {
    let text = resource::text(file)?;
    // Validates first, because only these errors have positions in the file.
    resource::parse(file, &text)?;
    let manifests = manifests(file, &text)?;
    let connection = Connection::open(&arguments.cluster).await?;
    let mut plans = Vec::new();
    for manifest in manifests {
        plans.push(plan_manifest(&connection, arguments, manifest).await?);
    }
    print(&match arguments.output {
        OutputFormat::Human => to_text(&plans, Style(terminal.coloured)),
        // Serialization cannot fail: the members are numbers, strings and JSON values.
        OutputFormat::Json => serde_json::to_string(&plans).unwrap_or_default() + "\n",
    })?;
    let is_rejected = plans.iter().any(|plan| matches!(plan.outcome, Outcome::Refuse { .. }));
    Ok(if is_rejected { Exit::InvalidResource } else { Exit::Done })
}

/// The pipelines of a file as written, without the defaults of the API server.
fn manifests(file: &Path, text: &str) -> Result<Vec<Value>, ResourceError> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| ResourceError::Unreadable {
            path: file.to_path_buf(),
            source: std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string()),
        })?;
    Ok(documents.into_iter().filter(|document| document["kind"] == KIND).collect())
}

async fn plan_manifest(
    connection: &Connection,
    arguments: &PlanArguments,
    mut manifest: Value,
) -> Result<ApplyPlan, ClusterError> {
    let name = manifest["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let namespace = namespace(connection, arguments, &manifest, &name)?;
    manifest["metadata"]["namespace"] = Value::from(namespace.as_str());
    let pipelines = connection.pipelines_in(&namespace);
    let live = pipelines.get_opt(&name).await.map_err(|error| connection.pipelines_failed(error))?;
    let request = ApplyRequest::of(&manifest, live.as_ref());
    let outcome = match (dry_run(connection, arguments, &namespace, &name, &request).await, &live) {
        (Ok(_), None) => Outcome::Create,
        (Ok(after), Some(live)) => Outcome::Change { changes: changes(live, &after) },
        (Err(kube::Error::Api(status)), _) if status.code == 404 => {
            return Err(not_found(connection, &namespace).await);
        }
        (Err(error), _) => match connection.failed(error) {
            ClusterError::Rejected { reason } => Outcome::Refuse { why: reasons(&reason) },
            other => return Err(other),
        },
    };
    Ok(ApplyPlan {
        applied_as: request.name(),
        outcome,
        operators_plan: live.as_ref().and_then(operators_plan),
        mode_plan: manifest.pointer("/spec/mode").and_then(Value::as_str) == Some("Plan"),
        namespace,
        name,
    })
}

/// The namespace of a manifest: its own, which must not contradict `-n`, or that of the command.
fn namespace(
    connection: &Connection,
    arguments: &PlanArguments,
    manifest: &Value,
    name: &str,
) -> Result<String, ClusterError> {
    match (manifest["metadata"]["namespace"].as_str(), &arguments.cluster.namespace) {
        (Some(declared), Some(requested)) if declared != requested => {
            let reason =
                format!("{name} declares namespace {declared} and -n is {requested}: leave one of them out");
            Err(ClusterError::Rejected { reason })
        }
        (Some(declared), _) => Ok(declared.to_owned()),
        (None, _) => Ok(connection.namespace.clone()),
    }
}

async fn dry_run(
    connection: &Connection,
    arguments: &PlanArguments,
    namespace: &str,
    name: &str,
    request: &ApplyRequest,
) -> Result<DynamicObject, kube::Error> {
    let pipelines = connection.pipelines_in(namespace);
    let parameters = PatchParams {
        dry_run: true,
        field_manager: Some(arguments.field_manager.clone()),
        force: matches!(request, ApplyRequest::ServerSide(_)) && arguments.force_conflicts,
        field_validation: Some(ValidationDirective::Strict),
    };
    match request {
        ApplyRequest::ClientSide(patch) => pipelines.patch(name, &parameters, &Patch::Merge(patch)).await,
        ApplyRequest::ServerSide(manifest) => {
            pipelines.patch(name, &parameters, &Patch::Apply(manifest)).await
        }
    }
}

/// The cause of a 404: the CustomResourceDefinition or the namespace does not exist.
async fn not_found(connection: &Connection, namespace: &str) -> ClusterError {
    match connection.list(&connection.pipelines_in(namespace)).await {
        Err(error) => error,
        Ok(_) => ClusterError::Rejected {
            reason: format!(
                "namespace {namespace} not found: create it with `kubectl create namespace {namespace}`"
            ),
        },
    }
}
