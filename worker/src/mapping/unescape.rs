//! Unescapes JSON strings into reused memory. serde_json would allocate for each string.

/// An escape that is not a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LoneSurrogate;

/// Appends the text of a JSON string without its quotes. `inside` is known to be a valid JSON string; an invalid escape
/// is treated as a lone surrogate.
pub(super) fn unescape(inside: &str, out: &mut String) -> Result<(), LoneSurrogate> {
    let mut rest = inside;
    while let Some((before, escape)) = rest.split_once('\\') {
        out.push_str(before);
        let mut characters = escape.chars();
        let character = match characters.next() {
            Some(character @ ('"' | '\\' | '/')) => character,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let (character, after) = unicode(characters.as_str()).ok_or(LoneSurrogate)?;
                characters = after.chars();
                character
            }
            _ => return Err(LoneSurrogate),
        };
        out.push(character);
        rest = characters.as_str();
    }
    out.push_str(rest);
    Ok(())
}

/// The character of one or two UTF-16 units, the first without its `\u`, and the rest of the text.
fn unicode(text: &str) -> Option<(char, &str)> {
    let (first, rest) = unit(text)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, rest));
    }
    let (second, rest) = unit(rest.strip_prefix("\\u")?)?;
    if !(0xD800..0xDC00).contains(&first) || !(0xDC00..0xE000).contains(&second) {
        return None;
    }
    let character = char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))?;
    Some((character, rest))
}

/// A UTF-16 unit of four hexadecimal digits, and the rest of the text.
fn unit(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    let mut unit = 0;
    for digit in digits.chars() {
        unit = unit * 16 + digit.to_digit(16)?;
    }
    Some((unit, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unescaped(inside: &str) -> Result<String, LoneSurrogate> {
        let mut out = String::new();
        unescape(inside, &mut out).map(|()| out)
    }

    #[test]
    fn every_escape_is_unescaped() {
        assert_eq!(unescaped(r#"\"\\\/\b\f\n\r\t"#), Ok("\"\\/\u{8}\u{c}\n\r\t".to_owned()));
        assert_eq!(unescaped(r"Nordenski\u00f6ldinkatu"), Ok("Nordenskiöldinkatu".to_owned()));
        assert_eq!(unescaped(r"\u0000\uD83D\uDE00\uffff"), Ok("\0😀\u{ffff}".to_owned()));
        assert_eq!(unescaped("plain é"), Ok("plain é".to_owned()));
    }

    #[test]
    fn lone_surrogate_is_refused() {
        for inside in [
            r"\ud83d",
            r"\ud83dx",
            r"\ud83d\n",
            r"\ud83d\u0041",
            r"\ud83d\ud83d",
            r"\ude00",
            r"\ude00\ud83d",
            r"\ud83d\u",
        ] {
            assert_eq!(unescaped(inside), Err(LoneSurrogate), "{inside}");
        }
    }

    #[test]
    fn invalid_escape_is_refused() {
        for inside in [r"\", r"\x", r"\u12", r"\u12g4", r"\u+123", r"\u１２３４"] {
            assert_eq!(unescaped(inside), Err(LoneSurrogate), "{inside}");
        }
    }

    proptest! {
        #[test]
        fn text_is_read_as_by_serde_json(text: String) {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(unescaped(&json[1..json.len() - 1]), Ok(text));
        }

        #[test]
        fn escaped_units_are_read_as_by_serde_json(units: Vec<u16>) {
            let inside: String = units.iter().map(|unit| format!("\\u{unit:04X}")).collect();
            let other = serde_json::from_str::<String>(&format!("\"{inside}\"")).map_err(|_| LoneSurrogate);
            prop_assert_eq!(unescaped(&inside), other);
        }

        #[test]
        fn any_text_is_unescaped_without_panic(inside in "(\\\\[u\"nx]?[0-9a-fA-F]{0,5}|\\PC){0,20}") {
            let _ = unescaped(&inside);
        }
    }
}
