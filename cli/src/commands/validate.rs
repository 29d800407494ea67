//! `usp validate`: checks files as a cluster would, and says what is wrong and where.

use std::path::Path;

use serde::Serialize;
use userstream_crds::diagnostics::Problem;

use super::CommandError;
use crate::arguments::{OutputFormat, ValidateArguments};
use crate::exit::Exit;
use crate::resource::{self, ResourceError};
use crate::terminal::{Terminal, print, print_error};

#[derive(Serialize)]
struct Json<'f> {
    file: &'f str,
    line: usize,
    column: usize,
    code: &'f str,
    path: String,
    message: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'f str>,
}

/// Checks every file, also those behind one that is wrong.
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
                            print(&line(path, problem))?;
                        }
                    }
                }
            }
            // Without the file there is nothing to say of it, nor of those behind it.
            (Err(error), _) => return Err(error.into()),
        }
    }
    Ok(exit)
}

/// A problem as one line of JSON.
fn line(file: &Path, problem: &Problem) -> String {
    let json = Json {
        file: &file.to_string_lossy(),
        line: problem.line(),
        column: problem.column(),
        code: problem.code_name(),
        path: problem.path().to_string(),
        message: problem.message(),
        help: problem.help(),
    };
    // Numbers and texts: there is nothing in it that JSON has no form for.
    serde_json::to_string(&json).unwrap_or_default() + "\n"
}
