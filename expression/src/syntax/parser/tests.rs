use proptest::prelude::*;

use super::*;
use crate::syntax::tree::{Element, Entry};

/// A tree in prefix notation, with its operators in front.
fn written(tree: &Tree) -> String {
    let list = |trees: &[Tree]| trees.iter().map(written).collect::<Vec<_>>().join(" ");
    let mark = |optional: bool| if optional { "?" } else { "" };
    match &tree.kind {
        TreeKind::Literal(Literal::Null) => "null".to_owned(),
        TreeKind::Literal(Literal::Bool(value)) => value.to_string(),
        TreeKind::Literal(Literal::Int(value)) => value.to_string(),
        TreeKind::Literal(Literal::Uint(value)) => format!("{value}u"),
        TreeKind::Literal(Literal::Double(value)) => value.to_string(),
        TreeKind::Literal(Literal::Text(text)) => format!("{text:?}"),
        TreeKind::Literal(Literal::Bytes(bytes)) => format!("b{bytes:?}"),
        TreeKind::Name { name, absolute } => format!("{}{name}", if *absolute { "." } else { "" }),
        TreeKind::Select { operand, member, optional } => {
            format!("(.{}{} {member})", mark(*optional), written(operand))
        }
        TreeKind::Index { operand, index, optional } => {
            format!("([{}] {} {})", mark(*optional), written(operand), written(index))
        }
        TreeKind::Call { target: None, name, arguments } => format!("({name}! {})", list(arguments)),
        TreeKind::Call { target: Some(target), name, arguments } => {
            format!("({name}! {}: {})", written(target), list(arguments))
        }
        TreeKind::List(elements) => {
            let element = |it: &Element| format!("{}{}", mark(it.optional), written(&it.value));
            format!("[{}]", elements.iter().map(element).collect::<Vec<_>>().join(" "))
        }
        TreeKind::Map(entries) => {
            let entry =
                |it: &Entry| format!("{}{}:{}", mark(it.optional), written(&it.key), written(&it.value));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(" "))
        }
        TreeKind::Unary(Unary::Not, operand) => format!("(! {})", written(operand)),
        TreeKind::Unary(Unary::Negate, operand) => format!("(- {})", written(operand)),
        TreeKind::Binary(operator, left, right) => {
            format!("({} {} {})", operator.symbol(), written(left), written(right))
        }
        TreeKind::Sum(operands) => format!("(+ {})", list(operands)),
        TreeKind::And(operands) => format!("(&& {})", list(operands)),
        TreeKind::Or(operands) => format!("(|| {})", list(operands)),
        TreeKind::Conditional(parts) => format!("(? {})", list(&parts[..])),
    }
}

fn parsed(text: &str) -> String {
    parse(text).map_or_else(|error| error.to_string(), |tree| written(&tree))
}

#[test]
fn operators_bind_as_the_specification_says() {
    for (text, expected) in [
        ("a || b && c == d + e * -f", "(|| a (&& b (== c (+ d (* e (- f))))))"),
        ("a * b + c == d && e || f", "(|| (&& (== (+ (* a b) c) d) e) f)"),
        ("a - b - c", "(- (- a b) c)"),
        ("a - b + c - d", "(- (+ (- a b) c) d)"),
        ("a / b * c % d", "(% (* (/ a b) c) d)"),
        ("a + b + c", "(+ a b c)"),
        ("a + (b + c)", "(+ a (+ b c))"),
        ("a < b == true", "(== (< a b) true)"),
        ("a in b && !c.d", "(&& (in a b) (! (.c d)))"),
        ("a ? b : c ? d : e", "(? a b (? c d e))"),
        ("a || b ? c || d : e", "(? (|| a b) (|| c d) e)"),
        ("a ? .b : c", "(? a .b c)"),
        ("(a ? b : c) ? d : e", "(? (? a b c) d e)"),
        ("!!a", "(! (! a))"),
        ("!!!!!a", "(! a)"),
        ("-a.b", "(- (.a b))"),
        ("--a", "(- (- a))"),
    ] {
        assert_eq!(parsed(text), expected, "{text}");
    }
}

#[test]
fn members_indexes_and_calls_follow_a_value() {
    for (text, expected) in [
        ("a.b.c", "(.(.a b) c)"),
        ("a.?b[?0].c", "(.([?] (.?a b) 0) c)"),
        ("a.`b-c`.`d.e`", "(.(.a b-c) d.e)"),
        ("a['b'][0]", "([] ([] a \"b\") 0)"),
        ("f()", "(f! )"),
        ("f(a, 1)", "(f! a 1)"),
        ("a.f(b).g()", "(g! (f! a: b): )"),
        ("a.package()", "(package! a: )"),
        ("a.namespace", "(.a namespace)"),
        ("[1, ?a, 'b',]", "[1 ?a \"b\"]"),
        ("{'a': 1, ?b: c,}", "{\"a\":1 ?b:c}"),
        ("[]", "[]"),
        ("{}.a", "(.{} a)"),
        ("'a'.size()", "(size! \"a\": )"),
    ] {
        assert_eq!(parsed(text), expected, "{text}");
    }
}

#[test]
fn a_minus_before_a_number_is_part_of_it() {
    for (text, expected) in [
        ("-1", "-1"),
        ("- 1", "-1"),
        ("--1", "(- -1)"),
        ("-1.5", "-1.5"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("2-1", "(- 2 1)"),
        ("-1.abs()", "(- (abs! 1: ))"),
        ("-(1)", "(- 1)"),
        ("9223372036854775808", "column 1: the number does not fit into an int"),
        ("-9223372036854775809", "column 1: the number does not fit into an int"),
        ("-5u", "(- 5u)"),
    ] {
        assert_eq!(parsed(text), expected, "{text}");
    }
}

#[test]
fn a_syntax_error_names_the_place_and_what_is_expected() {
    for (text, expected) in [
        ("", "column 1: expected a value, found the end"),
        ("name.first + ", "column 14: expected a value, found the end"),
        ("a b", "column 3: expected an operator or the end, found b"),
        ("(a", "column 3: expected an operator or `)`, found the end"),
        ("a)", "column 2: expected an operator or the end, found )"),
        ("[1, 2", "column 6: expected `,` or `]`, found the end"),
        ("f(1 2)", "column 5: expected `,` or `)`, found 2"),
        ("f(1,)", "column 5: expected an argument, found )"),
        ("{'a' 1}", "column 6: expected `:` and the value of the key, found 1"),
        ("a ? b", "column 6: expected `:` and the value where the condition is false, found the end"),
        ("a?.b", "column 2: optional selection is written a.?b, not a?.b"),
        ("a.", "column 3: expected the name of a member or a function, found the end"),
        ("a.true", "column 3: expected the name of a member or a function, found true"),
        ("a + in", "column 5: expected a value, found in"),
        ("a +\n  * b", "line 2, column 3: expected a value, found *"),
        (".1x", "column 3: expected an operator or the end, found x"),
        (". + 1", "column 3: expected a name, found +"),
        ("`a-b`", "column 1: expected a value, found `a-b`"),
        (
            "namespace == 'x'",
            "column 1: `namespace` is reserved; a member of this name is self.namespace, or __namespace__",
        ),
        (
            "1 + a.Name{b: 2}",
            "column 7: messages like Name{member: value} are not supported: write a map, {'member': value}",
        ),
    ] {
        assert_eq!(parsed(text), expected, "{text}");
    }
}

/// Runs on a stack of a quarter of what the main thread of a small container has.
fn on_a_small_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap().join().unwrap()
}

#[test]
fn nesting_is_bounded_and_length_is_not() {
    for (fits, deep) in [
        ("(".repeat(32) + "1" + &")".repeat(32), "(".repeat(33) + "1" + &")".repeat(33)),
        ("[".repeat(32) + "1" + &"]".repeat(32), "[".repeat(200) + &"]".repeat(200)),
        ("f(".repeat(32) + "1" + &")".repeat(32), "f(".repeat(33) + "1" + &")".repeat(33)),
        ("a ? b : ".repeat(32) + "c", "a ? b : ".repeat(33) + "c"),
        ("a".to_owned() + &"[0]".repeat(39), "a".to_owned() + &"[0]".repeat(40)),
        ("a".to_owned() + &".f()".repeat(39), "a".to_owned() + &".f()".repeat(40)),
        ("a".to_owned() + &"-a".repeat(39), "a".to_owned() + &"-a".repeat(40)),
        ("a+".repeat(500) + "a", "a*".repeat(70) + "a"),
        ("a||".repeat(300) + "a", "a==".repeat(70) + "a"),
        ("!".repeat(1000) + "a", "(a||(a&&(a==(a+(a*".repeat(7) + "a"),
    ] {
        let (fits, deep) = (fits.clone(), deep.clone());
        let (accepted, refused) = on_a_small_stack(move || (parse(&fits), parse(&deep)));
        assert_eq!(accepted.map(|_| ()), Ok(()));
        let kind = refused.map(|_| ()).map_err(|error| error.kind);
        assert!(
            matches!(kind, Err(ExpressionErrorKind::TooDeep | ExpressionErrorKind::Unexpected { .. })),
            "{kind:?}"
        );
    }
}

#[test]
fn a_repeated_token_of_any_length_is_no_danger() {
    const TOKENS: [&str; 42] = [
        "a", "1", "1.5", "'a'", "b'a'", "a ", "1 ", "(", ")", "[", "]", "{", "}", ".", ".?", ",", "?", ":",
        "+", "-", "*", "/", "%", "!", "&&", "||", "==", "<", "in ", "a+", "a.b", ".f(", "[0]", "[?", "a?b:",
        "a?", "has(", "{'a':", "`a`", "//", "\n", "'",
    ];
    let panicked = on_a_small_stack(|| {
        TOKENS.into_iter().find(|token| {
            let long = token.repeat((1 << 20) / token.len());
            let bounded = long.chars().take(MAX_LENGTH).collect::<String>();
            parse(&long).map(|_| ()).map_err(|error| error.kind) != Err(ExpressionErrorKind::TooLong)
                || std::panic::catch_unwind(|| parse(&bounded)).is_err()
        })
    });
    assert_eq!(panicked, None);
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC{0,60}") {
        let _ = parse(&text);
    }

    #[test]
    fn any_sequence_of_tokens_is_parsed_or_refused(
        text in prop::collection::vec(
            prop::sample::select(vec![
                "a", "b.c", "(", ")", "[", "]", "{", "}", "'x'", "\"", "1", "1.5", "1u", "0x", ".", ",", "?", ":", "==", "&&",
                "||", "!", "-", "+", "in", "has(", "x.all(", "map", " ", "\\", "b'\\x", "r'", "'''", "null", "namespace", "//",
            ]),
            0..24,
        )
    ) {
        let _ = parse(&text.concat());
    }
}
