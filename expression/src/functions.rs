//! The functions that expressions may call.
//!
//! A function is called with its first argument before or between the brackets: `size(x)` and `x.size()` are the same.
//! A function of a namespace has the namespace before it: `math.abs(x)`. Unless a function says otherwise, it gives no
//! value where one of its arguments is absent or null.

mod conversions;
mod encoding;
mod lists;
mod maths;
mod network;
mod optionals;
mod patterns;
mod quantities;
mod search;
mod sets;
mod strings;
mod time;
mod urls;
mod versions;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::budget::Budget;
use super::evaluation_error::EvaluationErrorKind;
use super::kind::{Kind, Kinds, Type};
use super::pattern::Pattern;
use super::value::Value;

/// A function.
#[derive(Debug)]
pub(super) struct Function {
    /// The name, with that of its namespace.
    pub(super) name: &'static str,
    /// The kinds that it takes, one for each argument.
    pub(super) parameters: &'static [Kinds],
    /// How many of the last arguments may be left out.
    pub(super) optional: usize,
    /// Whether there may be more arguments, of the last parameter's kinds.
    pub(super) variadic: bool,
    /// Whether it is called with arguments that are absent or null.
    pub(super) takes_nothing: bool,
    /// Whether it gives one of its arguments back, so that a literal stays the decimal that it is.
    pub(super) passes_on: bool,
    /// The kinds that the elements of its first argument have to be, where that is a list.
    pub(super) elements: Kinds,
    /// The position of the argument that is a pattern.
    pub(super) pattern: Option<usize>,
    gives: Gives,
    pub(super) body: Body,
}

/// What a function gives.
#[derive(Clone, Copy, Debug)]
enum Gives {
    /// A value of these kinds.
    Kinds(Kinds),
    /// A list of elements of these kinds.
    List(Kinds),
    /// The type of its first argument.
    First,
    /// An element of its first argument.
    Element,
    /// An optional that has an element of its first argument.
    OptionalElement,
    /// An optional that has its first argument.
    Optional,
    /// What its first argument is, or has as an optional, or another argument.
    Unwrapped,
    /// One of its arguments, or an element of the only one.
    OneOf,
}

/// The value of a call.
type Outcome<'a> = Result<Value<'a>, EvaluationErrorKind>;

/// What a function does.
pub(super) type Body = for<'a> fn(&Call<'_, 'a>, &[Value<'a>]) -> Outcome<'a>;

/// A call of a function. Its arguments have the kinds of the parameters.
pub(super) struct Call<'c, 'a> {
    pub(super) budget: &'a Budget,
    pub(super) function: &'static Function,
    /// The compiled pattern of a literal argument.
    pub(super) pattern: Option<&'c Pattern>,
}

impl Call<'_, '_> {
    /// The error of a value that the function does not take.
    #[cold]
    fn refused(&self, reason: &'static str) -> EvaluationErrorKind {
        EvaluationErrorKind::Value { function: self.function.name, reason }
    }

    /// The error of arguments that no parameter lets through, or do not go together.
    #[cold]
    fn mismatch(&self, arguments: &[Value<'_>]) -> EvaluationErrorKind {
        let found = arguments.last().map_or(Kind::Null, Value::kind);
        let takes = self.function.parameter(arguments.len().saturating_sub(1));
        // What goes with a text is a text.
        let first = arguments.first().map_or(Kind::Null, Value::kind);
        let takes = if takes == Kinds::ANY { first.into() } else { takes };
        EvaluationErrorKind::Argument { function: self.function.name, takes, found }
    }
}

impl Function {
    const fn new(name: &'static str, parameters: &'static [Kinds], gives: Gives, body: Body) -> Self {
        Self {
            name,
            parameters,
            optional: 0,
            variadic: false,
            takes_nothing: false,
            passes_on: false,
            elements: Kinds::ANY,
            pattern: None,
            gives,
            body,
        }
    }

    const fn optional(mut self, optional: usize) -> Self {
        self.optional = optional;
        self
    }

    const fn variadic(mut self) -> Self {
        self.variadic = true;
        self
    }

    const fn takes_nothing(mut self) -> Self {
        self.takes_nothing = true;
        self
    }

    const fn passes_on(mut self) -> Self {
        self.passes_on = true;
        self
    }

    const fn elements(mut self, elements: Kinds) -> Self {
        self.elements = elements;
        self
    }

    const fn pattern(mut self, position: usize) -> Self {
        self.pattern = Some(position);
        self
    }

    /// What it takes at a position.
    pub(super) fn parameter(&self, position: usize) -> Kinds {
        self.parameters.get(position).or(self.parameters.last()).copied().unwrap_or(Kinds::NONE)
    }

    /// Whether it may be called with so many arguments.
    pub(super) fn takes(&self, arguments: usize) -> bool {
        let most = self.parameters.len();
        arguments >= most - self.optional && (self.variadic || arguments <= most)
    }

    /// How many arguments it takes.
    pub(super) fn arity(&self) -> String {
        let most = self.parameters.len();
        let least = most - self.optional;
        let plural = |count: usize| if count == 1 { "argument" } else { "arguments" };
        match (least, most) {
            _ if self.variadic => format!("at least {least} {}", plural(least)),
            (least, most) if least == most => format!("{most} {}", plural(most)),
            (least, most) => format!("{least} to {most} arguments"),
        }
    }

    /// The type of its value for arguments of these types.
    pub(super) fn result(&self, arguments: &[Type]) -> Type {
        let first = arguments.first().copied().unwrap_or(Type::ANY);
        match self.gives {
            Gives::Kinds(kinds) => Type::of(kinds),
            Gives::List(element) => Type::list(element),
            Gives::First => Type { kinds: first.kinds.common(self.parameter(0)), ..first },
            Gives::Element => first.of_element(),
            Gives::OptionalElement => Type { kinds: Kinds::OPTIONAL, element: first.element },
            Gives::Optional => Type { kinds: Kinds::OPTIONAL, element: first.kinds },
            Gives::Unwrapped => {
                let other = arguments.get(1).copied().unwrap_or(Type::ANY);
                Type { kinds: first.given(), element: Kinds::ANY }.or(other)
            }
            Gives::OneOf => {
                let all = arguments.iter().copied().reduce(Type::or).unwrap_or(Type::ANY);
                if first.kinds.overlaps(Kinds::LIST) { first.of_element().or(all) } else { all }
            }
        }
    }
}

/// The functions by their names.
static FUNCTIONS: LazyLock<BTreeMap<&'static str, &'static Function>> = LazyLock::new(|| {
    [
        conversions::FUNCTIONS,
        encoding::FUNCTIONS,
        lists::FUNCTIONS,
        maths::FUNCTIONS,
        network::FUNCTIONS,
        optionals::FUNCTIONS,
        patterns::FUNCTIONS,
        quantities::FUNCTIONS,
        search::FUNCTIONS,
        sets::FUNCTIONS,
        strings::FUNCTIONS,
        time::FUNCTIONS,
        urls::FUNCTIONS,
        versions::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
    .map(|function| (function.name, function))
    .collect()
});

/// The function of a name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.get(name).copied()
}

/// Whether functions have this before their names.
pub(super) fn is_namespace(name: &str) -> bool {
    FUNCTIONS.keys().any(|function| function.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

/// The names of other languages for functions that are here under another one.
const OTHER_NAMES: [(&str, &str); 22] = [
    ("length", "size"),
    ("len", "size"),
    ("count", "size"),
    ("lower", "lowerAscii"),
    ("toLowerCase", "lowerAscii"),
    ("toLower", "lowerAscii"),
    ("upper", "upperAscii"),
    ("toUpperCase", "upperAscii"),
    ("toUpper", "upperAscii"),
    ("strip", "trim"),
    ("substr", "substring"),
    ("includes", "contains"),
    ("starts_with", "startsWith"),
    ("ends_with", "endsWith"),
    ("toString", "string"),
    ("str", "string"),
    ("float", "double"),
    ("bool_", "bool"),
    ("unique", "distinct"),
    ("test", "matches"),
    ("year", "getFullYear"),
    ("any", "exists"),
];

/// The macros, which are called like functions.
pub(super) const MACROS: [&str; 8] =
    ["has", "all", "exists", "exists_one", "map", "filter", "optMap", "optFlatMap"];

/// A function or macro that may be meant by a name.
pub(super) fn suggestion(name: &str) -> Option<&'static str> {
    if let Some((_, function)) = OTHER_NAMES.into_iter().find(|(other, _)| *other == name) {
        return Some(function);
    }
    let likeness = |function: &str| strsim::jaro_winkler(name, function);
    let names = FUNCTIONS.keys().copied().chain(MACROS);
    let best = names.max_by(|left, right| likeness(left).total_cmp(&likeness(right)))?;
    (likeness(best) > 0.85).then_some(best)
}

#[cfg(test)]
mod tests;
