//! Expressions on which another implementation of CEL agrees: the `cel` crate with the functions of Kubernetes.
//!
//! Only what both implement as the specification says is generated: no absent values, no decimals, no mixed kinds, and
//! no `size` of a text beyond ASCII, of which the other one counts the bytes.

use kube_cel::KubeCelExt;
use kube_cel::cel::{Context, Program, Value as Other};
use proptest::prelude::*;

use super::Value;
use super::testing::evaluated;

/// What the other implementation gives, shown like ours; none for an error.
fn second_opinion(source: &str) -> Option<String> {
    let mut context = Context::default().with_all();
    context.add_variable_from_value("n", 7_i64);
    context.add_variable_from_value("t", "plain text".to_owned());
    let program = Program::compile(source).ok()?;
    program.execute(&context).ok().map(|value| shown(&value))
}

fn shown(value: &Other) -> String {
    match value {
        Other::Null => "null".to_owned(),
        Other::Bool(value) => value.to_string(),
        Other::Int(value) => value.to_string(),
        Other::UInt(value) => format!("{value}u"),
        Other::Float(value) => format!("{value:?}"),
        Other::String(text) => format!("'{text}'"),
        Other::List(list) => format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(", ")),
        other => format!("{other:?}"),
    }
}

fn ours(source: &str) -> Option<String> {
    let outcome = evaluated(source, &[("n", Value::Int(7)), ("t", Value::String("plain text"))]);
    (!outcome.starts_with("error")).then_some(outcome)
}

fn ints() -> BoxedStrategy<String> {
    let leaf = prop::sample::select(vec![
        "n",
        "0",
        "1",
        "-3",
        "9223372036854775807",
        "(-9223372036854775808)",
        "size(t)",
        "t.size()",
    ]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(3, 16, 2, |inner| {
            let operator = prop::sample::select(vec!["+", "-", "*", "/", "%"]);
            prop_oneof![
                (inner.clone(), operator, inner.clone())
                    .prop_map(|(left, it, right)| format!("({left} {it} {right})")),
                inner.clone().prop_map(|it| format!("math.abs({it})")),
                inner.prop_map(|it| format!("int(string({it}))")),
            ]
        })
        .boxed()
}

fn texts() -> BoxedStrategy<String> {
    let leaf = prop::sample::select(vec!["t", "''", "'a'", "'Straße'", "'a,b,,c'", "string(n)"]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left} + {right})")),
                inner.clone().prop_map(|it| format!("{it}.upperAscii()")),
                inner.clone().prop_map(|it| format!("{it}.trim().reverse()")),
                (inner.clone(), inner.clone(), inner.clone())
                    .prop_map(|(it, from, to)| format!("{it}.replace({from}, {to})")),
                (inner.clone(), 0_i64..4, 0_i64..8)
                    .prop_map(|(it, start, end)| format!("{it}.substring({start}, {end})")),
                (inner.clone(), inner.clone())
                    .prop_map(|(it, by)| format!("{it}.split({by} + ',').join('-')")),
                (inner.clone(), inner)
                    .prop_map(|(it, by)| format!("{it}.find({by}.matches('^[a-z]*$') ? 'a.' : '[b-z]')")),
            ]
        })
        .boxed()
}

fn lists() -> BoxedStrategy<String> {
    let list = prop::collection::vec(ints(), 0..5).prop_map(|elements| format!("[{}]", elements.join(", ")));
    let walk = prop::sample::select(vec![
        ".map(x, x * 2)",
        ".filter(x, x > 0)",
        ".map(x, x != 0, 7 / x)",
        ".reverse()",
        ".sort()",
        ".distinct()",
    ]);
    (list, walk).prop_map(|(list, walk)| format!("{list}{walk}")).boxed()
}

fn conditions() -> BoxedStrategy<String> {
    let relation = || prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let leaf = prop_oneof![
        (ints(), relation(), ints()).prop_map(|(left, it, right)| format!("({left} {it} {right})")),
        (texts(), relation(), texts()).prop_map(|(left, it, right)| format!("({left} {it} {right})")),
        (ints(), lists()).prop_map(|(value, list)| format!("({value} in {list})")),
        lists().prop_map(|list| format!("{list}.exists(x, x > 1)")),
        lists().prop_map(|list| format!("{list}.all(x, x % 2 == 0)")),
        (texts(), texts()).prop_map(|(text, part)| format!("{text}.contains({part})")),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left} && {right})")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left} || {right})")),
            inner.clone().prop_map(|it| format!("!({it})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(it, yes, no)| format!("({it} ? {yes} : {no})")),
        ]
    })
    .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn another_implementation_agrees(source in prop_oneof![ints(), texts(), lists(), conditions()]) {
        // Longer ones are refused here alone.
        prop_assume!(source.chars().count() <= 1000);
        let (ours, other) = (ours(&source), second_opinion(&source));
        prop_assume!(ours.as_deref().is_none_or(|it| !it.starts_with("refused")));
        prop_assert_eq!(ours, other, "{}", source);
    }
}
