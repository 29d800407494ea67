//! Renders objects as JSON or YAML.

use serde::Serialize;

use crate::arguments::DocumentFormat;

/// A value as indented JSON or as YAML; `None` for text, which each command renders itself.
pub(super) fn document(value: &impl Serialize, format: DocumentFormat) -> Option<String> {
    // Serialization cannot fail: the values are API objects, numbers and strings.
    match format {
        DocumentFormat::Human => None,
        DocumentFormat::Json => Some(serde_json::to_string_pretty(value).unwrap_or_default() + "\n"),
        DocumentFormat::Yaml => Some(serde_saphyr::to_string(value).unwrap_or_default()),
    }
}
