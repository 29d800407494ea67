//! What programs read: JSON and YAML.

use serde::Serialize;

use crate::arguments::DocumentFormat;

/// A value as JSON on several lines, or as YAML. None for people, who get something else.
pub(super) fn document(value: &impl Serialize, format: DocumentFormat) -> Option<String> {
    // Objects of the API and our own texts and numbers: there is nothing in them that the formats have no form for.
    match format {
        DocumentFormat::Human => None,
        DocumentFormat::Json => Some(serde_json::to_string_pretty(value).unwrap_or_default() + "\n"),
        DocumentFormat::Yaml => Some(serde_saphyr::to_string(value).unwrap_or_default()),
    }
}
