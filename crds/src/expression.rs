//! CEL expressions that were compiled once.

mod syntax_tree;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use kube_cel::KubeCelExt;
use kube_cel::cel::common::ast::{CallExpr, Expr, IdedExpr};
use kube_cel::cel::{Context, ExecutionError, ParseErrors, Program, Value};

/// The words that CEL keeps for itself. A variable of that name is written with two underscores on either side, as
/// Kubernetes does it: `__namespace__`.
pub const RESERVED_WORDS: [&str; 21] = [
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

/// The most brackets within brackets, and the most conditions, that an expression may have: each takes a piece of the
/// stack, and no text may use it up.
const DEEPEST: usize = 32;
/// The most levels of the compiled expression: `a + b + c` has three.
const DEEPEST_TREE: usize = 128;

/// A CEL expression that compiles and names only functions that exist. Cloning shares the program.
#[derive(Clone)]
pub struct Expression {
    source: Arc<str>,
    program: Arc<Program>,
    variables: Arc<BTreeSet<String>>,
}

/// Why a text is not an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It is not CEL.
    #[error("not a CEL expression: {reason}")]
    Syntax {
        /// What the parser says, with the position.
        reason: String,
    },
    /// It constructs a message.
    #[error("messages like Name{{member: value}} are not supported: write a map, {{'member': value}}")]
    ConstructsMessage,
    /// There is no such function.
    #[error("there is no function `{name}`")]
    UnknownFunction {
        /// The name of the function.
        name: String,
    },
    /// It has too many levels.
    #[error(
        "the expression is too deep: at most {DEEPEST} brackets within each other, {DEEPEST} conditions and {DEEPEST_TREE} operations in a row"
    )]
    TooDeep,
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// When it is not CEL, is too deep, constructs a message, or calls a function that does not exist.
    pub fn compile(source: &str) -> Result<Self, ExpressionError> {
        if nesting(source) > DEEPEST || source.matches('?').count() > DEEPEST {
            return Err(ExpressionError::TooDeep);
        }
        let program =
            Program::compile(source).map_err(|error| ExpressionError::Syntax { reason: reason(&error) })?;
        let functions = functions();
        let names = syntax_tree::names(program.expression(), &functions);
        if names.depth > DEEPEST_TREE {
            return Err(ExpressionError::TooDeep);
        }
        if names.constructs_message {
            return Err(ExpressionError::ConstructsMessage);
        }
        let exists = |name: &str| is_operator(name) || is_function(name, &functions);
        match names.functions.iter().find(|name| !exists(name)) {
            Some(name) => Err(ExpressionError::UnknownFunction { name: name.clone() }),
            None => Ok(Self {
                source: source.into(),
                program: Arc::new(program),
                variables: Arc::new(names.variables),
            }),
        }
    }

    /// The expression as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The compiled program, to be executed in a context with the functions of
    /// [`KubeCelExt::with_all`](crate::KubeCelExt::with_all) and the [`variables`](Self::variables) that it names.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The variables that it takes from its context, as they are written in it; those that it binds itself are not among
    /// them.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(String::as_str)
    }
}

/// How a variable is written in an expression: as it is, unless CEL keeps the word for itself.
#[must_use]
pub fn variable(name: &str) -> String {
    if RESERVED_WORDS.contains(&name) { format!("__{name}__") } else { name.to_owned() }
}

/// The deepest brackets within brackets. Those in strings count as well: that is on the safe side.
fn nesting(source: &str) -> usize {
    let mut depth: usize = 0;
    let mut deepest = 0;
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// The functions that expressions may call: those of CEL and those that Kubernetes adds.
#[must_use]
pub fn functions() -> Context<'static> {
    Context::default().with_all()
}

/// Whether there is a function of this name. A context does not tell but by a call: one that it does not have, it
/// refuses by this name, before it looks at the arguments, which are missing here.
#[must_use]
pub fn is_function(name: &str, functions: &Context<'_>) -> bool {
    let call = CallExpr { func_name: name.to_owned(), target: None, args: Vec::new() };
    let outcome = Value::resolve(&IdedExpr { id: 0, expr: Expr::Call(call) }, functions);
    !matches!(outcome, Err(ExecutionError::UndeclaredReference(unknown)) if *unknown == name)
}

/// Operators are functions too, with names that nobody can write.
fn is_operator(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// The first thing that is wrong, in one line: the others follow from it.
fn reason(errors: &ParseErrors) -> String {
    let Some(first) = errors.errors.first() else { return "it cannot be read".to_owned() };
    // The parser lists every token that might have come instead.
    let message = first.msg.lines().next().unwrap_or_default();
    let message = message.split(" expecting {").next().unwrap_or(message).replace("'<EOF>'", "the end");
    format!("{message}, at character {}", first.pos.1)
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.source).finish()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Expression {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn variables(source: &str) -> Vec<String> {
        Expression::compile(source).unwrap().variables().map(str::to_owned).collect()
    }

    #[test]
    fn the_variables_are_those_that_the_context_must_have() {
        assert_eq!(variables("nat != 'XX'"), ["nat"]);
        assert_eq!(variables("string(location.street.number) + ' ' + location.street.name"), ["location"]);
        assert_eq!(
            variables("tags.exists(t, t == wanted) && size(tags.filter(t, t != '')) > 0"),
            ["tags", "wanted"]
        );
        assert_eq!(variables("{'a': b, c: [d, {'e': f}]}['a']"), ["b", "c", "d", "f"]);
        assert_eq!(variables("has(id.value) ? id.value : 'none'"), ["id"]);
        assert_eq!(variables("math.greatest(age, 18) > 20 && x == int(y)"), ["age", "x", "y"]);
        // The list that is walked is outside of the walk, even where it has the same name.
        assert_eq!(variables("x.all(x, x > 0)"), ["x"]);
        assert!(variables("1 + 1 == 2").is_empty());
    }

    #[test]
    fn a_reserved_word_is_a_variable_between_underscores() {
        assert_eq!(variable("namespace"), "__namespace__");
        assert_eq!(variable("nat"), "nat");
        assert_eq!(variables("__namespace__ == 'demo'"), ["__namespace__"]);
    }

    #[test]
    fn a_function_that_does_not_exist_is_found_before_it_is_called() {
        for (source, missing) in [
            ("upper(nat)", "upper"),
            ("nat.toUpper() == 'X'", "toUpper"),
            ("a || now() > b", "now"),
            ("math.greates(1, 2) == 2", "greates"),
        ] {
            let error = Expression::compile(source).unwrap_err();
            assert_eq!(error, ExpressionError::UnknownFunction { name: missing.to_owned() });
        }
        for source in [
            "nat.upperAscii() == 'DE'",
            "nat.matches('^[A-Z]{2}$')",
            "url(picture).getHost() == 'x'",
            "size(nat) == 2",
            "timestamp(dob) < timestamp('2000-01-01T00:00:00Z')",
            "[1, 2].map(x, x * 2).sum() == 6",
            "email.split('@')[1] != ''",
            "base64.encode(b'x') == 'eA=='",
            "name.first.startsWith('A') ? 1 : 0",
            "int(age) % 2 == 0 && !(nat in ['XX'])",
        ] {
            assert!(Expression::compile(source).is_ok(), "{source}: {:?}", Expression::compile(source));
        }
    }

    #[test]
    fn functions_are_known_by_name_whatever_arguments_they_take() {
        let functions = functions();
        for name in [
            "size",
            "string",
            "int",
            "double",
            "timestamp",
            "duration",
            "matches",
            "contains",
            "startsWith",
            "endsWith",
            "lowerAscii",
            "upperAscii",
            "split",
            "join",
            "replace",
            "substring",
            "trim",
            "math.greatest",
            "sets.contains",
            "base64.encode",
            "base64.decode",
            "strings.quote",
            "lists.range",
            "format",
            "quantity",
            "url",
            "ip",
            "semver",
            "getFullYear",
            "getHours",
            "min",
            "max",
            "find",
            "charAt",
            "optional.of",
            "optional.none",
        ] {
            assert!(is_function(name, &functions), "{name}");
        }
        for name in ["", "lower", "math", "greatest", "size ", "x.size"] {
            assert!(!is_function(name, &functions), "{name}");
        }
    }

    #[test]
    fn the_construction_of_a_message_is_refused() {
        for source in ["Name{a: 1}", "1 + Name{member: 2}.member", "[1].map(x, Name{a: x})"] {
            assert_eq!(Expression::compile(source), Err(ExpressionError::ConstructsMessage), "{source}");
        }
        assert!(Expression::compile("{'member': 2}.member == 2").is_ok());
    }

    #[test]
    fn a_syntax_error_says_where() {
        let error = Expression::compile("name.first + ").unwrap_err().to_string();
        assert_eq!(error, "not a CEL expression: Syntax error: mismatched input the end, at character 14");
    }

    #[test]
    fn what_is_too_deep_is_refused_and_what_is_not_fits_on_a_small_stack() {
        for (deep, fits) in [
            ("(".repeat(33) + "1" + &")".repeat(33), "(".repeat(32) + "1" + &")".repeat(32)),
            ("[".repeat(200) + &"]".repeat(200), "[".repeat(32) + &"]".repeat(32)),
            ("a ? b : ".repeat(33) + "c", "a ? b : ".repeat(32) + "c"),
            ("a + ".repeat(200) + "a", "a + ".repeat(100) + "a"),
            ("a".to_owned() + &".b".repeat(400), "a".to_owned() + &".b".repeat(100)),
            ("a".to_owned() + &"[0]".repeat(300), "a && ".repeat(300) + "a"),
            ("x".to_owned() + &".f()".repeat(250), "!".repeat(100) + "a"),
        ] {
            let outcome = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
                (Expression::compile(&deep).is_err(), Expression::compile(&fits).is_ok(), deep, fits)
            });
            let (refused, accepted, deep, fits) = outcome.unwrap().join().unwrap();
            assert!(refused, "{deep}");
            assert!(accepted, "{fits}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange_to_be_answered(text in "\\PC{0,60}") {
            let _ = Expression::compile(&text);
        }

        #[test]
        fn nothing_that_looks_like_cel_is_too_strange_either(
            text in prop::collection::vec(
                prop::sample::select(vec![
                    "a", "b.c", "(", ")", "[", "]", "{", "}", "'x'", "\"", "1", "1.5", "1u", "0x", ".", ",", "?", ":", "==", "&&",
                    "||", "!", "-", "+", "in", "has(", "x.all(", "map", " ", "\\", "b'\\x", "r'", "'''", "null", "namespace", "//",
                ]),
                0..24,
            )
        ) {
            let _ = Expression::compile(&text.concat());
        }
    }
}
