//! The time per record of mapping, encoding, decoding and filtering. `cargo bench -p userstream-worker --bench mapping
//! --no-default-features`.
//!
//! Prints the minimum and the median of many short samples, in nanoseconds per record. Compare the minimum: other load
//! on the machine can only increase a sample.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a program for developers")]

use std::hint::black_box;
use std::time::Instant;

use userstream_crds::expression::{FieldsExpression, Kinds, RecordExpression};
use userstream_crds::model::{Field, FieldType, Origin, field_kinds};
use userstream_worker::format::JsonEncoder;
use userstream_worker::mapping::{Filter, MapContext, Mapper};
use userstream_worker::record::Cells;

const USER: &[u8] = r#"{"gender":"female","name":{"title":"Miss","first":"Nella","last":"Niva"},"location":{"street":{"number":7174,"name":"Nordenskiöldinkatu"},"city":"Ylivieska","state":"South Karelia","country":"Finland","postcode":67523,"coordinates":{"latitude":"-86.6687","longitude":"-109.5661"},"timezone":{"offset":"+11:00","description":"Magadan, Solomon Islands, New Caledonia"}},"email":"nella.niva@example.com","login":{"uuid":"8f94494c-d3c9-45ba-a1fb-7fba0ca02fba","username":"smallmouse740","password":"sheba1","salt":"Zr251GtT","md5":"2b54eed5964efabdbd44f1f45246bd3f","sha1":"e40e90c824908bd30e022bd969e1b61bfcd8cc79","sha256":"4a4122f53bdeb81530e9473a3cd811790c785f19646ecbbd7d5b6ce66aa7ee59"},"dob":{"date":"1972-04-16T10:36:10.290Z","age":54},"registered":{"date":"2018-10-21T00:27:38.583Z","age":8},"phone":"011-760-1976","cell":"081-015-9622","id":{"name":"PPS","value":"6278275T"},"picture":{"large":"https://randomuser.me/api/portraits/women/68.jpg","medium":"https://randomuser.me/api/portraits/med/women/68.jpg","thumbnail":"https://randomuser.me/api/portraits/thumb/women/68.jpg"},"nat":"FI"}"#.as_bytes();

const ADDRESS: &str = "string(location.street.number) + ' ' + location.street.name + ', ' + location.city";

fn fields() -> Vec<Field> {
    [
        ("id", FieldType::Uuid, "login.uuid"),
        ("first_name", FieldType::String, "name.first"),
        ("last_name", FieldType::String, "name.last"),
        ("gender", FieldType::String, "gender"),
        ("address", FieldType::String, "location.city"),
        ("post_code", FieldType::String, "location.postcode"),
        ("email", FieldType::String, "email"),
        ("username", FieldType::String, "login.username"),
        ("dob", FieldType::Timestamp, "dob.date"),
        ("registered_date", FieldType::Timestamp, "registered.date"),
        ("phone", FieldType::String, "phone"),
        ("picture", FieldType::String, "picture.medium"),
        ("nat", FieldType::String, "nat"),
        ("fetched_at", FieldType::Timestamp, "registered.date"),
    ]
    .into_iter()
    .map(|(name, field_type, path)| Field {
        name: name.parse().expect("a name"),
        field_type,
        origin: Origin::Path(path.parse().expect("a path")),
        required: false,
    })
    .collect()
}

fn measure(name: &str, mut record: impl FnMut()) {
    // `cargo bench ... -- decode` runs the benchmarks with this in their name.
    if std::env::args().skip(1).any(|filter| !filter.starts_with("--") && !name.contains(&filter)) {
        return;
    }
    const SAMPLES: usize = 300;
    const RECORDS: u32 = 1_000;
    let mut samples: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let start = Instant::now();
            (0..RECORDS).for_each(|_| record());
            start.elapsed().as_secs_f64() * 1e9 / f64::from(RECORDS)
        })
        .collect();
    samples.sort_unstable_by(f64::total_cmp);
    println!("{name:<40} {:>8.0} ns minimum {:>8.0} ns median", samples[0], samples[SAMPLES / 2]);
}

fn main() {
    let fields = fields();
    let context = MapContext::default();
    let (mut cells, mut encoded) = (Cells::default(), Vec::new());

    let mut source = Mapper::compile(&fields);
    source.map(USER, &context, &mut cells).expect("a user");
    let encoder = JsonEncoder::new(&fields);
    encoder.encode(&cells, USER, &mut encoded);
    println!(
        "{} bytes from the source, {} bytes on the topic, {} fields",
        USER.len(),
        encoded.len(),
        fields.len()
    );

    measure("map from the source", || source.map(black_box(USER), &context, &mut cells).expect("a user"));
    let mut with_expression = fields.clone();
    with_expression[4].origin =
        Origin::Expression(RecordExpression::compile(ADDRESS, Kinds::STRING).expect("an expression"));
    let mut computing = Mapper::compile(&with_expression);
    measure("map from the source, one expression", || {
        computing.map(black_box(USER), &context, &mut cells).expect("a user");
    });

    source.map(USER, &context, &mut cells).expect("a user");
    let mut out = Vec::new();
    measure("encode", || {
        out.clear();
        encoder.encode(black_box(&cells), USER, &mut out);
    });

    let mut canonical = Mapper::canonical(&fields);
    measure("decode", || canonical.map(black_box(&encoded), &context, &mut cells).expect("a user"));
    let names: Vec<(&str, Kinds)> =
        fields.iter().map(|field| (field.name.as_str(), field_kinds::kinds(field.field_type))).collect();
    let filter = FieldsExpression::compile("nat != 'XX'", &names, Kinds::BOOL).expect("an expression");
    let mut filter = Filter::of(&filter);
    measure("filter", || assert!(filter.keeps(black_box(&cells), &encoded).expect("a user")));
}
