//! Objects as the stores keep them in memory: compressed JSON. Kubernetes' types have room for every field, and take
//! five times as much memory as the JSON, which takes three times as much as the compressed JSON.

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use serde::Serialize;
use serde::de::DeserializeOwned;

thread_local! {
    // Their tables take hundreds of kilobytes: allocating them for each object would cost more than the compression.
    static COMPRESS: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
    static DECOMPRESS: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// An object as compressed JSON.
#[derive(Clone, Debug, Default)]
pub(crate) struct Compressed {
    bytes: Box<[u8]>,
    /// The length of the JSON.
    length: usize,
}

impl Compressed {
    /// Compresses an object. One that cannot be serialized is empty.
    pub(crate) fn of(object: &impl Serialize) -> Self {
        let json = serde_json::to_vec(object).unwrap_or_default();
        let bytes = COMPRESS.with_borrow_mut(|compress| deflated(compress, &json));
        Self { bytes: bytes.unwrap_or_default().into_boxed_slice(), length: json.len() }
    }

    /// The object; `None` if it does not have this type.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        let json = DECOMPRESS.with_borrow_mut(|decompress| {
            decompress.reset(false);
            let mut json = Vec::with_capacity(self.length);
            let ended = decompress.decompress_vec(&self.bytes, &mut json, FlushDecompress::Finish);
            ended.is_ok_and(|status| status == Status::StreamEnd).then_some(json)
        });
        serde_json::from_slice(&json?).ok()
    }
}

fn deflated(compress: &mut Compress, text: &[u8]) -> Option<Vec<u8>> {
    compress.reset();
    let mut bytes = Vec::with_capacity(text.len() / 2 + 64);
    loop {
        let taken = usize::try_from(compress.total_in()).ok()?;
        let status = compress.compress_vec(text.get(taken..)?, &mut bytes, FlushCompress::Finish).ok()?;
        if status == Status::StreamEnd {
            return Some(bytes);
        }
        bytes.reserve(bytes.capacity());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn compressed_object_takes_less_than_half_of_its_text() {
        let text =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../crds/examples/users.yaml"));
        let object: Value = serde_saphyr::from_str(&text.unwrap()).unwrap();
        assert!(Compressed::of(&object).bytes.len() * 2 < object.to_string().len());
    }

    #[test]
    fn object_of_another_type_is_not_read() {
        let compressed = Compressed::of(&json!({"a": 1}));
        assert_eq!(compressed.read::<Vec<String>>(), None);
        assert_eq!(Compressed::default().read::<Value>(), None);
    }

    proptest! {
        #[test]
        fn object_is_read_as_it_was_compressed(texts in prop::collection::vec(".{0,200}", 0..20)) {
            prop_assert_eq!(Compressed::of(&texts).read::<Vec<String>>(), Some(texts));
        }
    }
}
