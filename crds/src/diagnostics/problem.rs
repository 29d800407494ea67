//! A problem of a file, and the report of all of them.

use std::fmt;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode, SourceSpan};

use crate::scalar::field_path::FieldPath;
use crate::schema::definition::KIND;
use crate::schema::validation::SchemaErrorKind;
use crate::validate::{Cause, Violation};

use super::Skipped;
use super::yaml::{Found, Mark, Node};

/// A problem of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    file: String,
    mark: Mark,
    path: FieldPath,
    code: &'static str,
    message: String,
    help: Option<String>,
}

impl Problem {
    /// A violation, at its place in a document.
    pub(super) fn new(document: &Node, violation: &Violation) -> Self {
        let (mark, found) = document.find(&violation.path);
        let mark = match (found, &violation.cause) {
            // The name is wrong, not the value.
            (Found::Scalar { key }, Cause::Schema(SchemaErrorKind::UnknownField { .. })) => key,
            _ => mark,
        };
        let message = match violation.detail() {
            Some(detail) => format!("{} ({detail})", violation.message()),
            None => violation.message(),
        };
        Self::at(mark, violation.path.clone(), violation.code(), message, violation.help())
    }

    /// The text is not YAML.
    pub(super) fn syntax(text: &str, error: &serde_saphyr::Error) -> Self {
        let beginning = Mark { line: 1, column: 1, offset: 0, length: 0 };
        let mark = error.location().map_or(beginning, |location| Mark::in_text(text, location));
        let (reason, help) = match error.without_snippet() {
            serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
                (format!("the key `{key}` is duplicated"), Some("remove or rename one of them".to_owned()))
            }
            other => {
                let reason = other.to_string();
                // The report has the place.
                let reason = reason.split_once(" at line ").map_or(reason.as_str(), |(reason, _)| reason);
                (format!("this is not YAML: {reason}"), None)
            }
        };
        Self::at(mark, FieldPath::root(), "yaml", reason, help)
    }

    /// The file has no pipeline.
    pub(super) fn no_pipeline(skipped: &[Skipped]) -> Self {
        let beginning = Mark { line: 1, column: 1, offset: 0, length: 0 };
        let kinds: Vec<&str> = skipped.iter().filter_map(|document| document.kind.as_deref()).collect();
        let message = if kinds.is_empty() {
            format!("there is no {KIND} in this file")
        } else {
            format!("there is no {KIND} in this file, only {}", kinds.join(", "))
        };
        let help =
            Some(format!("begin with\napiVersion: {}\nkind: {KIND}", crate::schema::definition::API_VERSION));
        Self::at(beginning, FieldPath::root(), "kind", message, help)
    }

    fn at(mark: Mark, path: FieldPath, code: &'static str, message: String, help: Option<String>) -> Self {
        Self { file: String::new(), mark, path, code, message, help }
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.mark.line
    }

    /// The column in characters, from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.mark.column
    }

    /// The path of the field; that of the resource where the problem has no field.
    #[must_use]
    pub fn path(&self) -> &FieldPath {
        &self.path
    }

    /// The code of the broken rule, or `schema`, `yaml` or `kind`.
    #[must_use]
    pub fn code_name(&self) -> &'static str {
        self.code
    }

    /// What is wrong, without the field.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to write instead; `None` where it is unknown.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    pub(super) fn offset(&self) -> usize {
        self.mark.offset
    }

    /// The field and what is wrong with it.
    fn sentence(&self) -> String {
        if self.path == FieldPath::root() {
            self.message.clone()
        } else {
            format!("{}: {}", self.path, self.message)
        }
    }
}

/// One line in the format of compilers: `FILE:LINE:COLUMN: FIELD: what is wrong; what to write instead`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line(), self.column(), self.sentence())?;
        match &self.help {
            Some(help) => write!(f, "; {}", help.replace('\n', " ")),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// A problem below its snippet, which shows the place.
#[derive(Debug)]
struct WithSnippet(Problem);

impl fmt::Display for WithSnippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.sentence())
    }
}

impl std::error::Error for WithSnippet {}

impl Diagnostic for WithSnippet {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.0.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = SourceSpan::from((self.0.mark.offset, self.0.mark.length));
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(None, span))))
    }
}

/// All problems of a file. As a [`Diagnostic`] it shows each problem below its snippet. Each of [`Report::problems`] is
/// displayed as one line.
#[derive(Debug)]
pub struct Report {
    source: NamedSource<String>,
    problems: Vec<WithSnippet>,
}

impl Report {
    pub(super) fn new(name: &str, text: &str, problems: Vec<Problem>) -> Self {
        let named = |problem: Problem| Problem { file: name.to_owned(), ..problem };
        let problems = problems.into_iter().map(|problem| WithSnippet(named(problem))).collect();
        Self { source: NamedSource::new(name, text.to_owned()).with_language("yaml"), problems }
    }

    /// The problems in the order of the text. There is at least one.
    pub fn problems(&self) -> impl ExactSizeIterator<Item = &Problem> {
        self.problems.iter().map(|WithSnippet(problem)| problem)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => write!(f, "{} has a problem", self.source.name()),
            several => write!(f, "{} has {several} problems", self.source.name()),
        }
    }
}

impl std::error::Error for Report {}

impl Diagnostic for Report {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}
