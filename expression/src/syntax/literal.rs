//! The escapes of string and bytes literals.

use crate::error::ExpressionErrorKind;

/// A string from the characters between its quotes.
pub(super) fn text(body: &str, raw: bool) -> Result<Box<str>, ExpressionErrorKind> {
    if raw || !body.contains('\\') {
        return Ok(body.into());
    }
    let mut out = String::with_capacity(body.len());
    unescape(body, |piece| match piece {
        Piece::Character(character) => out.push(character),
        // In a string, octal and hexadecimal escapes are code points.
        Piece::Octet(octet) => out.push(char::from(octet)),
    })?;
    Ok(out.into())
}

/// Bytes from the characters between the quotes.
pub(super) fn bytes(body: &str, raw: bool) -> Result<Box<[u8]>, ExpressionErrorKind> {
    if raw || !body.contains('\\') {
        return Ok(body.as_bytes().into());
    }
    let mut out = Vec::with_capacity(body.len());
    unescape(body, |piece| match piece {
        Piece::Character(character) => {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Piece::Octet(octet) => out.push(octet),
    })?;
    Ok(out.into())
}

enum Piece {
    Character(char),
    Octet(u8),
}

fn unescape(body: &str, mut push: impl FnMut(Piece)) -> Result<(), ExpressionErrorKind> {
    let mut rest = body;
    while let Some((before, escape)) = rest.split_once('\\') {
        before.chars().map(Piece::Character).for_each(&mut push);
        let (piece, length) = escaped(escape).ok_or(ExpressionErrorKind::Escape)?;
        push(piece);
        rest = escape.get(length..).unwrap_or_default();
    }
    rest.chars().map(Piece::Character).for_each(&mut push);
    Ok(())
}

/// The meaning of what follows a backslash, and how many bytes it takes.
fn escaped(escape: &str) -> Option<(Piece, usize)> {
    let simple = |character: char| Some((Piece::Character(character), 1));
    match escape.bytes().next()? {
        b'a' => simple('\x07'),
        b'b' => simple('\x08'),
        b'f' => simple('\x0c'),
        b'n' => simple('\n'),
        b'r' => simple('\r'),
        b't' => simple('\t'),
        b'v' => simple('\x0b'),
        quoted @ (b'\\' | b'?' | b'"' | b'\'' | b'`') => simple(char::from(quoted)),
        b'x' | b'X' => Some((Piece::Octet(u8::try_from(digits(escape, 1, 2, 16)?).ok()?), 3)),
        b'u' => Some((Piece::Character(char::from_u32(digits(escape, 1, 4, 16)?)?), 5)),
        b'U' => Some((Piece::Character(char::from_u32(digits(escape, 1, 8, 16)?)?), 9)),
        b'0'..=b'3' => Some((Piece::Octet(u8::try_from(digits(escape, 0, 3, 8)?).ok()?), 3)),
        _ => None,
    }
}

fn digits(escape: &str, start: usize, count: usize, radix: u32) -> Option<u32> {
    let digits = escape.get(start..start + count)?;
    let plain = digits.bytes().all(|digit| char::from(digit).is_digit(radix));
    plain.then(|| u32::from_str_radix(digits, radix).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_a_string_are_code_points() {
        for (body, expected) in [
            (r"plain", "plain"),
            (r"\a\b\f\n\r\t\v", "\x07\x08\x0c\n\r\t\x0b"),
            (r#"\\\?\"\'\`"#, "\\?\"'`"),
            (r"\x41\X7a\u00e9\U0001F600", "Az\u{e9}\u{1f600}"),
            (r"\101\377", "A\u{ff}"),
            (r"n\u0041me", "nAme"),
        ] {
            assert_eq!(text(body, false).as_deref(), Ok(expected), "{body}");
        }
        assert_eq!(text(r"\d+\n", true).as_deref(), Ok(r"\d+\n"));
    }

    #[test]
    fn octal_and_hexadecimal_escapes_of_bytes_are_octets() {
        assert_eq!(bytes(r"\303\277\xff\u00ff", false).as_deref(), Ok(&[0xc3, 0xbf, 0xff, 0xc3, 0xbf][..]));
        assert_eq!(bytes("\u{ff}", false).as_deref(), Ok("\u{ff}".as_bytes()));
        assert_eq!(bytes(r"\x", true).as_deref(), Ok(&br"\x"[..]));
    }

    #[test]
    fn a_backslash_needs_a_known_escape() {
        for body in
            [r"\", r"\q", r"\x4", r"\xg0", r"\u12", r"\ud83d", r"\U00110000", r"\08", r"\400", r"\u+041"]
        {
            assert_eq!(text(body, false), Err(ExpressionErrorKind::Escape), "{body}");
        }
    }
}
