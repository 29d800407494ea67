//! Regular expressions with a bound on what they cost.

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// How deep groups may be within each other.
const MAX_NESTING: u32 = 32;
/// The most bytes of a compiled pattern: more than the weight allows.
const MAX_COMPILED: usize = 16 << 20;

/// A regular expression that is checked at once and compiled when it is needed first.
#[derive(Debug)]
pub(super) struct Pattern {
    source: Box<str>,
    cost: Cost,
    compiled: OnceLock<Option<Regex>>,
}

/// What a pattern costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    /// About how many states its automaton has: the cost of compiling it.
    weight: usize,
    /// How many characters and classes it has once repetitions are written out: the cost of a character of the text, at
    /// worst.
    positions: usize,
}

/// Why a text is not a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatternError {
    /// It is not a regular expression.
    Syntax,
    /// It is too large.
    TooLarge,
}

impl PatternError {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Syntax => "the pattern is not a regular expression",
            Self::TooLarge => "the pattern is too large",
        }
    }
}

impl Pattern {
    /// Checks a pattern of at most this weight.
    pub(super) fn new(source: &str, max_weight: usize) -> Result<Self, PatternError> {
        let hir = ParserBuilder::new()
            .nest_limit(MAX_NESTING)
            .build()
            .parse(source)
            .map_err(|_| PatternError::Syntax)?;
        let cost = cost(&hir);
        if cost.weight > max_weight {
            return Err(PatternError::TooLarge);
        }
        Ok(Self { source: source.into(), cost, compiled: OnceLock::new() })
    }

    /// The compiled pattern.
    pub(super) fn regex(&self) -> Option<&Regex> {
        let compile =
            || RegexBuilder::new(&self.source).nest_limit(MAX_NESTING).size_limit(MAX_COMPILED).build().ok();
        self.compiled.get_or_init(compile).as_ref()
    }

    /// About how many states its automaton has.
    pub(super) fn weight(&self) -> usize {
        self.cost.weight
    }

    /// How many steps it takes to compile it.
    pub(super) fn compile_steps(&self) -> usize {
        self.cost.weight.saturating_mul(20).saturating_add(1_000)
    }

    /// How many steps a search in a text of so many bytes takes, where the engine has to try every position.
    pub(super) fn search_steps(&self, bytes: usize) -> usize {
        bytes.saturating_mul(self.cost.positions) / 8
    }

    /// How many steps the search for a further match in the same text takes. It may read to the end of the text and find
    /// a match at its beginning.
    pub(super) fn next_search_steps(&self, bytes: usize) -> usize {
        bytes.saturating_mul(self.cost.positions) / 64
    }
}

fn cost(hir: &Hir) -> Cost {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Cost { weight: 1, positions: 1 },
        HirKind::Literal(literal) => Cost { weight: literal.0.len(), positions: literal.0.len() },
        HirKind::Class(Class::Unicode(class)) => Cost { weight: 1 + class.ranges().len() / 4, positions: 1 },
        HirKind::Class(Class::Bytes(class)) => Cost { weight: 1 + class.ranges().len() / 4, positions: 1 },
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(1);
            let times = usize::try_from(times).unwrap_or(usize::MAX);
            let Cost { weight, positions } = cost(&repetition.sub);
            Cost { weight: weight.saturating_mul(times), positions: positions.saturating_mul(times) }
        }
        HirKind::Capture(capture) => cost(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(cost).fold(Cost { weight: 1, positions: 0 }, |sum, part| Cost {
                weight: sum.weight.saturating_add(part.weight),
                positions: sum.positions.saturating_add(part.positions),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{MAX_COMPUTED_PATTERN, MAX_PATTERN};

    #[test]
    fn patterns_that_people_write_are_light_enough() {
        for source in [
            r"^[A-Z]{2}$",
            r"^[\w.+-]{1,64}@[\w-]{1,63}(\.[\w-]{1,63})+$",
            r"(?i)^\p{L}+(\s\p{L}+){0,4}$",
            r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$",
            "",
        ] {
            let pattern = Pattern::new(source, MAX_PATTERN);
            assert!(pattern.is_ok_and(|pattern| pattern.regex().is_some()), "{source}");
        }
    }

    #[test]
    fn a_pattern_that_explodes_is_refused_before_it_is_compiled() {
        for source in
            ["(a{1000}){1000}", "((((a{100}){100}){100}){100}){100}", r"(\w{100}){100}", r"\pL{1000}"]
        {
            assert_eq!(
                Pattern::new(source, MAX_PATTERN).map(|_| ()),
                Err(PatternError::TooLarge),
                "{source}"
            );
        }
        for source in ["(a", "[", "a{2,1}", "(?<n", "\\", "*", &"(".repeat(1000), r"(?=a)"] {
            assert_eq!(Pattern::new(source, MAX_PATTERN).map(|_| ()), Err(PatternError::Syntax), "{source}");
        }
        assert_eq!(
            Pattern::new(&"a".repeat(2000), MAX_COMPUTED_PATTERN).map(|_| ()),
            Err(PatternError::TooLarge)
        );
    }

    #[test]
    fn what_is_light_enough_compiles() {
        for source in [r"\w{40}", "(a?){5000}", "[ab]{9000}", r"\PL{60}", "(?i)[a-z]{9000}"] {
            let pattern = Pattern::new(source, MAX_PATTERN);
            assert!(pattern.is_ok_and(|pattern| pattern.regex().is_some()), "{source}");
        }
    }
}
