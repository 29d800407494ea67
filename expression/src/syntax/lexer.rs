//! From the text of an expression to its tokens.

use super::literal;
use super::token::{SYMBOLS, Token, TokenKind};
use crate::error::{ExpressionError, ExpressionErrorKind};
use crate::kind::Kinds;
use crate::place::Place;

/// The tokens of a text, with [`TokenKind::End`] as the last one.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, ExpressionError> {
    let mut lexer = Lexer { rest: text, at: Place::START };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_space();
        let (rest, at) = (lexer.rest, lexer.at);
        let kind = lexer.token()?;
        let end = kind == TokenKind::End;
        let length = rest.len() - lexer.rest.len();
        tokens.push(Token { kind, at, text: rest.get(..length).unwrap_or_default() });
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'s> {
    rest: &'s str,
    at: Place,
}

impl<'s> Lexer<'s> {
    /// Takes so many bytes of the text.
    fn take(&mut self, bytes: usize) -> &'s str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.at = taken.chars().fold(self.at, Place::after);
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'s str {
        let length = self.rest.bytes().position(|byte| !belongs(byte)).unwrap_or(self.rest.len());
        self.take(length)
    }

    /// Spaces and comments.
    fn skip_space(&mut self) {
        loop {
            self.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c'));
            if !self.rest.starts_with("//") {
                return;
            }
            self.take_while(|byte| byte != b'\n');
        }
    }

    fn token(&mut self) -> Result<TokenKind<'s>, ExpressionError> {
        let at = self.at;
        let Some(first) = self.rest.chars().next() else { return Ok(TokenKind::End) };
        let second = self.rest.as_bytes().get(1).copied().unwrap_or_default();
        match first {
            '0'..='9' => self.number(),
            '.' if second.is_ascii_digit() => self.number(),
            '"' | '\'' => self.text(0),
            'r' | 'R' | 'b' | 'B' if matches!(second, b'"' | b'\'') => self.text(1),
            'b' | 'B' if matches!(second, b'r' | b'R') && self.quote_at(2) => self.text(2),
            '_' | 'a'..='z' | 'A'..='Z' => {
                Ok(TokenKind::Name(self.take_while(|byte| byte == b'_' || byte.is_ascii_alphanumeric())))
            }
            '`' => self.quoted_name(),
            _ => match SYMBOLS.into_iter().find(|symbol| self.rest.starts_with(symbol)) {
                Some(symbol) => {
                    self.take(symbol.len());
                    Ok(TokenKind::Symbol(symbol))
                }
                None => Err(ExpressionErrorKind::Character(first).at(at)),
            },
        }
    }

    fn quote_at(&self, position: usize) -> bool {
        matches!(self.rest.as_bytes().get(position), Some(b'"' | b'\''))
    }

    fn quoted_name(&mut self) -> Result<TokenKind<'s>, ExpressionError> {
        let at = self.at;
        self.take(1);
        let name = self.take_while(|byte| byte != b'`' && byte != b'\n');
        if name.is_empty() || self.take(1) != "`" {
            return Err(ExpressionErrorKind::UnterminatedText.at(at));
        }
        Ok(TokenKind::QuotedName(name))
    }

    fn number(&mut self) -> Result<TokenKind<'s>, ExpressionError> {
        let at = self.at;
        if self.rest.starts_with("0x") || self.rest.starts_with("0X") {
            self.take(2);
            let digits = self.take_while(|byte| byte.is_ascii_hexdigit());
            return self.integer(u64::from_str_radix(digits, 16).ok(), at);
        }
        let start = self.rest;
        self.take_while(|byte| byte.is_ascii_digit());
        let fraction =
            self.rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if fraction {
            self.take(1);
            self.take_while(|byte| byte.is_ascii_digit());
        }
        let exponent = self.exponent();
        let text = start.get(..start.len() - self.rest.len()).unwrap_or_default();
        if fraction || exponent {
            return Ok(TokenKind::Double(text));
        }
        self.integer(text.parse().ok(), at)
    }

    /// Whether there is an exponent; it is taken.
    fn exponent(&mut self) -> bool {
        let Some(exponent) = self.rest.strip_prefix(['e', 'E']) else { return false };
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if !digits.starts_with(|c: char| c.is_ascii_digit()) {
            return false;
        }
        self.take(self.rest.len() - digits.len());
        self.take_while(|byte| byte.is_ascii_digit());
        true
    }

    /// An integer with its suffix; none is one that 64 bits do not hold.
    fn integer(&mut self, number: Option<u64>, at: Place) -> Result<TokenKind<'s>, ExpressionError> {
        let unsigned = self.rest.starts_with(['u', 'U']);
        if unsigned {
            self.take(1);
        }
        match (number, unsigned) {
            (Some(number), true) => Ok(TokenKind::Uint(number)),
            (Some(number), false) => Ok(TokenKind::Int(number)),
            (None, true) => Err(ExpressionErrorKind::NumberRange(Kinds::UINT).at(at)),
            (None, false) => Err(ExpressionErrorKind::NumberRange(Kinds::INT).at(at)),
        }
    }

    /// A string or bytes behind a prefix of so many letters.
    fn text(&mut self, prefix: usize) -> Result<TokenKind<'s>, ExpressionError> {
        let at = self.at;
        let prefix = self.take(prefix);
        let raw = prefix.ends_with(['r', 'R']);
        let quote = self.rest.get(..1).unwrap_or_default();
        let triple = self
            .rest
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_prefix(quote))
            .is_some_and(|rest| rest.starts_with(quote));
        self.take(if triple { 3 } else { 1 });
        let length =
            body(self.rest, quote, triple, raw).ok_or(ExpressionErrorKind::UnterminatedText.at(at))?;
        let body = self.take(length);
        self.take(if triple { 3 } else { 1 });
        if prefix.starts_with(['b', 'B']) {
            literal::bytes(body, raw).map(TokenKind::Bytes)
        } else {
            literal::text(body, raw).map(TokenKind::Text)
        }
        .map_err(|kind| kind.at(at))
    }
}

/// The length of the text before the closing quote.
fn body(text: &str, quote: &str, triple: bool, raw: bool) -> Option<usize> {
    let mut characters = text.char_indices();
    while let Some((position, character)) = characters.next() {
        match character {
            '\\' if !raw => {
                characters.next();
            }
            '\n' | '\r' if !triple => return None,
            _ => {
                let rest = text.get(position..)?.strip_prefix(quote);
                let closes = match (rest, triple) {
                    (Some(rest), true) => {
                        rest.strip_prefix(quote).is_some_and(|rest| rest.starts_with(quote))
                    }
                    (rest, _) => rest.is_some(),
                };
                if closes {
                    return Some(position);
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<TokenKind<'_>> {
        let mut kinds: Vec<_> = tokens(text).unwrap().into_iter().map(|token| token.kind).collect();
        assert_eq!(kinds.pop(), Some(TokenKind::End));
        kinds
    }

    fn error(text: &str) -> String {
        tokens(text).unwrap_err().to_string()
    }

    #[test]
    fn numbers_are_ints_uints_and_doubles() {
        use TokenKind::{Double, Int, Name, Symbol, Uint};
        assert_eq!(kinds("0 17 0x1F 9223372036854775808"), [Int(0), Int(17), Int(31), Int(1 << 63)]);
        assert_eq!(kinds("7u 0xffU"), [Uint(7), Uint(255)]);
        assert_eq!(kinds("1.5 .5 1e3 2.5E-7"), ["1.5", ".5", "1e3", "2.5E-7"].map(Double));
        // A point without a digit behind it selects a member.
        assert_eq!(kinds("1.x"), [Int(1), Symbol("."), Name("x")]);
        assert_eq!(kinds("1e"), [Int(1), Name("e")]);
        assert_eq!(error("18446744073709551616"), "column 1: the number does not fit into an int");
        assert_eq!(error("1 + 0x1ffffffffffffffffu"), "column 5: the number does not fit into a uint");
        assert_eq!(error("0x"), "column 1: the number does not fit into an int");
    }

    #[test]
    fn strings_and_bytes_have_quotes_and_prefixes() {
        let text = |text: &str| TokenKind::Text(text.into());
        assert_eq!(kinds(r#"'a' "b" '' 'it''s'"#), ["a", "b", "", "it", "s"].map(text));
        assert_eq!(kinds(r#"'\'' "\"" r'\d' R"\""#), ["'", "\"", r"\d", r"\"].map(text));
        assert_eq!(kinds("'''it's\n''' \"\"\"a\"b\"\"\""), ["it's\n", "a\"b"].map(text));
        let bytes = |bytes: &[u8]| TokenKind::Bytes(bytes.into());
        assert_eq!(kinds(r#"b'a' B"\xff" br'\x'"#), [bytes(b"a"), bytes(b"\xff"), bytes(br"\x")]);
        assert_eq!(kinds("rb"), [TokenKind::Name("rb")]);
        for unterminated in ["'", "\"abc", "'a\n'", "'''a''", "r'", r"'\'", "`a", "``", "`a\n`"] {
            assert_eq!(
                error(unterminated),
                "column 1: the string has no closing quote on its line",
                "{unterminated}"
            );
        }
    }

    #[test]
    fn names_symbols_comments_and_places() {
        use TokenKind::{Name, QuotedName, Symbol};
        assert_eq!(kinds("a_1 _b `c d`"), [Name("a_1"), Name("_b"), QuotedName("c d")]);
        assert_eq!(kinds("&&||==!=<=>=<>!"), ["&&", "||", "==", "!=", "<=", ">=", "<", ">", "!"].map(Symbol));
        assert_eq!(kinds("a // b\n// c\n.d // e"), [Name("a"), Symbol("."), Name("d")]);
        let places: Vec<String> =
            tokens("a +\n \u{e9}b").unwrap_err().at.to_string().lines().map(str::to_owned).collect();
        assert_eq!(places, ["line 2, column 2"]);
        assert_eq!(error("a = b"), "column 3: unexpected character '='");
        assert_eq!(error("a & b"), "column 3: unexpected character '&'");
        assert_eq!(error("$x"), "column 1: unexpected character '$'");
    }
}
