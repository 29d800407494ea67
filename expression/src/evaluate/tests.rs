//! What the specification of CEL says, in expressions of our own, and where this language goes further.

use crate::testing::{check_all, evaluated, with_steps};
use crate::{Budget, Map, Value};

#[test]
fn integers_are_computed_in_their_range() {
    check_all(&[
        ("17 + 25", "42"),
        ("-8 - -3", "-5"),
        ("6 * -7", "-42"),
        ("-7 / 2", "-3"),
        ("-7 % 3", "-1"),
        ("7 % -3", "1"),
        ("-(0x10)", "-16"),
        ("3u + 4u * 2u", "11u"),
        ("9u / 2u", "4u"),
        ("9u % 4u", "1u"),
        ("9223372036854775807 + 1", "error: the result does not fit its type, at column 21"),
        ("-9223372036854775808 - 1", "error: the result does not fit its type, at column 22"),
        ("-(-9223372036854775808)", "error: the result does not fit its type, at column 1"),
        ("-9223372036854775808 / -1", "error: the result does not fit its type, at column 22"),
        ("-9223372036854775808 % -1", "error: the result does not fit its type, at column 22"),
        ("4000000000 * 4000000000", "error: the result does not fit its type, at column 12"),
        ("3u - 4u", "error: the result does not fit its type, at column 4"),
        ("1 / 0", "error: a division by zero, at column 3"),
        ("1u % 0u", "error: a division by zero, at column 4"),
        ("-(5u)", "refused: column 1: `-` takes an int, a double or a decimal, not a uint"),
        ("1 + 1u", "refused: column 5: `+` does not take an int and a uint"),
    ]);
}

#[test]
fn doubles_are_those_of_ieee_754() {
    check_all(&[
        ("1.5 + 2.25", "3.75"),
        ("0.1 + 0.2", "0.30000000000000004"),
        ("-2.0 / 4.0", "-0.5"),
        ("1.0 / 0.0", "inf"),
        ("-1.0 / 0.0", "-inf"),
        ("2.0 * 1e308", "inf"),
        ("0.0 / 0.0 == 0.0 / 0.0", "false"),
        ("0.0 / 0.0 != 0.0 / 0.0", "true"),
        ("0.0 / 0.0 < 1.0", "false"),
        ("5.5 % 2.0", "refused: column 5: `%` does not take a double and a double"),
        ("1e400", "refused: column 1: the number does not fit into a double"),
    ]);
}

#[test]
fn values_of_one_kind_are_compared_and_numbers_across_kinds() {
    check_all(&[
        ("1 == 1.0 && 1u == 1 && 1.0 == 1u", "true"),
        ("6 == 6.0", "true"),
        ("9007199254740993 == 9007199254740992.0", "false"),
        ("1 < 1.5 && 2u > 1.5 && 1 < 2u", "true"),
        ("-1 < 0u", "true"),
        ("[1, 2.0] == [1u, 2]", "true"),
        ("[1, 2] == [2, 1]", "false"),
        ("{'a': 1, 'b': [2]} == {'b': [2.0], 'a': 1u}", "true"),
        ("{'a': 1} == {'a': 1, 'b': 2}", "false"),
        ("{1: 'x'} == {1u: 'x'}", "true"),
        ("'abc' < 'abd' && 'Z' < 'a' && '' < 'a'", "true"),
        ("b'\\x00' < b'\\x01'", "true"),
        ("false < true", "true"),
        ("'\\u00e9' == 'e\\u0301'", "false"),
        ("null == null", "true"),
        ("1 == null", "false"),
        ("[1, null] == [1, null]", "true"),
        ("timestamp('2020-01-01T00:00:00Z') == timestamp('2020-01-01T01:00:00+01:00')", "true"),
        ("duration('60s') == duration('1m')", "true"),
        ("'1' == 1", "refused: column 5: a string is never equal to an int; convert it with string(..)"),
        ("dyn('1') == 1", "false"),
        ("[1] < [2]", "refused: column 5: `<` does not take a list and a list"),
        ("dyn('1') < 1", "error: `<` does not take a string and an int, at column 10"),
        ("null < 1", "refused: column 6: `<` does not take null and an int"),
    ]);
}

#[test]
fn membership_is_by_equality() {
    check_all(&[
        ("2 in [1, 2.0]", "true"),
        ("'a' in ['b']", "false"),
        ("'a' in {'a': null}", "true"),
        ("'a' in [1, 'a', null]", "true"),
        ("1.0 in {1: 'x'}", "true"),
        ("null in [null]", "true"),
        ("2 in [1, 2].map(x, x * 2)", "true"),
        ("'a' in 'abc'", "refused: column 5: `in` does not take a string and a string"),
        ("'a' in [1]", "refused: column 9: a string is never equal to an int; convert it with string(..)"),
    ]);
}

#[test]
fn logic_ignores_what_cannot_decide() {
    check_all(&[
        ("true || 1 / 0 == 1", "true"),
        ("1 / 0 == 1 || true", "true"),
        ("false && 1 / 0 == 1", "false"),
        ("1 / 0 == 1 && false", "false"),
        ("1 / 0 == 1 || false", "error: a division by zero, at column 3"),
        ("true && 1 / 0 == 1", "error: a division by zero, at column 11"),
        ("!(true && false)", "true"),
        ("true ? 'a' : 1", "'a'"),
        ("false ? 1 / 0 : 2", "2"),
        ("dyn(1) ? 1 : 2", "error: `?` does not take an int, at column 8"),
        ("dyn(1) && true", "error: `&&` does not take an int, at column 8"),
        ("!dyn('a')", "error: `!` does not take a string, at column 1"),
        ("1 && true", "refused: column 1: `&&` takes a bool, not an int"),
    ]);
}

#[test]
fn macros_walk_lists_and_keys() {
    check_all(&[
        ("[1, 2, 3].all(x, x > 0)", "true"),
        ("[1, 2, 3].all(x, 6 / (2 - x) == 6)", "false"),
        ("[1, 2, 3].exists(x, 6 / (2 - x) == 6)", "true"),
        ("[1, 2].exists(x, x / 0 == 1)", "error: a division by zero, at column 20"),
        ("[].all(x, x == 1) && ![].exists(x, x == 1)", "true"),
        ("[1, 2, 2].exists_one(x, x == 1)", "true"),
        ("[1, 2, 2].existsOne(x, x == 2)", "false"),
        ("[1, 0].exists_one(x, 1 / x == 1)", "error: a division by zero, at column 24"),
        ("{'a': 1, 'b': 2}.exists(k, k == 'b')", "true"),
        ("[1, 2, 3].map(x, x * x)", "[1, 4, 9]"),
        ("[1, 2, 3].map(x, x > 1, x * x)", "[4, 9]"),
        ("[1, 2, 3].filter(x, x % 2 == 1)", "[1, 3]"),
        ("{'b': 1, 'a': 2}.map(k, k)", "['a', 'b']"),
        ("{'b': 1, 'a': 2}.filter(k, k > 'a')", "['b']"),
        ("[[1, 2], [3]].map(x, x.map(y, [x.size(), y]))", "[[[2, 1], [2, 2]], [[1, 3]]]"),
        ("[1, 2].map(x, [10, 20].map(x, x + 1))", "[[11, 21], [11, 21]]"),
        ("['a'].map(x, .x)", "[absent]"),
        ("'abc'.map(x, x)", "refused: column 7: `map` takes a list or a map, not a string"),
        (
            "[1].map(1, 2)",
            "refused: column 9: the first argument of `map` is the name of a variable, for example x",
        ),
        (
            "[1].all(x)",
            "refused: column 5: `all` takes a variable and an expression, for example list.all(x, x > 0)",
        ),
        ("[1].filter(x, x)", "refused: column 15: `filter` takes a bool, not an int"),
    ]);
}

#[test]
fn collections_are_built_and_indexed() {
    check_all(&[
        ("[1, 'a', null][1]", "'a'"),
        ("[7, 8, 9][1.0] + [7, 8, 9][dyn(2u)]", "17"),
        ("[7, 8][dyn(0.5)]", "error: a list has no element with a double as its index, at column 7"),
        ("[7, 8][dyn('a')]", "error: a list has no element with a string as its index, at column 7"),
        ("{'a': {'b': 1}}.a.b", "1"),
        ("{'a': 1}['a'] + {1: 2}[1] + {true: 3}[true]", "6"),
        ("{'a b': 1}.`a b`", "1"),
        ("[1] + [2, 3]", "[1, 2, 3]"),
        ("b'a' + b'b'", "b'ab'"),
        ("{'b': 1, 2: 2, true: 3, 1: 4}", "{true: 3, 1: 4, 2: 2, 'b': 1}"),
        ("{'a': 1, 'a': 2}", "refused: column 10: the key is in the map twice"),
        ("{1: 1, dyn(1.0 == 1.0 ? 1u : 2u): 2}", "error: a map has a key twice, at column 1"),
        ("{1.5: 1}", "refused: column 2: `{}` takes a bool, an int, a uint or a string, not a double"),
        ("has({'a': null}.a) && !has({'a': 1}.b)", "true"),
        ("1.a", "refused: column 3: an int has no members"),
        ("'a'[0]", "refused: column 4: a string has no elements"),
        (
            "[1][-1]",
            "refused: column 5: a list is counted from 0; the last element is list[size(list) - 1], or list.last()",
        ),
        ("[1][dyn(-1)]", "error: an index is negative, at column 4"),
        ("dyn(1).a", "error: an int has no members, at column 8"),
    ]);
}

#[test]
fn times_and_durations_are_added_and_compared() {
    check_all(&[
        ("timestamp('2009-02-13T23:00:00Z') + duration('240s')", "2009-02-13T23:04:00Z"),
        ("duration('1m') + timestamp('2009-02-13T23:00:00Z')", "2009-02-13T23:01:00Z"),
        ("timestamp('2009-02-13T23:00:00Z') - duration('1h')", "2009-02-13T22:00:00Z"),
        ("timestamp('2009-02-13T23:31:00Z') - timestamp('2009-02-13T23:29:00.5Z')", "119.5s"),
        ("duration('1h') - duration('90m')", "-1800s"),
        ("timestamp('2009-02-13T23:00:00Z') < timestamp('2009-02-14T00:00:00Z')", "true"),
        (
            "timestamp('9999-12-31T23:59:59Z') + duration('1s')",
            "error: the result does not fit its type, at column 35",
        ),
        (
            "timestamp('9999-12-31T00:00:00Z') - timestamp('0001-01-01T00:00:00Z')",
            "error: the result does not fit its type, at column 35",
        ),
        (
            "timestamp('2020-01-01T00:00:00Z') + 1",
            "refused: column 37: `+` does not take a timestamp and an int; convert it with timestamp(..)",
        ),
    ]);
}

#[test]
fn optionals_are_selected_and_chained() {
    check_all(&[
        ("{'a': 1}.?a", "some 1"),
        ("{'a': 1}.?b", "none"),
        ("{'a': {'b': 1}}.?a.b", "some 1"),
        ("{'a': {}}.?a.b.c", "none"),
        ("{'a': null}.?a.b", "none"),
        ("[1][?0].orValue(2) + [1][?1].orValue(2)", "3"),
        ("{'a': 1}[?'b'].orValue('x')", "'x'"),
        ("optional.of(1).hasValue() && !optional.none().hasValue()", "true"),
        ("optional.of(1).value()", "1"),
        ("optional.none().value()", "error: `value`: the optional has no value, at column 17"),
        ("optional.none().or(optional.of(2)).value()", "2"),
        ("optional.ofNonZeroValue('').hasValue() || optional.ofNonZeroValue([]).hasValue()", "false"),
        ("optional.of(2).optMap(x, x * 2)", "some 4"),
        ("optional.none().optMap(x, x * 2)", "none"),
        ("optional.of({'a': 1}).optFlatMap(m, m.?a)", "some 1"),
        ("[?{'a': 1}.?a, ?{'a': 1}.?b, 3]", "[1, 3]"),
        ("{?'a': optional.of(1), ?'b': optional.none()}", "{'a': 1}"),
        ("has({'a': {'b': 1}}.?a.b) && !has({}.?a.b)", "true"),
        ("optional.none() == optional.none() && optional.of(1) != optional.none()", "true"),
        ("[1, 2].first().value() + [1, 2].last().value()", "3"),
        ("[].first()", "none"),
    ]);
}

#[test]
fn types_are_values_beside_type() {
    check_all(&[
        ("type(1) == int && type(1u) == uint && type(1.5) == double", "true"),
        ("type('a') == string && string == type('a')", "true"),
        ("type(null) == null_type && type([]) == list && type({}) == map", "true"),
        ("type(timestamp(0)) == google.protobuf.Timestamp", "true"),
        ("type(1) in [int, uint]", "true"),
        ("type(1) == type(2)", "true"),
        ("type(1) != type('a')", "true"),
    ]);
}

const PERSON: &[(&str, Value<'_>)] = &[
    ("name", Value::String("Ada")),
    ("age", Value::Int(36)),
    ("score", Value::Decimal("1.10")),
    ("large", Value::Decimal("18446744073709551615")),
    ("nothing", Value::Null),
    ("location.city", Value::String("Rome")),
    ("location.street.number", Value::Null),
];

fn person(source: &str) -> String {
    evaluated(source, PERSON)
}

#[test]
fn what_is_computed_from_an_absent_member_is_absent() {
    for (source, expected) in [
        ("missing", "absent"),
        ("missing.deeply.nested", "absent"),
        ("nothing.member", "absent"),
        ("name + ' ' + missing", "absent"),
        ("name + ' ' + nothing", "absent"),
        ("string(location.street.number) + ' ' + location.street.name + ', ' + location.city", "absent"),
        ("missing + 1", "absent"),
        ("-missing", "absent"),
        ("!missing", "absent"),
        ("missing < 5", "absent"),
        ("size(missing)", "absent"),
        ("missing[0]", "absent"),
        ("missing.map(x, x)", "absent"),
        ("missing.exists(x, x == 1)", "absent"),
        ("missing ? 1 : 2", "absent"),
        ("age in missing", "absent"),
        ("name.split('@')[1]", "absent"),
        ("[name, missing].join(' ')", "absent"),
        ("[name, missing].filter(x, x != null).join(' ')", "'Ada'"),
        (
            "[name, nothing].join(' ')",
            "error: `join` takes a list of strings, and an element is null, at column 17",
        ),
        ("[1, 2].map(x, missing)", "[absent, absent]"),
        ("self.missing", "absent"),
        ("[][0]", "absent"),
        ("{'a': 1}.b", "absent"),
    ] {
        assert_eq!(person(source), expected, "{source}");
    }
}

#[test]
fn absence_is_asked_for() {
    for (source, expected) in [
        ("missing == null", "true"),
        ("nothing == null", "true"),
        ("missing != null ? missing : name", "'Ada'"),
        ("nothing != null ? nothing : name", "'Ada'"),
        ("name != null ? name : missing", "'Ada'"),
        ("missing == 'x'", "false"),
        ("missing != 'x'", "true"),
        ("missing in ['x']", "false"),
        ("has(self.name) && has(name) && has(location.city)", "true"),
        ("has(self.missing) || has(missing) || has(missing.x)", "false"),
        ("has(self.nothing)", "true"),
        ("has(self.missing) ? missing : 'none'", "'none'"),
        ("self.?missing.orValue('none')", "'none'"),
        ("self.?name.orValue('none')", "'Ada'"),
        ("self.?nothing.orValue('none')", "'none'"),
        ("missing.orValue('none') + nothing.orValue('!') + name.orValue('?')", "'none!Ada'"),
        ("location.?city.orValue('none')", "'Rome'"),
        ("self.?missing.?deep.orValue(age)", "36"),
        ("self.?missing", "none"),
        ("missing > 5 || age > 5", "true"),
        ("missing > 5 && age < 5", "false"),
        ("missing > 5 && age > 5", "absent"),
        ("missing > 5 || age < 5", "absent"),
        ("[?self.?name, ?self.?missing].join(',')", "'Ada'"),
        ("optional.of(missing).hasValue()", "false"),
        ("type(missing) == null_type", "true"),
        ("has(name.first)", "error: a string has no members, at column 1"),
        ("name.first", "error: a string has no members, at column 6"),
    ] {
        assert_eq!(person(source), expected, "{source}");
    }
}

#[test]
fn numbers_of_a_record_keep_every_digit() {
    for (source, expected) in [
        ("score", "1.10m"),
        ("string(score)", "'1.10'"),
        ("'id-' + string(large)", "'id-18446744073709551615'"),
        ("large + 1", "18446744073709551616m"),
        ("large / 2", "9223372036854775807m"),
        ("large % 10", "5m"),
        ("large > 18446744073709551614u", "true"),
        ("score * 1.1", "1.210m"),
        ("score + 1", "2.10m"),
        ("score * 3", "3.30m"),
        ("age * 0.5", "18.0m"),
        ("score == 1.1", "true"),
        ("score / 2", "0.55"),
        ("score / 0.0", "inf"),
        ("score * double(2)", "2.2"),
        ("-score", "-1.10m"),
        ("missing == null ? 0.5 : missing", "0.5m"),
        ("int(score) + int('2')", "3"),
        ("double(score)", "1.1"),
        ("math.round(score * 100)", "110m"),
        ("math.greatest(score, 1)", "1.10m"),
        ("[score, 1, 2.5].sum()", "4.60m"),
        ("score in [1.1]", "true"),
        ("type(score) == double && type(large) == int", "true"),
        ("decimal('0.10') + score", "1.20m"),
        ("score % 1", "error: `%` does not take a decimal and an int, at column 7"),
        ("score * 1e300", "1.10e+300m"),
        ("large * large", "error: a number has more than 38 digits, at column 7"),
    ] {
        assert_eq!(person(source), expected, "{source}");
    }
}

#[test]
fn names_are_members_and_self_is_the_record() {
    let budget = Budget::new();
    let members = vec![("content-type", Value::String("json")), ("in", Value::Int(1))];
    let record = Map::of_members(members, &budget).unwrap();
    let members = [
        ("", Value::Map(record)),
        ("namespace", Value::String("demo")),
        ("list", Value::String("l")),
        ("a-b", Value::Int(2)),
        ("ctx", Value::Int(3)),
        ("math", Value::Int(4)),
    ];
    for (source, expected) in [
        ("self['content-type']", "absent"),
        ("self", "{'content-type': 'json', 'in': 1}"),
        ("size(self)", "2"),
        ("self.map(k, k)", "['content-type', 'in']"),
        ("self.map(k, self[k])", "['json', 1]"),
        ("__namespace__ + self.namespace", "'demodemo'"),
        ("list", "'l'"),
        ("self.`a-b`", "2"),
        ("self.ctx", "3"),
        ("math", "4"),
        ("math.abs(-1)", "1"),
        ("[1].map(self, self)", "[1]"),
        ("[1].map(list, list + 1)", "[2]"),
        (
            "ctx.page",
            "refused: column 1: `ctx` is reserved for the context of a record, which this version does not have; a member of this name is self.ctx",
        ),
        ("self < 1", "refused: column 6: `<` does not take a list or a map and an int"),
    ] {
        assert_eq!(evaluated(source, &members), expected, "{source}");
    }
}

#[test]
fn map_and_filter_take_steps_in_proportion() {
    let budget = Budget::new();
    let steps = |length: usize| {
        let list = budget.keep_all(&vec![Value::Int(1); length]).unwrap();
        let (value, steps) =
            with_steps("size(tags.map(t, t + 1).filter(t, t > 1))", &[("tags", Value::List(list))]);
        assert_eq!(value, length.to_string());
        steps
    };
    let (short, long) = (steps(500), steps(5_000));
    assert!(long < 11 * short, "{short} steps for 500 elements, {long} for 5,000");
}

#[test]
fn hostile_expressions_end() {
    let budget = Budget::new();
    let list = Value::List(budget.keep_all(&[Value::Int(1); 80_000]).unwrap());
    let text = "a".repeat(2 << 20);
    let digits = format!("0.{}1", "0".repeat(1 << 20));
    let patterns = "text.matches(r'\\w{99}') || ".repeat(30) + "true";
    let members = [("tags", list), ("text", Value::String(&text)), ("digits", Value::Decimal(&digits))];
    let all = "[1,2,3,4,5,6,7,8,9].all(x, ".repeat(12) + "true" + &")".repeat(12);
    let doubled = format!("['aaaaaaaaaa']{}", ".map(x, x + x)".repeat(20));
    let replaced = format!("'aaaaaaaaaa'{}", ".replace('a', 'aaaaaaaaaa')".repeat(8));
    let lists = format!("[1]{}", ".map(x, [x, x]).flatten()".repeat(15));
    for (source, expected) in [
        (all.as_str(), "the record takes more than 1000000 steps"),
        ("string(size(tags.map(t, t + 1)))", "a list has more than 10000 elements"),
        (doubled.as_str(), "a text has more than 1 MiB"),
        (replaced.as_str(), "a text has more than 1 MiB"),
        (lists.as_str(), "a list has more than 10000 elements"),
        ("text + 'a'", "a text has more than 1 MiB"),
        ("text.upperAscii()", "a text has more than 1 MiB"),
        ("text.split('')", "a list has more than 10000 elements"),
        ("tags.distinct() == [1] && tags.sort() == []", "a list has more than 10000 elements"),
        ("tags.all(t, tags.all(u, t == u))", "the record takes more than 1000000 steps"),
        ("tags.all(t, digits > 0)", "the record takes more than 1000000 steps"),
        ("tags.all(t, double(digits) > -1.0)", "the record takes more than 1000000 steps"),
        ("tags.all(t, digits * double(t) > -1.0)", "the record takes more than 1000000 steps"),
        ("tags.exists(t, text in {'a': 1})", "the record takes more than 1000000 steps"),
        ("tags.exists(t, {text: 1} == {})", "the record takes more than 1000000 steps"),
        ("digits + 1", "a number has more than 38 digits"),
        (patterns.as_str(), "the pattern is too large"),
        ("tags.exists(t, text.matches('b')) || true", "the record takes more than 1000000 steps"),
    ] {
        let outcome = evaluated(source, &members);
        assert!(outcome.contains(expected), "{source}: {outcome}");
    }
    for (source, expected) in
        [("size(tags)", "80000"), ("size(text)", "2097152"), ("tags.exists(t, t == 1)", "true")]
    {
        assert_eq!(evaluated(source, &members), expected, "{source}");
    }
}
