//! From the text of a YAML file to pipelines, or to diagnostics: file, line, column, field, what is wrong and what to
//! write instead.
//!
//! The file is validated as by the API server: first against the schema (unknown and missing fields, types, ranges,
//! patterns), then against every rule.

mod problem;
mod yaml;

pub use problem::{Problem, Report};

use crate::model::Pipeline;
use crate::model::claims::claims;
use crate::resource::pipeline::UserStreamPipeline;
use crate::rules;
use crate::scalar::field_path::FieldPath;
use crate::schema::defaults::apply_defaults;
use crate::schema::definition::{API_VERSION, KIND, document_schema};
use crate::schema::validation::errors;
use crate::validate::{Cause, Violation, validate};

use yaml::Node;

/// The content of a file.
#[derive(Clone, Debug)]
pub struct File {
    /// The pipelines in order: the resource with its defaults, and its model.
    pub pipelines: Vec<(UserStreamPipeline, Pipeline)>,
    /// The other documents, which are ignored.
    pub skipped: Vec<Skipped>,
}

/// A document that is not a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its first line, from 1.
    pub line: usize,
    /// Its `kind`; `None` where it has none.
    pub kind: Option<String>,
}

/// Reads the text of a file. `name` is the file's name in diagnostics.
///
/// # Errors
/// All problems in the order of the text: the text is not YAML, it has no pipeline, or one of its pipelines violates
/// the schema, breaks a rule, or claims what another one in the file claims.
pub fn read(name: &str, text: &str) -> Result<File, Report> {
    let documents = match yaml::documents(text) {
        Ok(documents) => documents,
        Err(error) => return Err(Report::new(name, text, vec![Problem::syntax(text, &error)])),
    };
    let mut file = File { pipelines: Vec::new(), skipped: Vec::new() };
    let mut problems = Vec::new();
    let mut places = Vec::new();
    for document in &documents {
        if !is_meant_as_pipeline(document) {
            file.skipped
                .push(Skipped { line: document.line(), kind: document.text_at("kind").map(str::to_owned) });
            continue;
        }
        match pipeline(document) {
            Ok(pipeline) => {
                places.push(document);
                file.pipelines.push(pipeline);
            }
            Err(violations) => {
                problems.extend(violations.iter().map(|violation| Problem::new(document, violation)));
            }
        }
    }
    problems.extend(conflicts(&file.pipelines, &places));
    if problems.is_empty() && file.pipelines.is_empty() {
        problems.push(Problem::no_pipeline(&file.skipped));
    }
    problems.sort_by_key(|problem| problem.offset());
    if problems.is_empty() { Ok(file) } else { Err(Report::new(name, text, problems)) }
}

/// Whether a document is, or is probably meant as, a pipeline: the group or the kind is enough.
fn is_meant_as_pipeline(document: &Node) -> bool {
    let group = API_VERSION.split('/').next().unwrap_or_default();
    let ours = |text: &str| text.split('/').next() == Some(group);
    let kind = document.text_at("kind");
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(KIND))
        || document.text_at("apiVersion").is_some_and(ours)
        || (kind.is_none() && document.get("spec").is_some())
}

fn pipeline(document: &Node) -> Result<(UserStreamPipeline, Pipeline), Vec<Violation>> {
    let schema = document_schema();
    let mut value = document.to_json();
    let mut violations: Vec<Violation> = errors(schema, &value).into_iter().map(Violation::from).collect();
    apply_defaults(schema, &mut value);
    match serde_json::from_value::<UserStreamPipeline>(value) {
        Ok(resource) => match validate(&resource) {
            Ok(pipeline) if violations.is_empty() => return Ok((resource, pipeline)),
            Ok(_) => {}
            // Violations of the schema are already reported.
            Err(broken) => violations
                .extend(broken.into_iter().filter(|violation| !matches!(violation.cause, Cause::Schema(_)))),
        },
        Err(error) if violations.is_empty() => violations.push(Violation::undecodable(&error)),
        // A violation of the schema is the cause.
        Err(_) => {}
    }
    Err(violations)
}

/// Claims of a pipeline that an earlier pipeline of the file has made.
fn conflicts(pipelines: &[(UserStreamPipeline, Pipeline)], places: &[&Node]) -> Vec<Problem> {
    let claimed: Vec<_> = pipelines.iter().map(|(_, pipeline)| (pipeline, claims(pipeline))).collect();
    let mut problems = Vec::new();
    for (later, ((pipeline, wanted), document)) in claimed.iter().zip(places).enumerate() {
        for (earlier, taken) in claimed.iter().take(later) {
            if (&earlier.namespace, &earlier.name) == (&pipeline.namespace, &pipeline.name) {
                let cause = Cause::Rule {
                    rule: &rules::NAME_ONCE,
                    detail: Some(format!("{}/{}", pipeline.namespace, pipeline.name)),
                };
                let path = FieldPath::from("metadata.name");
                problems.push(Problem::new(document, &Violation { path, cause }));
                continue;
            }
            for claim in wanted.iter().filter(|claim| taken.iter().any(|other| other.conflicts_with(claim))) {
                let detail = format!("{}, by {}/{}", claim.subject, earlier.namespace, earlier.name);
                let cause = Cause::Rule { rule: &rules::CLAIMED, detail: Some(detail) };
                problems.push(Problem::new(document, &Violation { path: claim.subject.field(), cause }));
            }
        }
    }
    problems
}
