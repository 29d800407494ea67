//! How deep the texts of resources and configurations may be nested.

use serde_saphyr::Options;

/// The deepest nesting of a text. A resource has about ten levels, and each level costs stack of a thread that may be
/// small.
const DEEPEST: usize = 32;

/// The options with which every YAML text of a user is read.
pub(crate) fn bounded() -> Options {
    serde_saphyr::options! { budget: serde_saphyr::budget! { max_depth: DEEPEST } }
}
