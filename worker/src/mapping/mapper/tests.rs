use proptest::prelude::*;
use userstream_crds::model::{Field, FieldType, Origin, Variable};

use super::*;
use crate::format::JsonEncoder;
use crate::mapping::refusal::Kind;
use crate::mapping::testing::{Value, any_values, cells, computed, every_type, field, required, values};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

const ABSENT: Value = Value::Cell(Cell::Absent);

fn int(value: i32) -> Value {
    Value::Cell(Cell::Int(value))
}

fn map_bytes(fields: &[Field], input: &[u8]) -> Result<Vec<Value>, MappingError> {
    let mut cells = Cells::default();
    Mapper::compile(fields).map(input, &MapContext::default(), &mut cells)?;
    Ok(values(&cells, input))
}

fn map(fields: &[Field], json: &str) -> Result<Vec<Value>, MappingError> {
    map_bytes(fields, json.as_bytes())
}

fn string(path: &str) -> Field {
    field("f", FieldType::String, path)
}

const USER: &str = r#"{"gender":"female","name":{"title":"Miss","first":"Nella","last":"Niva"},
    "location":{"street":{"number":7174,"name":"Nordenskiöldinkatu"},"city":"Ylivieska","postcode":67523,
    "coordinates":{"latitude":"-86.6687","longitude":"-109.5661"}},"email":"nella.niva@example.com",
    "login":{"uuid":"8f94494c-d3c9-45ba-a1fb-7fba0ca02fba"},"registered":{"date":"2018-10-21T00:27:38.583Z","age":8},
    "id":{"name":"HETU","value":null},"tags":["a",{"b":["c","d"]},3],"nat":"FI"}"#;

#[test]
fn user_is_mapped() {
    let fields = [
        required(field("id", FieldType::Uuid, "login.uuid")),
        field("first_name", FieldType::String, "name.first"),
        field("last_name", FieldType::String, "name.last"),
        field("post_code", FieldType::String, "location.postcode"),
        field("street", FieldType::String, "location.street.name"),
        field("latitude", FieldType::Decimal, "location.coordinates.latitude"),
        field("registered", FieldType::Timestamp, "registered.date"),
        field("registered_day", FieldType::Date, "registered.date"),
        field("years", FieldType::Int, "registered.age"),
        field("identity", FieldType::String, "id.value"),
        field("deep", FieldType::String, "tags.1.b.1"),
        computed("address", FieldType::String, "string(location.street.number) + ' ' + location.street.name"),
    ];
    let id = *b"\x8f\x94\x49\x4c\xd3\xc9\x45\xba\xa1\xfb\x7f\xba\x0c\xa0\x2f\xba";
    assert_eq!(
        map(&fields, USER).unwrap(),
        [
            Value::Cell(Cell::Uuid(id)),
            text("Nella"),
            text("Niva"),
            text("67523"),
            text("Nordenskiöldinkatu"),
            Value::Cell(Cell::Decimal { unscaled: -866_687, scale: 4 }),
            Value::Cell(Cell::Timestamp(1_540_081_658_583)),
            Value::Cell(Cell::Date(17_825)),
            int(8),
            ABSENT,
            text("d"),
            text("7174 Nordenskiöldinkatu"),
        ]
    );
}

#[test]
fn paths_select_through_objects_and_arrays() {
    for (path, json, expected) in [
        ("a", r#"{"a":"x"}"#, text("x")),
        ("a.b.c", r#"{"a":{"b":{"c":"x"}}}"#, text("x")),
        ("a.1", r#"{"a":["w","x","y"]}"#, text("x")),
        ("a.1.b", r#"{"a":[{"b":"w"},{"b":"x"}]}"#, text("x")),
        ("0.b", r#"[{"b":"x"},{"b":"y"}]"#, text("x")),
        ("a.1", r#"{"a":{"0":"w","1":"x"}}"#, text("x")),
        ("a.01", r#"{"a":{"01":"x"}}"#, text("x")),
        ("näme", r#"{"n\u00e4me":"x"}"#, text("x")),
        ("a", r#" { "b" : [ 1 , { } ] , "a" : "x" } "#, text("x")),
    ] {
        assert_eq!(map(&[string(path)], json), Ok(vec![expected]), "{path} in {json}");
    }
}

#[test]
fn path_without_a_match_has_no_value() {
    for (path, json) in [
        ("a", "{}"),
        ("a", r#"{"b":1}"#),
        ("a", r#"{"a":null}"#),
        ("a.b", r#"{"a":{}}"#),
        ("a.b", r#"{"a":null}"#),
        ("a.b", r#"{"a":"text"}"#),
        ("a.b", r#"{"a":7}"#),
        ("a.b", r#"{"a":-7}"#),
        ("a.b", r#"{"a":7.5}"#),
        ("a.b", r#"{"a":true}"#),
        ("a.b", r#"{"a":["b"]}"#),
        ("a.3", r#"{"a":["b"]}"#),
        ("a.01", r#"{"a":["b","c"]}"#),
        ("a.0.b", r#"{"a":[]}"#),
    ] {
        assert_eq!(map(&[string(path)], json), Ok(vec![ABSENT]), "{path} in {json}");
    }
}

#[test]
fn one_value_may_map_to_several_fields() {
    let fields = [
        field("a", FieldType::String, "x"),
        field("b", FieldType::Decimal, "x"),
        field("c", FieldType::Int, "x"),
    ];
    assert_eq!(
        map(&fields, r#"{"x":10}"#),
        Ok(vec![text("10"), Value::Cell(Cell::Decimal { unscaled: 10, scale: 0 }), int(10)])
    );
}

#[test]
fn last_value_of_a_duplicate_key_wins() {
    let fields = [
        field("a", FieldType::Int, "a"),
        field("b", FieldType::Int, "n.b"),
        field("c", FieldType::Int, "n.c"),
    ];
    for (json, expected) in [
        (r#"{"a":1,"a":2}"#, [int(2), ABSENT, ABSENT]),
        (r#"{"a":1,"a":null}"#, [ABSENT, ABSENT, ABSENT]),
        (r#"{"n":{"b":1},"n":{"c":2}}"#, [ABSENT, ABSENT, int(2)]),
        (r#"{"n":{"b":1},"n":7}"#, [ABSENT, ABSENT, ABSENT]),
        (r#"{"n":{"b":1,"c":2},"a":3,"n":{"b":4,"b":5}}"#, [int(3), int(5), ABSENT]),
    ] {
        assert_eq!(map(&fields, json).as_deref(), Ok(&expected[..]), "{json}");
    }
    let refused = map(&fields, r#"{"a":"text","a":2}"#);
    assert!(matches!(refused, Err(MappingError::Refused { .. })), "each of the values must fit: {refused:?}");
}

#[test]
fn required_field_must_have_a_value() {
    let fields = [field("a", FieldType::Int, "a"), required(field("b", FieldType::Int, "n.b"))];
    for json in ["{}", r#"{"a":1}"#, r#"{"n":{"b":null}}"#, r#"{"n":7}"#, r#"{"n":{"b":1},"n":{}}"#] {
        assert_eq!(map(&fields, json), Err(MappingError::Missing { field: "b".parse().unwrap() }), "{json}");
    }
    assert_eq!(map(&fields, r#"{"n":{"b":1}}"#), Ok(vec![ABSENT, int(1)]));
}

#[test]
fn variables_are_converted_like_numbers_and_strings() {
    let variable =
        |field_type, variable| Field { origin: Origin::Variable(variable), ..field("f", field_type, "f") };
    let fields = [
        variable(FieldType::Timestamp, Variable::FetchedAt),
        variable(FieldType::Long, Variable::FetchedAt),
        variable(FieldType::Long, Variable::Offset),
        variable(FieldType::Int, Variable::Partition),
        variable(FieldType::String, Variable::Partition),
        variable(FieldType::String, Variable::Key),
        variable(FieldType::Bytes, Variable::Key),
        variable(FieldType::Uuid, Variable::Key),
    ];
    let mut mapper = Mapper::compile(&fields);
    let mut cells = Cells::default();
    let key = b"9313706ed4de4d85bcc9b7da0ca02fba";
    let context = MapContext { fetched_at: 5, key: Some(key), offset: 1 << 40, partition: 3 };
    mapper.map(b"{}", &context, &mut cells).unwrap();
    assert_eq!(
        values(&cells, b"{}"),
        [
            Value::Cell(Cell::Timestamp(5)),
            Value::Cell(Cell::Long(5)),
            Value::Cell(Cell::Long(1 << 40)),
            int(3),
            text("3"),
            text("9313706ed4de4d85bcc9b7da0ca02fba"),
            Value::Bytes(key.to_vec()),
            Value::Cell(Cell::Uuid(*b"\x93\x13\x70\x6e\xd4\xde\x4d\x85\xbc\xc9\xb7\xda\x0c\xa0\x2f\xba")),
        ]
    );
    let mut without_key = Mapper::compile(&fields[5..]);
    without_key.map(b"{}", &MapContext::default(), &mut cells).unwrap();
    assert_eq!(values(&cells, b"{}"), [ABSENT, ABSENT, ABSENT]);
    let refused = without_key.map(b"{}", &MapContext { key: Some(b"\xff"), ..context }, &mut cells);
    assert!(matches!(refused, Err(MappingError::Refused { reason: Refusal::KeyNotUtf8, .. })), "{refused:?}");
}

#[test]
fn unconvertible_value_is_refused_with_its_field() {
    let fields = [field("age", FieldType::Int, "dob.age"), field("city", FieldType::String, "city")];
    for (json, message) in [
        (r#"{"dob":{"age":"secret"}}"#, "field age (int): a string is not converted to this type"),
        (r#"{"dob":{"age":99999999999}}"#, "field age (int): a number outside of the range of this type"),
        (
            r#"{"dob":{"age":2.5}}"#,
            "field age (int): a number with a fraction or an exponent is not an integer",
        ),
        (r#"{"city":{"name":"secret"}}"#, "field city (string): an object is not converted to this type"),
        (r#"{"city":"secret \udead"}"#, "field city (string): a \\u escape that is half of a surrogate pair"),
    ] {
        let error = map(&fields, json).unwrap_err();
        assert_eq!(error.to_string(), message, "{json}");
        assert_eq!(error.cause(), "refused_value");
    }
}

#[test]
fn only_json_objects_are_mapped() {
    let fields = [string("a")];
    let invalid = |column| MappingError::InvalidJson { line: 1, column };
    for (json, error) in [
        ("", MappingError::Truncated),
        ("  ", MappingError::Truncated),
        ("{", MappingError::Truncated),
        (r#"{"a"#, MappingError::Truncated),
        (r#"{"a":"x"#, MappingError::Truncated),
        (r#"{"b":[1,"#, MappingError::Truncated),
        ("7", MappingError::NotAnObject),
        ("-7.5", MappingError::NotAnObject),
        ("null", MappingError::NotAnObject),
        ("true", MappingError::NotAnObject),
        (r#""text""#, MappingError::NotAnObject),
        (r#"[{"a":"x"}]"#, MappingError::NotAnObject),
        ("{}x", invalid(3)),
        ("{} {}", invalid(4)),
        ("{'a':1}", invalid(2)),
        (r#"{"a":01}"#, invalid(7)),
        (r#"{"b":NaN}"#, invalid(6)),
        (r#"{"b":1,}"#, invalid(8)),
        ("{\"a\":\"\n\"}", invalid(6)),
    ] {
        assert_eq!(map(&fields, json), Err(error), "{json}");
    }
    assert_eq!(map_bytes(&fields, b"{\"a\":\"x\xff\"}"), Err(MappingError::NotUtf8 { position: 7 }));
    assert_eq!(map_bytes(&fields, b"{\"a\xff\":\"x\"}"), Err(MappingError::NotUtf8 { position: 3 }));
    assert_eq!(map_bytes(&fields, b"{\"b\":\"\xff\"}"), Err(MappingError::NotUtf8 { position: 6 }));
}

#[test]
fn malformed_number_or_escape_matters_only_where_selected() {
    let json = r#"{"n":1e999,"t":"\udead","n2":{"x":1e999}}"#;
    assert_eq!(map(&[string("x")], json), Ok(vec![ABSENT]));
    assert_eq!(map(&[string("n")], json), Ok(vec![text("1e999")]));
    assert_eq!(map(&[computed("f", FieldType::String, "string(n)")], json), Ok(vec![text("1e999")]));
    let refused = map(&[computed("f", FieldType::String, "t")], json).unwrap_err().to_string();
    let lone = "the expression of field f fails: a text has a \\u escape that is half of a surrogate pair, at column 1";
    assert_eq!(refused, lone);
}

#[test]
fn any_depth_of_nesting_is_safe() {
    const DEPTH: usize = 200_000;
    let nested = |value: &str| format!("{{\"a\":{}{value}{}}}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    assert_eq!(map(&[string("b")], &nested("1")), Ok(vec![ABSENT]));
    let refused = map(&[string("a")], &nested("1"));
    assert!(
        matches!(refused, Err(MappingError::Refused { reason: Refusal::Kind(Kind::Array), .. })),
        "{refused:?}"
    );
    let unclosed = format!("{{\"b\":{}", "{\"b\":".repeat(DEPTH));
    assert_eq!(map(&[string("b.b.b.b")], &unclosed), Err(MappingError::Truncated));
    let refused = map(&[computed("f", FieldType::Long, "size(a)")], &nested("1")).unwrap_err().to_string();
    assert_eq!(refused, "the expression of field f fails: a value is nested too deeply, at column 6");
}

#[test]
fn expression_sees_integers_as_int_and_only_its_references() {
    let deep = format!("{}1{}", "[".repeat(300), "]".repeat(300));
    let json =
        format!(r#"{{"a":{{"n":41,"deep":{deep}}},"b":{deep},"list":[1,2,3],"t":"text","f":1.5,"no":null}}"#);
    for (field_type, expression, expected) in [
        (FieldType::Int, "a.n + 1", int(42)),
        (FieldType::Long, "a['n'] - 50", Value::Cell(Cell::Long(-9))),
        (FieldType::String, "string(a.n)", text("41")),
        (FieldType::String, "a.n", text("41")),
        (FieldType::String, "t.upperAscii() + '!'", text("TEXT!")),
        (FieldType::Int, "list[1] + size(list)", int(5)),
        (FieldType::Boolean, "list.exists(x, x == 3)", Value::Cell(Cell::Boolean(true))),
        (FieldType::Int, "math.greatest(a.n, 7)", int(41)),
        (FieldType::Decimal, "a.n", Value::Cell(Cell::Decimal { unscaled: 41, scale: 0 })),
        (FieldType::Decimal, "string(a.n) + '.50'", Value::Cell(Cell::Decimal { unscaled: 4150, scale: 2 })),
        (FieldType::Double, "f * 2.0", Value::Cell(Cell::Double(3.0))),
        (FieldType::Double, "a.n", Value::Cell(Cell::Double(41.0))),
        (FieldType::Timestamp, "timestamp('1970-01-01T00:00:01Z')", Value::Cell(Cell::Timestamp(1_000))),
        (FieldType::Bytes, "bytes(t)", Value::Bytes(b"text".to_vec())),
        (FieldType::String, "has(a.x) ? a.x : 'none'", text("none")),
        (FieldType::String, "has(a.x) ? a.x : null", ABSENT),
        (FieldType::String, "no", ABSENT),
        (FieldType::Boolean, "no == null", Value::Cell(Cell::Boolean(true))),
    ] {
        assert_eq!(map(&[computed("f", field_type, expression)], &json), Ok(vec![expected]), "{expression}");
    }
}

#[test]
fn numbers_keep_their_digits_through_an_expression() {
    let json =
        r#"{"large":18446744073709551615,"price":1.10,"long":12345678901234567.89,"whole":6,"point":6.0}"#;
    let decimal = |unscaled, scale| Value::Cell(Cell::Decimal { unscaled, scale });
    for (field_type, expression, expected) in [
        (FieldType::String, "'id-' + string(large)", text("id-18446744073709551615")),
        (FieldType::Decimal, "string(large)", decimal(18_446_744_073_709_551_615, 0)),
        (FieldType::Decimal, "large", decimal(18_446_744_073_709_551_615, 0)),
        (FieldType::Decimal, "large + 1", decimal(18_446_744_073_709_551_616, 0)),
        (FieldType::String, "price", text("1.10")),
        (FieldType::Decimal, "price", decimal(110, 2)),
        (FieldType::Decimal, "price * 1.5", decimal(1_650, 3)),
        (FieldType::Decimal, "missing == null ? 0.5 : missing", decimal(5, 1)),
        (FieldType::Decimal, "long", decimal(1_234_567_890_123_456_789, 2)),
        (FieldType::Double, "price * 1.5", Value::Cell(Cell::Double(1.65))),
        (FieldType::Int, "math.round(price * 10)", int(11)),
        (
            FieldType::Boolean,
            "whole == point && whole == 6.0 && point == 6",
            Value::Cell(Cell::Boolean(true)),
        ),
    ] {
        assert_eq!(map(&[computed("f", field_type, expression)], json), Ok(vec![expected]), "{expression}");
    }
    let refused = map(&[computed("f", FieldType::Long, "large")], json).unwrap_err().to_string();
    assert_eq!(refused, "field f (long): a number outside of the range of this type");
    let refused = map(&[computed("f", FieldType::Int, "point")], json).unwrap_err().to_string();
    assert_eq!(refused, "field f (int): a number with a fraction or an exponent is not an integer");
}

const ADDRESS: &str = "string(location.street.number) + ' ' + location.street.name + ', ' + location.city";

#[test]
fn an_expression_over_absent_members_gives_no_value() {
    let location = |json: &str| map(&[computed("f", FieldType::String, ADDRESS)], json);
    assert_eq!(
        location(r#"{"location":{"street":{"number":5,"name":"Main"},"city":"X"}}"#),
        Ok(vec![text("5 Main, X")])
    );
    for json in [
        "{}",
        r#"{"location":null}"#,
        r#"{"location":{"street":{"number":null,"name":"Main"},"city":"X"}}"#,
        r#"{"location":{"street":{"name":"Main"},"city":"X"}}"#,
        r#"{"location":{"city":"X"}}"#,
    ] {
        assert_eq!(location(json), Ok(vec![ABSENT]), "{json}");
        let missing = map(&[required(computed("f", FieldType::String, ADDRESS))], json);
        assert_eq!(missing, Err(MappingError::Missing { field: "f".parse().unwrap() }), "{json}");
    }
    let changed = "updatedAt != null ? updatedAt : createdAt";
    for (json, expected) in [
        (r#"{"createdAt":"a"}"#, text("a")),
        (r#"{"createdAt":"a","updatedAt":"b"}"#, text("b")),
        (r#"{"createdAt":"a","updatedAt":null}"#, text("a")),
    ] {
        assert_eq!(map(&[computed("f", FieldType::String, changed)], json), Ok(vec![expected]), "{json}");
    }
    for expression in ["self.?updatedAt.orValue(createdAt)", "has(self.updatedAt) ? updatedAt : createdAt"] {
        assert_eq!(
            map(&[computed("f", FieldType::String, expression)], r#"{"createdAt":"a"}"#),
            Ok(vec![text("a")])
        );
    }
}

#[test]
fn join_takes_texts_and_nothing_else() {
    let joined = |json: &str| map(&[computed("f", FieldType::String, "tags.join(',')")], json);
    assert_eq!(joined(r#"{"tags":["a","b"]}"#), Ok(vec![text("a,b")]));
    assert_eq!(joined("{}"), Ok(vec![ABSENT]));
    for (json, found) in [
        (r#"{"tags":[1,2]}"#, "an int"),
        (r#"{"tags":["a",null]}"#, "null"),
        (r#"{"tags":[{"k":1}]}"#, "a map"),
    ] {
        let error = joined(json).unwrap_err().to_string();
        let expected = format!(
            "the expression of field f fails: `join` takes a list of strings, and an element is {found}, at column 6"
        );
        assert_eq!(error, expected);
    }
}

#[test]
fn a_record_that_takes_too_many_steps_is_a_dead_letter() {
    let json = format!(r#"{{"tags":[{}1]}}"#, "1,".repeat(20_000));
    for (expression, reason) in [
        ("string(size(tags.map(t, t + 1)))", "a list has more than 10000 elements"),
        ("tags.all(t, tags.all(u, t == u)) ? 'a' : 'b'", "the record takes more than 1000000 steps"),
    ] {
        let error = map(&[computed("f", FieldType::String, expression)], &json).unwrap_err();
        assert_eq!(error.cause(), "failed_expression");
        assert!(error.to_string().contains(reason), "{error}");
    }
    assert_eq!(map(&[computed("f", FieldType::Int, "size(tags)")], &json), Ok(vec![int(20_001)]));
}

#[test]
fn the_expressions_of_a_record_share_its_budget() {
    let heavy = "tags.all(t, tags.all(u, t == u))";
    let json = format!(r#"{{"tags":[{}1]}}"#, "1,".repeat(500));
    let fields = |count: usize| vec![computed("f", FieldType::Boolean, heavy); count];
    assert!(map(&fields(1), &json).is_ok());
    assert!(map(&fields(2), &json).is_err());
}

#[test]
fn failed_expression_names_field_and_reason_but_no_value() {
    let json = r#"{"t":"secret","n":9223372036854775807,"list":["secret"],"secrets":{"a":1}}"#;
    for (expression, reason) in [
        ("t.first", "a string has no members, at column 3"),
        ("string(t.first)", "a string has no members, at column 10"),
        ("t + 1", "`+` does not take a string and an int, at column 3"),
        ("n + 1", "the result does not fit its type, at column 3"),
        ("n / 0", "a division by zero, at column 3"),
        ("list[n - n - 1]", "an index is negative, at column 5"),
        ("string(int(t))", "`int`: the text is not an int, at column 8"),
        (
            "string(timestamp(t))",
            "`timestamp`: the text is not an RFC 3339 timestamp of the years 1 to 9999, at column 8",
        ),
        ("secrets[list]", "a map has no element with a list as its index, at column 8"),
    ] {
        let message = map(&[computed("f", FieldType::String, expression)], json).unwrap_err().to_string();
        assert_eq!(message, format!("the expression of field f fails: {reason}"), "{expression}");
    }
}

#[test]
fn mapper_is_send() {
    fn is_send<T: Send>() {}
    is_send::<Mapper>();
}

#[test]
fn mapper_forgets_the_previous_record() {
    let mut mapper = Mapper::compile(&[string("a"), field("g", FieldType::Bytes, "b")]);
    let mut cells = Cells::default();
    let first = r#"{"a":"n\u00e4me","b":"Zm9v"}"#.as_bytes();
    mapper.map(first, &MapContext::default(), &mut cells).unwrap();
    assert_eq!(values(&cells, first), [text("näme"), Value::Bytes(b"foo".to_vec())]);
    let second = br#"{"a":"plain"}"#;
    mapper.map(second, &MapContext::default(), &mut cells).unwrap();
    assert_eq!(values(&cells, second), [text("plain"), ABSENT]);
}

/// A document that is truncated, or has changed bytes.
fn damaged(document: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (0..=document.len(), changes).prop_map(|(length, changes)| {
        let mut bytes = document.as_bytes()[..length].to_vec();
        for (index, byte) in changes {
            if !bytes.is_empty() {
                let index = index.index(bytes.len());
                bytes[index] = byte;
            }
        }
        bytes
    })
}

fn every_kind_of_field() -> Vec<Field> {
    let mut fields = every_type();
    fields.push(field("deep", FieldType::String, "name.first"));
    fields.push(field("element", FieldType::String, "tags.1.b.0"));
    fields.push(computed("computed", FieldType::String, "has(name.first) ? name.first : string(location)"));
    fields
}

const EVERY_TYPE: &str = r#"{"uuid":"9313706e-d4de-4d85-bcc9-b7da0ca02fba","string":"a \u00e4 \uD83D\uDE00","int":-7,
    "long":9007199254740993,"double":-1.5e3,"decimal":"12.50","boolean":true,"timestamp":"2018-10-21T00:27:38.583Z",
    "date":"2018-10-21","bytes":"Zm9v","name":{"first":"x"},"tags":[1,{"b":["c"]}],"location":"y"}"#;

#[test]
fn truncated_record_is_refused() {
    for length in (0..EVERY_TYPE.len()).filter(|length| EVERY_TYPE.is_char_boundary(*length)) {
        let cut = &EVERY_TYPE[..length];
        let error = map(&every_type(), cut).unwrap_err();
        if cut.ends_with(['-', '.', 'e']) && error != MappingError::Truncated {
            // A truncated number is malformed.
            assert!(matches!(error, MappingError::InvalidJson { .. }), "cut to {length} bytes: {error:?}");
        } else {
            assert_eq!(error, MappingError::Truncated, "cut to {length} bytes");
        }
    }
    assert_eq!(map(&every_kind_of_field(), EVERY_TYPE).map(|values| values.len()), Ok(13));
}

proptest! {
    #[test]
    fn canonical_records_are_read_as_they_were_written(expected in any_values(&every_type())) {
        let fields = every_type();
        let mut record = Vec::new();
        JsonEncoder::new(&fields).encode(&cells(&expected), b"", &mut record);
        let mut read = Cells::default();
        Mapper::canonical(&fields).map(&record, &MapContext::default(), &mut read).unwrap();
        prop_assert_eq!(values(&read, &record), expected);
    }

    #[test]
    fn canonical_records_are_json_objects(expected in any_values(&every_type())) {
        let fields = every_type();
        let mut record = Vec::new();
        JsonEncoder::new(&fields).encode(&cells(&expected), b"", &mut record);
        let parsed: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&record).unwrap();
        let absent = expected.iter().filter(|value| **value == ABSENT).count();
        prop_assert_eq!(parsed.len(), fields.len() - absent);
    }

    #[test]
    fn order_of_members_is_irrelevant(
        (expected, order) in any_values(&every_type()).prop_flat_map(|it| {
            let order: Vec<usize> = (0..it.len()).collect();
            (Just(it), Just(order).prop_shuffle())
        })
    ) {
        let fields = every_type();
        let shuffled_fields: Vec<Field> = order.iter().map(|index| fields[*index].clone()).collect();
        let shuffled: Vec<Value> = order.iter().map(|index| expected[*index].clone()).collect();
        let mut record = Vec::new();
        JsonEncoder::new(&shuffled_fields).encode(&cells(&shuffled), b"", &mut record);
        let mut read = Cells::default();
        Mapper::canonical(&fields).map(&record, &MapContext::default(), &mut read).unwrap();
        prop_assert_eq!(values(&read, &record), expected);
    }

    #[test]
    fn any_bytes_are_mapped_without_panic(bytes: Vec<u8>) {
        let _ = map_bytes(&every_kind_of_field(), &bytes);
    }

    #[test]
    fn damaged_record_is_mapped_without_panic(bytes in damaged(EVERY_TYPE)) {
        let _ = map_bytes(&every_kind_of_field(), &bytes);
    }

    #[test]
    fn any_json_is_mapped_without_panic(json in any_json()) {
        let _ = map(&every_kind_of_field(), &json);
    }

    #[test]
    fn no_message_shows_a_value(field_index in 0..10_usize, value in "[ -~]{0,20}") {
        let fields = every_type();
        let value = format!("~~{value}~~");
        let json = serde_json::json!({ (fields[field_index].name.as_str()): value });
        if let Err(error) = map(&fields, &json.to_string()) {
            prop_assert!(!error.to_string().contains("~~"), "{}", error);
        }
    }
}

/// JSON with members that the paths select.
fn any_json() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|it| it.to_string()),
        "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,6})?",
        any::<String>().prop_map(|it| serde_json::to_string(&it).unwrap()),
        "\"(\\\\u[0-9a-fA-F]{4}){0,4}\"",
    ];
    let names = FieldType::ALL
        .map(FieldType::name)
        .into_iter()
        .chain(["name", "first", "tags", "b", "location", "x"]);
    let name = prop::sample::select(names.collect::<Vec<_>>());
    scalar.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|it| format!("[{}]", it.join(","))),
            prop::collection::vec((name.clone(), inner), 0..8).prop_map(|members| {
                let members: Vec<_> =
                    members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}
