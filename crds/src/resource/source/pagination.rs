//! `spec.source.http.pagination`: more than one page.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;

/// How the API hands out more than one page. A run walks pages until the source ends or `maxPages`; the position is saved
/// once the records are acknowledged by Kafka.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [
    rules::cel(&rules::PAGE_NEEDS_PARAMETER, "self.type != 'Page' || has(self.parameter)"),
    rules::cel(
        &rules::CURSOR_NEEDS_PARAMETER_AND_PATH,
        "self.type != 'Cursor' || (has(self.parameter) && has(self.path))",
    ),
]))]
pub struct PaginationSpec {
    /// `None`: one request a run. `Page`: a query parameter counts pages, and an empty page is the last. `Cursor`: each
    /// body names the next cursor. `Link`: the `Link` header names the next address (RFC 8288, rel="next"). A finished
    /// walk starts again at the first page for Page and Link; Cursor keeps the last cursor. Default: None.
    #[serde(rename = "type")]
    pub kind: PaginationType,
    /// The query parameter that carries the page number or the cursor. Needed by Page and Cursor.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub parameter: Option<String>,
    /// The number of the first page, for Page. Default: 1.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub first: i64,
    /// The dot path to the next cursor in the body, for Cursor. Absent, null or empty there means the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub path: Option<String>,
    /// How many pages one run fetches at most. Default: 100.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_pages: i32,
}

impl Default for PaginationSpec {
    fn default() -> Self {
        Self { kind: PaginationType::None, parameter: None, first: 1, path: None, max_pages: 100 }
    }
}

/// The kinds of pagination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PaginationType {
    /// One request a run.
    #[default]
    None,
    /// A query parameter counts pages.
    Page,
    /// Each body names the next cursor.
    Cursor,
    /// The `Link` header names the next address.
    Link,
}
