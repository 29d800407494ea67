//! `spec.source.http.pagination`: how an API paginates.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;

/// How the API paginates. A run fetches pages until the last one or `maxPages`. The position is saved once Kafka has
/// acknowledged the records of a page, and the next run goes on from there.
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
    /// `None`: one request a run. `Page`: a query parameter counts pages, and a page that is empty or, after the first,
    /// answers 404 is the last. `Cursor`: each body has the next cursor. `Link`: the `Link` header has the next URL
    /// (RFC 8288, rel="next"), on the server of `url`. After the last page, Page and Link start again at the first;
    /// Cursor keeps the last cursor. Default: None.
    #[serde(rename = "type")]
    pub kind: PaginationType,
    /// The query parameter of the page number or the cursor. Page and Cursor need it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub parameter: Option<String>,
    /// The number of the first page, for Page. Default: 1.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub first: i64,
    /// The dot path of the next cursor in the body, for Cursor. Absent, null and empty mean that the page is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub path: Option<String>,
    /// The most pages of one run. Default: 100.
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
    /// Each body has the next cursor.
    Cursor,
    /// The `Link` header has the next URL.
    Link,
}
