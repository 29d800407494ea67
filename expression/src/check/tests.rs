use proptest::prelude::*;

use crate::testing::evaluated;
use crate::{
    Budget, EvaluationErrorKind, ExpressionErrorKind, FieldsExpression, Kinds, RecordExpression, Value,
    Variables,
};

const FIELDS: &[(&str, Kinds)] = &[
    ("nat", Kinds::STRING),
    ("age", Kinds::INT),
    ("mag", Kinds::DOUBLE),
    ("amount", Kinds::DECIMAL),
    ("created", Kinds::TIMESTAMP),
    ("namespace", Kinds::STRING),
    ("int", Kinds::BOOL),
];

fn filter(source: &str) -> Result<Vec<&'static str>, String> {
    let expression =
        FieldsExpression::compile(source, FIELDS, Kinds::BOOL).map_err(|error| error.to_string())?;
    Ok(expression.variables().iter().map(|field| FIELDS[*field].0).collect())
}

#[test]
fn a_filter_names_declared_fields() {
    assert_eq!(filter("nat != 'XX' && age > 17"), Ok(vec!["nat", "age"]));
    assert_eq!(filter("has(nat) && self.age > 1 && has(self.nat)"), Ok(vec!["nat", "age"]));
    assert_eq!(filter("__namespace__ == 'demo' || self.namespace == 'x'"), Ok(vec!["namespace"]));
    assert_eq!(filter("int"), Ok(vec!["int"]));
    assert_eq!(filter("[1].exists(nat, nat == age)"), Ok(vec!["age"]));
    assert_eq!(filter("[1].exists(nat, .nat == 'x')"), Ok(vec!["nat"]));
    for (source, expected) in [
        ("nationality == 'x'", "column 1: there is no field `nationality`; is `nat` meant?"),
        ("city != 'x'", "column 1: there is no field `city`"),
        ("craeted == null", "column 1: there is no field `craeted`; is `created` meant?"),
        ("self.agee > 1", "column 6: there is no field `agee`; is `age` meant?"),
        ("has(self.x)", "column 10: there is no field `x`"),
        ("has(x)", "column 5: there is no field `x`"),
        ("self == nat", "column 1: there is no field `self`"),
        ("[1].exists(x, x == y)", "column 20: there is no field `y`"),
        ("nat.first == 'x'", "column 5: a string has no members"),
    ] {
        assert_eq!(filter(source), Err(expected.to_owned()), "{source}");
    }
}

#[test]
fn a_filter_compares_what_can_be_equal() {
    for source in [
        "mag == 6",
        "mag == 6.5",
        "amount > 10",
        "amount == 10.5 && age < 1.5",
        "created == null",
        "age in [1, 2.0]",
    ] {
        assert!(filter(source).is_ok(), "{source}: {:?}", filter(source));
    }
    for (source, expected) in [
        ("nat == 1", "column 5: a string is never equal to an int; convert it with string(..)"),
        (
            "created > '2020-01-01'",
            "column 9: `>` does not take a timestamp and a string; convert it with timestamp(..)",
        ),
        ("nat + 1 == 'x'", "column 7: `+` does not take a string and an int; convert it with string(..)"),
        ("nat in [1]", "column 9: a string is never equal to an int; convert it with string(..)"),
        ("!age", "column 1: `!` takes a bool, not an int"),
        ("age", "column 1: the expression gives an int, and a bool is needed"),
        ("nat + 'x'", "column 5: the expression gives a string, and a bool is needed"),
        ("age ? nat : 'x'", "column 1: `?` takes a bool, not an int"),
    ] {
        assert_eq!(filter(source), Err(expected.to_owned()), "{source}");
    }
}

#[test]
fn an_expression_gives_what_is_needed_or_is_refused() {
    let compiled = |source: &str, gives: Kinds| {
        RecordExpression::compile(source, gives).map(|_| ()).map_err(|error| error.to_string())
    };
    let number = Kinds::INT | Kinds::DECIMAL;
    for source in
        ["a", "a + 1", "size(a)", "null", "has(a) ? a : null", "self.?a", "self.?a.orValue(1)", "a ? 1 : 'x'"]
    {
        assert_eq!(compiled(source, number), Ok(()), "{source}");
    }
    for (source, expected) in [
        ("string(a)", "column 1: the expression gives a string, and an int or a decimal is needed"),
        ("a == b", "column 3: the expression gives a bool, and an int or a decimal is needed"),
        ("self", "column 1: the expression gives a list or a map, and an int or a decimal is needed"),
        ("double(a)", "column 1: the expression gives a double, and an int or a decimal is needed"),
        ("a.map(x, x)", "column 3: the expression gives a list, and an int or a decimal is needed"),
        ("optional.of('x')", "column 10: the expression gives a string, and an int or a decimal is needed"),
    ] {
        assert_eq!(compiled(source, number), Err(expected.to_owned()), "{source}");
    }
    assert_eq!(compiled("a == null ? 0.5 : a", Kinds::DECIMAL), Ok(()));
}

#[test]
fn variables_are_the_paths_that_are_read() {
    let paths = |source: &str| {
        let expression = RecordExpression::compile(source, Kinds::ANY).unwrap();
        let paths = expression.variables().iter().map(|path| path.names().collect::<Vec<_>>().join("."));
        paths.collect::<Vec<_>>().join(" ")
    };
    for (source, expected) in [
        ("1 + 2", ""),
        ("a", "a"),
        ("a.b.c + a.d", "a.b.c a.d"),
        ("a.b + a.b", "a.b"),
        ("a['b'].c", "a.b.c"),
        ("self.a.b", "a.b"),
        ("self['a-b']", "a-b"),
        ("size(self)", ""),
        ("a[0].b", "a"),
        ("a[b.c]", "a b.c"),
        ("has(a.b) ? a.b : c", "a.b c"),
        ("a.?b.c", "a.b.c"),
        ("string(a.b) + c.d.lowerAscii()", "a.b c.d"),
        ("[a.b, {'x': c, d: 1}]", "a.b c d"),
        ("a.b.exists(x, x.c == d)", "a.b d"),
        ("x.map(x, x.y)", "x"),
        ("a.exists(x, x) && x.y", "a x.y"),
        ("math.greatest(age, 18)", "age"),
        ("math + 1", "math"),
    ] {
        assert_eq!(paths(source), expected, "{source}");
    }
    let long = format!("a{}", ".b".repeat(32));
    assert_eq!(
        RecordExpression::compile(&long, Kinds::ANY).unwrap_err().kind,
        ExpressionErrorKind::PathTooLong
    );
}

/// A record in which every member is a value of some kind.
struct Anything<'a>(&'a [Value<'a>]);

impl<'a> Variables<'a> for Anything<'a> {
    fn variable(&self, variable: usize, _: &'a Budget) -> Result<Value<'a>, EvaluationErrorKind> {
        Ok(self.0[variable % self.0.len()])
    }
}

const PIECES: [&str; 60] = [
    "a",
    "b.c",
    "self",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "'x'",
    "1",
    "1.5",
    "2u",
    "0",
    ".",
    ",",
    "?",
    ":",
    "==",
    "!=",
    "<",
    "&&",
    "||",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    " in ",
    "has(a.b)",
    "a.all(x, ",
    "b.map(x, ",
    "a.filter(x, x)",
    "x",
    "null",
    "true",
    ".size()",
    ".?d",
    "[?0]",
    ".orValue(",
    ".matches(",
    "'a+'",
    "string(",
    "int(",
    ".split('')",
    ".join()",
    ".sort()",
    "timestamp(a)",
    "duration('1s')",
    "optional.of(",
    ".optMap(x, ",
    "math.greatest(",
    "type(",
    "{'a':",
    "b''",
    ".flatten()",
    ".distinct()",
    "sum(",
    "replace(a, b, ",
];

/// Compiles and evaluates on the stack of a small thread.
fn run_on_a_small_stack(source: String) {
    let run = move || run(&source);
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap().join().unwrap();
}

fn run(source: &str) {
    let list = [Value::Int(1), Value::String("x"), Value::Null];
    let values = [
        Value::Int(-1),
        Value::String("naïve"),
        Value::List(&list),
        Value::Decimal("1.50"),
        Value::Absent,
        Value::Bool(true),
    ];
    if let Ok(expression) = RecordExpression::compile(source, Kinds::ANY) {
        let budget = Budget::new();
        let _ = expression.evaluate(&Anything(&values), &budget);
    }
}

#[test]
fn a_repeated_token_of_any_length_is_compiled_or_refused() {
    let repeated = PIECES
        .into_iter()
        .chain(["a+", "a-", "a<", "a&&", "a.b", "a.f()", "!", "-", "a?b:", "((a)+", "[[", "{1:"]);
    for token in repeated {
        run_on_a_small_stack(token.repeat((1 << 20) / token.len()));
        for suffix in ["", "a", "a)", "1]"] {
            run_on_a_small_stack(token.repeat(1000 / token.len()) + suffix);
        }
        for times in 1..70 {
            run_on_a_small_stack(format!("{}a", token.repeat(times)));
        }
    }
}

#[test]
fn the_deepest_expression_fits_on_a_small_stack() {
    for (open, close) in [
        ("(a + ", ")"),
        ("[a, ", "]"),
        ("{'a': ", "}"),
        ("a.map(x, ", ")"),
        ("a || !(", ")"),
        ("size(", ")"),
        ("a[", "]"),
        ("a.orValue(", ")"),
        ("a == (a + (", "))"),
        ("a ? a : (", ")"),
        ("[1].all(x, x == ", ")"),
        ("[1].map(x, [1].exists(y, ", " == x))"),
        ("(a && (a || (1 < (1 + (2 * -", ")))))"),
    ] {
        for times in 1..40 {
            run_on_a_small_stack(format!("{}a{}", open.repeat(times), close.repeat(times)));
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_compiled_or_refused(text in "\\PC{0,60}") {
        run_on_a_small_stack(text);
    }

    #[test]
    fn any_sequence_of_tokens_is_evaluated_or_refused(
        text in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..16)
    ) {
        run_on_a_small_stack(text.concat());
    }
}

/// Expressions of which the tree is well formed, whatever its kinds are.
fn well_formed() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a",
        "b.c",
        "1",
        "0",
        "-3",
        "2u",
        "1.5",
        "'x'",
        "'ïé'",
        "b'x'",
        "null",
        "true",
        "false",
        "[]",
        "{}",
        "timestamp(5)",
        "duration('90s')",
        "optional.none()",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 24, 3, |inner| {
        let operator =
            prop::sample::select(vec!["+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||", "in"]);
        let function = prop::sample::select(vec![
            "size",
            "string",
            "int",
            "double",
            "type",
            "dyn",
            "math.abs",
            "math.greatest",
            "bool",
            "bytes",
            "optional.of",
        ]);
        let method = prop::sample::select(vec![
            "sort",
            "sum",
            "min",
            "distinct",
            "flatten",
            "reverse",
            "first",
            "trim",
            "getHours",
            "hasValue",
            "value",
            "upperAscii",
        ]);
        let binary = prop::sample::select(vec![
            "contains",
            "indexOf",
            "split",
            "join",
            "orValue",
            "startsWith",
            "find",
            "max",
        ]);
        let walk = prop::sample::select(vec!["all", "exists", "map", "filter", "exists_one", "optMap"]);
        prop_oneof![
            (inner.clone(), operator, inner.clone())
                .prop_map(|(left, it, right)| format!("({left} {it} {right})")),
            (function, inner.clone()).prop_map(|(it, argument)| format!("{it}(dyn({argument}))")),
            (inner.clone(), method).prop_map(|(target, it)| format!("dyn({target}).{it}()")),
            (inner.clone(), binary, inner.clone())
                .prop_map(|(target, it, argument)| format!("dyn({target}).{it}(dyn({argument}))")),
            (inner.clone(), walk, inner.clone())
                .prop_map(|(target, it, body)| format!("dyn({target}).{it}(x, dyn({body} == x))")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(condition, yes, no)| format!("(dyn({condition}) ? {yes} : {no})")),
            (inner.clone(), inner.clone()).prop_map(|(list, index)| format!("dyn({list})[dyn({index})]")),
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|elements| format!("[{}]", elements.join(", "))),
            (inner.clone(), inner).prop_map(|(key, value)| format!("{{dyn({key}): {value}}}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_well_formed_expression_gives_a_value_or_an_error(source in well_formed()) {
        let outcome = evaluated(&source, &[("a", Value::Int(3)), ("b.c", Value::String("text"))]);
        prop_assert!(!outcome.contains("panicked"));
    }
}
