//! Reserved words.

/// The words that CEL reserves and that name no variable. A member of that name is written `self.namespace`, or with two
/// underscores on either side, as in Kubernetes: `__namespace__`.
pub(crate) const RESERVED_WORDS: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];
