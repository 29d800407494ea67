//! The names and places of each nation, with the variety of the randomuser.me API.
//!
//! The data is in `nations.json`. In its templates `#` is a digit, `!` a digit other than 0 and `?` a capital letter. A
//! name that is not in Latin script is followed by `=` and its spelling in mail addresses.

use std::sync::LazyLock;

use serde::Deserialize;

/// All data of the generator.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Data {
    #[serde(borrow)]
    pub(super) nations: Vec<Nation<'static>>,
    /// As the API has them.
    #[serde(borrow)]
    pub(super) time_zones: Vec<TimeZone<'static>>,
    /// First halves of user names.
    #[serde(borrow)]
    pub(super) adjectives: Vec<&'static str>,
    /// Second halves of user names.
    #[serde(borrow)]
    pub(super) animals: Vec<&'static str>,
    /// Common passwords.
    #[serde(borrow)]
    pub(super) passwords: Vec<&'static str>,
}

/// The people of one nation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nation<'data> {
    /// ISO 3166, two letters.
    pub(super) code: &'data str,
    pub(super) country: &'data str,
    #[serde(borrow)]
    pub(super) men: Vec<&'data str>,
    #[serde(borrow)]
    pub(super) women: Vec<&'data str>,
    #[serde(borrow)]
    pub(super) last: Vec<&'data str>,
    #[serde(borrow)]
    pub(super) streets: Vec<&'data str>,
    #[serde(borrow)]
    pub(super) cities: Vec<&'data str>,
    #[serde(borrow)]
    pub(super) states: Vec<&'data str>,
    #[serde(borrow)]
    pub(super) postcode: Postcode<'data>,
    pub(super) phone: &'data str,
    pub(super) cell: &'data str,
    /// The national identity number. None where the API has none.
    #[serde(borrow)]
    pub(super) id: Option<IdentityNumber<'data>>,
    pub(super) titles: Titles,
}

/// A postal code: a number where the nation's postal codes are numbers, and text elsewhere, as in the API.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Postcode<'data> {
    /// A number in this range, both ends included.
    Number { from: u32, to: u32 },
    /// Text by a template.
    Text(&'data str),
}

/// A national identity number.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityNumber<'data> {
    pub(super) name: &'data str,
    pub(super) template: &'data str,
}

/// A time zone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeZone<'data> {
    pub(super) offset: &'data str,
    pub(super) description: &'data str,
}

/// The language of titles.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) enum Titles {
    English,
    French,
}

impl Titles {
    /// The titles of men or women.
    pub(super) fn of(self, woman: bool) -> &'static [&'static str] {
        match (self, woman) {
            (Self::English, false) => &["Mr"],
            (Self::English, true) => &["Miss", "Mrs", "Ms"],
            (Self::French, false) => &["Monsieur"],
            (Self::French, true) => &["Madame", "Mademoiselle"],
        }
    }
}

/// The data, parsed on first use.
pub(super) fn data() -> &'static Data {
    // A test parses the file, so the default is never used.
    static DATA: LazyLock<Data> = LazyLock::new(|| parse().unwrap_or_default());
    &DATA
}

fn parse() -> serde_json::Result<Data> {
    serde_json::from_str(include_str!("nations.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_file_is_complete() {
        let data = parse().unwrap();
        assert_eq!(data.nations.len(), 21);
        for list in [&data.adjectives, &data.animals, &data.passwords] {
            assert_eq!(list.len(), 16);
        }
        assert_eq!(data.time_zones.len(), 16);
        for nation in &data.nations {
            for names in
                [&nation.men, &nation.women, &nation.last, &nation.streets, &nation.cities, &nation.states]
            {
                assert!(!names.is_empty(), "{}", nation.code);
            }
        }
    }
}
