//! An object as it is kept in memory: its JSON, compressed. Kubernetes' types have room for all that an object could say, and
//! take five times as much as its text, which takes three times as much again.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An object, packed.
#[derive(Clone, Debug, Default)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    /// Packs an object; one that has no JSON becomes nothing.
    pub(super) fn of(object: &impl Serialize) -> Self {
        let json = serde_json::to_vec(object).unwrap_or_default();
        let mut encoder = DeflateEncoder::new(Vec::with_capacity(json.len() / 2), Compression::fast());
        // Memory takes every write.
        let packed = encoder.write_all(&json).and_then(|()| encoder.finish());
        Self(packed.unwrap_or_default().into_boxed_slice())
    }

    /// The object, unless it is none of this type.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        let mut json = Vec::with_capacity(self.0.len() * 4);
        DeflateDecoder::new(&*self.0).read_to_end(&mut json).ok()?;
        serde_json::from_slice(&json).ok()
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
        assert!(Packed::of(&object).0.len() * 2 < object.to_string().len());
    }

    #[test]
    fn what_is_not_of_the_type_is_nothing() {
        let packed = Packed::of(&json!({"a": 1}));
        assert_eq!(packed.read::<Vec<String>>(), None);
        assert_eq!(Packed::default().read::<Value>(), None);
    }

    proptest! {
        #[test]
        fn an_object_is_read_as_it_was(texts in prop::collection::vec(".{0,200}", 0..20)) {
            prop_assert_eq!(Packed::of(&texts).read::<Vec<String>>(), Some(texts));
        }
    }
}
