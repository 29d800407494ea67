//! Users in the format of the randomuser.me API, each derived from a seed and its number alone.

use super::nations::{Data, IdentityNumber, Nation, Postcode, Titles, data};
use super::writer::Writer;
use crate::runtime::{SplitMix64, mix};

/// The year at whose end ages are counted, so that a user's age does not depend on the current date.
const AGES_AS_OF: u32 = 2025;

/// An endless sequence of users. A seed yields the same users on every machine and in every version.
#[derive(Debug, Clone)]
pub struct Users {
    seed: u64,
    data: &'static Data,
    people: Vec<People>,
}

/// The names of a nation, with their spelling in email addresses.
#[derive(Debug, Clone)]
struct People {
    men: Vec<Name>,
    women: Vec<Name>,
    last: Vec<Name>,
}

#[derive(Debug, Clone)]
struct Name {
    shown: &'static str,
    ascii: String,
}

impl Users {
    /// The sequence of a seed.
    pub fn new(seed: i64) -> Self {
        let data = data();
        let people = data.nations.iter().map(People::of).collect();
        Self { seed: mix(seed.cast_unsigned()), data, people }
    }

    /// Appends the user with a number to the buffer: one JSON object of 1.0 to 1.4 KB.
    ///
    /// `login.uuid` is unique within a seed, and almost certainly unique across seeds.
    pub fn write(&self, number: u64, buffer: &mut Vec<u8>) {
        let mut random = SplitMix64::new(self.seed ^ mix(number));
        let uuid = self.uuid(number, random.next());
        let index = random.below(self.people.len() as u32) as usize;
        if let (Some(nation), Some(people)) = (self.data.nations.get(index), self.people.get(index)) {
            Writer { buffer, random }.user(self.data, nation, people, uuid);
        }
    }

    /// A version 4 UUID that contains all 64 bits of the number, scrambled by a bijection that depends on the seed.
    fn uuid(&self, number: u64, random: u64) -> u128 {
        let scrambled = mix(number.wrapping_add(self.seed));
        let high = ((scrambled >> 16) << 16) | 0x4000 | ((scrambled >> 4) & 0xfff);
        let low = (1 << 63) | ((scrambled & 0xf) << 58) | (random >> 6);
        (u128::from(high) << 64) | u128::from(low)
    }
}

impl People {
    fn of(nation: &Nation<'static>) -> Self {
        let names = |names: &[&'static str]| names.iter().map(|name| Name::of(name)).collect();
        Self { men: names(&nation.men), women: names(&nation.women), last: names(&nation.last) }
    }
}

impl Name {
    fn of(text: &'static str) -> Self {
        match text.split_once('=') {
            Some((shown, ascii)) => Self { shown, ascii: ascii.to_owned() },
            None => Self {
                shown: text,
                ascii: text.chars().flat_map(char::to_lowercase).flat_map(ascii).collect(),
            },
        }
    }
}

/// A lower-case letter without diacritics. Empty for characters that an email address does not allow.
fn ascii(letter: char) -> std::str::Chars<'static> {
    const PLAIN: &str = "abcdefghijklmnopqrstuvwxyz-";
    if let Some(index) = PLAIN.find(letter) {
        return PLAIN.get(index..=index).unwrap_or_default().chars();
    }
    let plain = match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' => "a",
        'ç' | 'ć' | 'č' => "c",
        'è' | 'é' | 'ê' | 'ë' | 'ē' => "e",
        'ğ' => "g",
        'ì' | 'í' | 'î' | 'ï' | 'ı' => "i",
        'ñ' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => "o",
        'š' | 'ş' => "s",
        'ù' | 'ú' | 'û' | 'ü' | 'ū' => "u",
        'ž' => "z",
        'đ' => "dj",
        'æ' => "ae",
        'œ' => "oe",
        'ß' => "ss",
        _ => "",
    };
    plain.chars()
}

impl Writer<'_> {
    fn user(mut self, data: &Data, nation: &Nation<'_>, people: &People, uuid: u128) {
        let woman = self.random.next() & 1 == 1;
        let first = self.random.pick(if woman { &people.women } else { &people.men });
        let last = self.random.pick(&people.last);
        let (Some(first), Some(last)) = (first, last) else { return };
        self.text(r#"{"gender":""#);
        self.text(if woman { "female" } else { "male" });
        self.name(nation.titles, woman, first, last);
        self.location(data, nation);
        self.text(r#","email":""#);
        self.text(&first.ascii);
        self.text(".");
        self.text(&last.ascii);
        self.text(r#"@example.com","#);
        self.login(data, uuid);
        let born = 1944 + self.random.below(58);
        self.date(r#","dob":"#, born);
        let registered = 2002 + self.random.below(21);
        self.date(r#","registered":"#, registered);
        self.text(r#","phone":""#);
        self.template(nation.phone);
        self.text(r#"","cell":""#);
        self.template(nation.cell);
        self.text(r#"","#);
        self.id(nation);
        self.picture(woman);
        self.text(r#","nat":""#);
        self.text(nation.code);
        self.text(r#""}"#);
    }

    fn name(&mut self, titles: Titles, woman: bool, first: &Name, last: &Name) {
        self.text(r#"","name":{"title":""#);
        self.one_of(titles.of(woman));
        self.text(r#"","first":""#);
        self.text(first.shown);
        self.text(r#"","last":""#);
        self.text(last.shown);
        self.text(r#""}"#);
    }

    fn location(&mut self, data: &Data, nation: &Nation<'_>) {
        self.text(r#","location":{"street":{"number":"#);
        let number = 1 + self.random.below(9_999);
        self.number(number);
        self.text(r#","name":""#);
        self.one_of(&nation.streets);
        self.text(r#""},"city":""#);
        self.one_of(&nation.cities);
        self.text(r#"","state":""#);
        self.one_of(&nation.states);
        self.text(r#"","country":""#);
        self.text(nation.country);
        self.text(r#"","postcode":"#);
        match nation.postcode {
            Postcode::Number { from, to } => {
                let code = from + self.random.below(to.saturating_sub(from) + 1);
                self.number(code);
            }
            Postcode::Text(template) => {
                self.text("\"");
                self.template(template);
                self.text("\"");
            }
        }
        self.text(r#","coordinates":{"latitude":""#);
        self.coordinate(90);
        self.text(r#"","longitude":""#);
        self.coordinate(180);
        let time_zone = self.random.pick(&data.time_zones);
        self.text(r#""},"timezone":{"offset":""#);
        self.text(time_zone.map_or("", |zone| zone.offset));
        self.text(r#"","description":""#);
        self.text(time_zone.map_or("", |zone| zone.description));
        self.text(r#""}}"#);
    }

    fn login(&mut self, data: &Data, uuid: u128) {
        self.text(r#""login":{"uuid":""#);
        let digits = uuid.to_be_bytes();
        for (part, dash) in [(0..4, "-"), (4..6, "-"), (6..8, "-"), (8..10, "-"), (10..16, "")] {
            self.hex(digits.get(part).unwrap_or_default());
            self.text(dash);
        }
        self.text(r#"","username":""#);
        self.one_of(&data.adjectives);
        self.one_of(&data.animals);
        let number = 100 + self.random.below(900);
        self.number(number);
        self.text(r#"","password":""#);
        self.one_of(&data.passwords);
        self.text(r#"","salt":""#);
        self.salt();
        // Hashes are random digits, because no program verifies them.
        for (name, words) in [(r#"","md5":""#, 2), (r#"","sha1":""#, 3), (r#"","sha256":""#, 4)] {
            self.text(name);
            for word in 0..words {
                let bytes = self.random.next().to_be_bytes();
                let short = words == 3 && word == 2;
                self.hex(if short {
                    bytes.first_chunk::<4>().map_or(&[], |bytes| bytes.as_slice())
                } else {
                    &bytes
                });
            }
        }
        self.text(r#""}"#);
    }

    /// Appends a date in a year, and the completed years at the end of [`AGES_AS_OF`].
    fn date(&mut self, member: &str, year: u32) {
        const DAYS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        self.text(member);
        self.text(r#"{"date":""#);
        self.number(year);
        let month = self.random.below(12);
        let days = DAYS.get(month as usize).copied().unwrap_or(28);
        let parts = [
            ("-", month + 1, 2),
            ("-", 1 + self.random.below(days), 2),
            ("T", self.random.below(24), 2),
            (":", self.random.below(60), 2),
            (":", self.random.below(60), 2),
            (".", self.random.below(1_000), 3),
        ];
        for (separator, number, width) in parts {
            self.text(separator);
            self.padded(number, width);
        }
        self.text(r#"Z","age":"#);
        self.number(AGES_AS_OF - year.min(AGES_AS_OF));
        self.text("}");
    }

    fn id(&mut self, nation: &Nation<'_>) {
        self.text(r#""id":{"name":""#);
        match &nation.id {
            Some(IdentityNumber { name, template }) => {
                self.text(name);
                self.text(r#"","value":""#);
                self.template(template);
                self.text(r#""}"#);
            }
            None => self.text(r#"","value":null}"#),
        }
    }

    fn picture(&mut self, woman: bool) {
        let folder = if woman { "women/" } else { "men/" };
        let number = self.random.below(if woman { 97 } else { 100 });
        for (name, size) in [
            (r#","picture":{"large":""#, ""),
            (r#".jpg","medium":""#, "med/"),
            (r#".jpg","thumbnail":""#, "thumb/"),
        ] {
            self.text(name);
            self.text("https://randomuser.me/api/portraits/");
            self.text(size);
            self.text(folder);
            self.number(number);
        }
        self.text(r#".jpg"}"#);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    fn user(seed: i64, number: u64) -> String {
        user_of(&Users::new(seed), number)
    }

    fn user_of(users: &Users, number: u64) -> String {
        let mut buffer = Vec::new();
        users.write(number, &mut buffer);
        String::from_utf8(buffer).unwrap()
    }

    /// The format of the API's users: exactly these members.
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "the test checks that it deserializes")]
    struct User<'text> {
        gender: &'text str,
        #[serde(borrow)]
        name: PersonName<'text>,
        location: Location<'text>,
        email: &'text str,
        login: Login<'text>,
        dob: Date<'text>,
        registered: Date<'text>,
        phone: &'text str,
        cell: &'text str,
        id: Identity<'text>,
        picture: Picture<'text>,
        nat: &'text str,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct PersonName<'text> {
        title: &'text str,
        first: &'text str,
        last: &'text str,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "the test checks that it deserializes")]
    struct Location<'text> {
        #[serde(borrow)]
        street: Street<'text>,
        city: &'text str,
        state: &'text str,
        country: &'text str,
        postcode: PostcodeValue<'text>,
        coordinates: Coordinates<'text>,
        timezone: TimeZone<'text>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "the test checks that it deserializes")]
    struct Street<'text> {
        number: u32,
        name: &'text str,
    }
    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    enum PostcodeValue<'text> {
        Number(u32),
        Text(&'text str),
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Coordinates<'text> {
        latitude: &'text str,
        longitude: &'text str,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "the test checks that it deserializes")]
    struct TimeZone<'text> {
        offset: &'text str,
        description: &'text str,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "the test checks that it deserializes")]
    struct Login<'text> {
        uuid: &'text str,
        username: &'text str,
        password: &'text str,
        salt: &'text str,
        md5: &'text str,
        sha1: &'text str,
        sha256: &'text str,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Date<'text> {
        date: &'text str,
        age: u32,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Identity<'text> {
        name: &'text str,
        value: Option<&'text str>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Picture<'text> {
        large: &'text str,
        medium: &'text str,
        thumbnail: &'text str,
    }

    fn matches(template: &str, text: &str) -> bool {
        template.len() == text.len()
            && template.bytes().zip(text.bytes()).all(|(expected, byte)| match expected {
                b'#' => byte.is_ascii_digit(),
                b'!' => matches!(byte, b'1'..=b'9'),
                b'?' => byte.is_ascii_uppercase(),
                _ => expected == byte,
            })
    }

    fn check(text: &str) {
        let user: User<'_> = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let nation = data().nations.iter().find(|nation| nation.code == user.nat).unwrap();
        assert_eq!(user.location.country, nation.country);
        let woman = match user.gender {
            "female" => true,
            "male" => false,
            other => panic!("{other}"),
        };
        assert!(nation.titles.of(woman).contains(&user.name.title), "{text}");
        let (mailbox, host) = user.email.split_once('@').unwrap();
        assert_eq!(host, "example.com");
        assert!(mailbox.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'.' | b'-')), "{mailbox}");
        assert!(!user.name.first.is_empty() && !user.name.last.is_empty());
        check_login(&user.login);
        check_date(&user.dob, 1944..=2001);
        check_date(&user.registered, 2002..=2022);
        match (&nation.postcode, &user.location.postcode) {
            (Postcode::Number { from, to }, PostcodeValue::Number(code)) => {
                assert!((from..=to).contains(&code));
            }
            (Postcode::Text(template), PostcodeValue::Text(code)) => {
                assert!(matches(template, code), "{code}");
            }
            (_, other) => panic!("{other:?}"),
        }
        match (&nation.id, user.id.value) {
            (Some(IdentityNumber { name, template }), Some(value)) => {
                assert_eq!(user.id.name, *name);
                assert!(matches(template, value), "{value}");
            }
            (None, None) => assert_eq!(user.id.name, ""),
            (_, other) => panic!("{other:?}"),
        }
        assert!(matches(nation.phone, user.phone) && matches(nation.cell, user.cell), "{text}");
        assert!(user.location.coordinates.latitude.parse::<f64>().unwrap().abs() <= 90.0);
        assert!(user.location.coordinates.longitude.parse::<f64>().unwrap().abs() <= 180.0);
        for (picture, size) in
            [(user.picture.large, ""), (user.picture.medium, "med/"), (user.picture.thumbnail, "thumb/")]
        {
            let folder = if woman { "women" } else { "men" };
            let prefix = format!("https://randomuser.me/api/portraits/{size}{folder}/");
            let number = picture.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".jpg")).unwrap();
            assert!(number.parse::<u32>().unwrap() < 100, "{picture}");
        }
    }

    fn check_date(date: &Date<'_>, years: std::ops::RangeInclusive<u32>) {
        assert!(matches("####-##-##T##:##:##.###Z", date.date), "{}", date.date);
        let year: u32 = date.date[..4].parse().unwrap();
        assert!(years.contains(&year), "{}", date.date);
        assert_eq!(date.age, 2025 - year);
        assert!(is_day(date.date), "{}", date.date);
    }

    fn check_login(login: &Login<'_>) {
        for (template, value) in [
            ("########-####-4###-####-############", login.uuid),
            ("################################", login.md5),
            ("########################################", login.sha1),
            ("################################################################", login.sha256),
        ] {
            let digits = value.replace(|letter| matches!(letter, 'a'..='f'), "0");
            assert!(matches(template, &digits), "{value}");
        }
        assert!(matches!(login.uuid.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{}", login.uuid);
        assert!(login.salt.len() == 8 && login.salt.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }

    /// Whether a date exists.
    fn is_day(date: &str) -> bool {
        let number = |range: std::ops::Range<usize>| date[range].parse::<u32>().unwrap();
        let longest = match number(5..7) {
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            _ => 0,
        };
        (1..=longest).contains(&number(8..10))
            && number(11..13) < 24
            && number(14..16) < 60
            && number(17..19) < 60
    }

    /// The golden file must never change, because pipelines depend on the users of their seed.
    #[test]
    fn users_of_a_seed_never_change() {
        let users = [(1, 0), (1, 1), (1, u64::MAX), (-7, 12), (i64::MAX, 1_000_000)];
        let found: String = users.map(|(seed, number)| user(seed, number) + "\n").concat();
        assert_eq!(found, include_str!("users.golden.jsonl"));
    }

    #[test]
    fn texts_need_no_escaping_and_names_have_an_ascii_form() {
        for (nation, people) in data().nations.iter().zip(&Users::new(0).people) {
            for name in people.men.iter().chain(&people.women).chain(&people.last) {
                assert!(name.ascii.bytes().any(|byte| byte.is_ascii_lowercase()), "{name:?}");
                let marks = name.shown.chars().filter(|letter| letter.is_alphabetic()).count();
                assert!(!name.shown.is_ascii() || name.ascii.len() >= marks, "{name:?} has lost a letter");
                assert!(
                    name.shown.chars().all(|letter| !"\"\\=".contains(letter) && !letter.is_control()),
                    "{name:?}"
                );
            }
            for text in nation.streets.iter().chain(&nation.cities).chain(&nation.states) {
                assert!(
                    text.chars().all(|letter| !"\"\\".contains(letter) && !letter.is_control()),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn users_have_the_variety_of_the_api() {
        let sequence = Users::new(3);
        let texts: Vec<String> = (0..5_000).map(|number| user_of(&sequence, number)).collect();
        let users: Vec<User<'_>> = texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let mut nations = HashMap::<&str, u32>::new();
        users.iter().for_each(|user| *nations.entry(user.nat).or_default() += 1);
        assert_eq!(nations.len(), data().nations.len());
        assert!(nations.values().all(|count| (150..350).contains(count)), "{nations:?}");
        let count = |matches: fn(&User<'_>) -> bool| users.iter().filter(|user| matches(user)).count();
        assert!((2_300..2_700).contains(&count(|user| user.gender == "female")));
        assert!(count(|user| matches!(user.location.postcode, PostcodeValue::Text(_))) > 500);
        assert!(count(|user| user.id.value.is_none()) > 500);
        assert!(count(|user| !user.name.first.is_ascii() || !user.name.last.is_ascii()) > 1_500);
        for script in ["ا", "о", "ा"] {
            assert!(texts.iter().any(|text| text.contains(script)), "{script}");
        }
        assert!(texts.iter().all(|text| (950..1_500).contains(&text.len())));
    }

    #[test]
    fn uuids_are_unique() {
        let mut seen = HashSet::new();
        for seed in [0, 1, -1, i64::MIN] {
            let users = Users::new(seed);
            for number in
                (0..20_000).chain(u64::MAX - 100..=u64::MAX).chain((0..64).map(|bit| (1 << bit) + 20_000))
            {
                assert!(seen.insert(users.uuid(number, 0)), "{seed} {number}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_user_has_the_format_of_the_api(seed in any::<i64>(), number in any::<u64>()) {
            check(&user(seed, number));
        }

        #[test]
        fn user_does_not_depend_on_the_ones_before_it(seed in any::<i64>(), number in 0..u64::MAX - 1) {
            let users = Users::new(seed);
            let mut both = Vec::new();
            users.write(number, &mut both);
            users.write(number + 1, &mut both);
            prop_assert_eq!(String::from_utf8(both).unwrap(), user(seed, number) + &user(seed, number + 1));
        }

        #[test]
        fn different_numbers_have_different_uuids(seed in any::<i64>(), one in any::<u64>(), other in any::<u64>()) {
            prop_assume!(one != other);
            let users = Users::new(seed);
            prop_assert_ne!(users.uuid(one, 0), users.uuid(other, 0));
        }
    }
}
