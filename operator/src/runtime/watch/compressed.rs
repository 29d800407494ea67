//! An object as it is kept in memory: its JSON, compressed. Kubernetes' types have room for all that an object could say, and
//! take five times as much as its text, which takes three times as much again.

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use serde::Serialize;
use serde::de::DeserializeOwned;

thread_local! {
    // Their tables take hundreds of kilobytes: to make them anew for each object costs more than what they are made for.
    static COMPRESS: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
    static DECOMPRESS: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// An object, packed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Compressed {
    packed: Box<[u8]>,
    /// How long its JSON is.
    length: usize,
}

impl Compressed {
    /// Packs an object; one that has no JSON becomes nothing.
    pub(crate) fn of(object: &impl Serialize) -> Self {
        let json = serde_json::to_vec(object).unwrap_or_default();
        let packed = COMPRESS.with_borrow_mut(|compress| deflated(compress, &json));
        Self { packed: packed.unwrap_or_default().into_boxed_slice(), length: json.len() }
    }

    /// The object, unless it is none of this type.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        let json = DECOMPRESS.with_borrow_mut(|decompress| {
            decompress.reset(false);
            let mut json = Vec::with_capacity(self.length);
            let ended = decompress.decompress_vec(&self.packed, &mut json, FlushDecompress::Finish);
            ended.is_ok_and(|status| status == Status::StreamEnd).then_some(json)
        });
        serde_json::from_slice(&json?).ok()
    }
}

fn deflated(compress: &mut Compress, text: &[u8]) -> Option<Vec<u8>> {
    compress.reset();
    let mut packed = Vec::with_capacity(text.len() / 2 + 64);
    loop {
        let taken = usize::try_from(compress.total_in()).ok()?;
        let status = compress.compress_vec(text.get(taken..)?, &mut packed, FlushCompress::Finish).ok()?;
        if status == Status::StreamEnd {
            return Some(packed);
        }
        packed.reserve(packed.capacity());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_packed_object_takes_less_than_half_of_its_text() {
        let text =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../crds/examples/users.yaml"));
        let object: Value = serde_saphyr::from_str(&text.unwrap()).unwrap();
        assert!(Compressed::of(&object).packed.len() * 2 < object.to_string().len());
    }

    #[test]
    fn what_is_not_of_the_type_is_nothing() {
        let packed = Compressed::of(&json!({"a": 1}));
        assert_eq!(packed.read::<Vec<String>>(), None);
        assert_eq!(Compressed::default().read::<Value>(), None);
    }

    proptest! {
        #[test]
        fn an_object_is_read_as_it_was(texts in prop::collection::vec(".{0,200}", 0..20)) {
            prop_assert_eq!(Compressed::of(&texts).read::<Vec<String>>(), Some(texts));
        }
    }
}
