//! `usp validate`: validates files by the rules of a cluster, and prints each error with its position.

use std::path::Path;

use serde::Serialize;
use userstream_crds::diagnostics::Problem;

use super::CommandError;
use crate::arguments::{OutputFormat, ValidateArguments};
use crate::exit::Exit;
use crate::resource::{self, ResourceError};
use crate::terminal::{Terminal, print, print_error};

#[derive(Serialize)]
struct ProblemJson<'f> {
    file: &'f str,
    line: usize,
    column: usize,
    code: &'f str,
    path: String,
    message: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'f str>,
}

/// Validates every file, including those after an invalid one.
pub(super) fn validate(arguments: &ValidateArguments, terminal: Terminal) -> Result<Exit, CommandError> {
    let mut exit = Exit::Done;
    for path in &arguments.files {
        match (resource::read(path), arguments.output) {
            (Ok(pipelines), OutputFormat::Human) => {
                for pipeline in pipelines {
                    print(&format!(
                        "{}: {}/{} is valid\n",
                        path.display(),
                        pipeline.namespace,
                        pipeline.name
                    ))?;
                }
            }
            (Ok(_), OutputFormat::Json) => {}
            (Err(ResourceError::Invalid(report)), format) => {
                exit = Exit::InvalidResource;
                match format {
                    OutputFormat::Human => {
                        let width = Terminal::size().0.clamp(60, 120);
                        print_error(
                            resource::render_report(&report, terminal.coloured_stderr, width).trim_end(),
                        );
                    }
                    OutputFormat::Json => {
                        for problem in report.problems() {
                            print(&json_line(path, problem))?;
                        }
                    }
                }
            }
            // An unreadable file ends the command, because its exit code differs from that of an invalid one.
            (Err(error), _) => return Err(error.into()),
        }
    }
    Ok(exit)
}

/// Renders a problem as one line of JSON.
fn json_line(file: &Path, problem: &Problem) -> String {
    let json = ProblemJson {
        file: &file.to_string_lossy(),
        line: problem.line(),
        column: problem.column(),
        code: problem.code_name(),
        path: problem.path().to_string(),
        message: problem.message(),
        help: problem.help(),
    };
    // Serialization cannot fail: the members are numbers and strings.
    serde_json::to_string(&json).unwrap_or_default() + "\n"
}
