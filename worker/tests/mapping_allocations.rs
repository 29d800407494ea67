//! The guarantee of the hot path: with warm buffers, mapping and encoding a record allocates nothing.

#![allow(clippy::unwrap_used, reason = "a test")]

use userstream_crds::identifier::Identifier;
use userstream_crds::model::{Field, FieldType, Origin};
use userstream_worker::format::JsonEncoder;
use userstream_worker::mapping::{MapContext, Mapper};
use userstream_worker::record::Cells;

fn every_type() -> Vec<Field> {
    let field = |field_type: FieldType| {
        let name: Identifier = field_type.name().parse().unwrap();
        let origin = Origin::Path(field_type.name().parse().unwrap());
        Field { name, field_type, origin, required: true }
    };
    FieldType::ALL.into_iter().map(field).collect()
}

const RECORD: &[u8] = r#"{"uuid":"9313706e-d4de-4d85-bcc9-b7da0ca02fba","string":"Nordenskiöldinkatu","int":-7,
    "long":9007199254740993,"double":-1.5e3,"decimal":"12.50","boolean":true,"timestamp":"2018-10-21T00:27:38.583Z",
    "date":"2018-10-21","bytes":"Zm9v","something":"else","date":"2018-10-22"}"#
    .as_bytes();

#[test]
fn mapping_with_warm_buffers_allocates_nothing() {
    let fields = every_type();
    let (mut canonical, mut compiled) = (Mapper::canonical(&fields), Mapper::compile(&fields));
    let encoder = JsonEncoder::new(&fields);
    let (mut cells, mut out) = (Cells::default(), Vec::new());
    let context = MapContext::default();
    let mut map_and_encode = || {
        for mapper in [&mut canonical, &mut compiled] {
            mapper.map(RECORD, &context, &mut cells).unwrap();
            out.clear();
            encoder.encode(&cells, RECORD, &mut out);
        }
        out.len()
    };
    assert!(map_and_encode() > 0, "the first pass grows the buffers");
    let counted = allocation_counter::measure(|| {
        map_and_encode();
    });
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn record_with_escapes_allocates_at_most_once() {
    // serde_json unescapes keys in its own buffer, which it allocates per record.
    let record =
        r#"{"str\u0069ng":"n\u00e4me","uuid":"\u0039313706e-d4de-4d85-bcc9-b7da0ca02fba"}"#.as_bytes();
    let fields: Vec<Field> =
        every_type().into_iter().map(|field| Field { required: false, ..field }).collect();
    let mut mapper = Mapper::canonical(&fields);
    let mut cells = Cells::default();
    mapper.map(record, &MapContext::default(), &mut cells).unwrap();
    let counted = allocation_counter::measure(|| {
        mapper.map(record, &MapContext::default(), &mut cells).unwrap();
    });
    assert!(counted.count_total <= 1, "{counted:?}");
}
