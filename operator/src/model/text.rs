//! Texts that are told to people: errors with what is behind them, and long ones cut where they may be.

/// An error with its causes, of which the last says most: that nobody listens, or that a name does not exist.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The beginning of a text, of so many bytes at most.
pub(crate) fn beginning(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::beginning;

    #[test]
    fn a_text_is_cut_between_two_letters() {
        for (most, cut) in [(0, ""), (1, ""), (2, "ü"), (3, "üa"), (9, "üa")] {
            assert_eq!(beginning("üa", most), cut, "{most}");
        }
    }
}
