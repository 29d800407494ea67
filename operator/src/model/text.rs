//! Texts for users: errors with their causes, and long texts truncated.

/// An error followed by its causes, of which the last is the most specific: a refused connection, an unknown host.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The beginning of a text, at most so many bytes long and cut between two characters.
pub(crate) fn truncated(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::truncated;

    #[test]
    fn text_is_truncated_between_characters() {
        for (bytes, beginning) in [(0, ""), (1, ""), (2, "ü"), (3, "üa"), (9, "üa")] {
            assert_eq!(truncated("üa", bytes), beginning, "{bytes}");
        }
    }
}
