//! Event ids: a record that is fetched again has the same id.

use std::fmt;

use ring::digest::{Context, SHA256};

/// The id of an event, 128 bits. Written as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId([u8; 16]);

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// The ids of the records of one page.
///
/// An id is the first half of a SHA-256 of pipeline, start of the page, index in the page, and raw bytes. A source
/// cannot make two records that share an id, which would let one replace the other.
#[derive(Clone)]
pub struct EventIds {
    page: Context,
}

impl EventIds {
    /// The ids of the records of a page. `start` is the same whenever that page is fetched.
    pub fn of_page(pipeline: &str, start: &str) -> Self {
        let mut page = Context::new(&SHA256);
        for part in [pipeline, start] {
            // The length prefix keeps two adjacent parts from hashing like one longer part.
            page.update(&(part.len() as u64).to_be_bytes());
            page.update(part.as_bytes());
        }
        Self { page }
    }

    /// The id of the record at an index of the page.
    pub fn id(&self, index: usize, raw: &[u8]) -> EventId {
        let mut hash = self.page.clone();
        hash.update(&(index as u64).to_be_bytes());
        hash.update(raw);
        let mut id = [0; 16];
        id.iter_mut().zip(hash.finish().as_ref()).for_each(|(to, from)| *to = *from);
        EventId(id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn event_id_is_half_a_sha_256_in_hexadecimal() {
        // SHA-256 of two length-prefixed parts, the index and the bytes, computed with Python's hashlib.
        let id = EventIds::of_page("demo/users", "3").id(1, b"{}");
        assert_eq!(id.to_string(), "e538554fcbe9e953cc168685bc71b631");
    }

    proptest! {
        #[test]
        fn only_the_same_record_has_the_same_id(
            one in ("[ab/]{0,3}", "[ab]{0,3}", 0_usize..3, "[ab]{0,3}"),
            other in ("[ab/]{0,3}", "[ab]{0,3}", 0_usize..3, "[ab]{0,3}"),
        ) {
            let id = |(pipeline, start, index, raw): &(String, String, usize, String)| {
                EventIds::of_page(pipeline, start).id(*index, raw.as_bytes())
            };
            prop_assert_eq!(id(&one), id(&one));
            prop_assert_eq!(id(&one) == id(&other), one == other);
        }
    }
}
