//! What an operand begins with: literals, names, brackets, lists and maps.

use super::{Parser, is_keyword};
use crate::error::ExpressionErrorKind;
use crate::kind::Kinds;
use crate::place::Place;
use crate::syntax::nodes::{Parsed, tree};
use crate::syntax::reserved::RESERVED_WORDS;
use crate::syntax::token::{Token, TokenKind};
use crate::syntax::tree::{Element, Entry, Literal, TreeKind};

impl<'s> Parser<'s> {
    /// A value without anything behind it.
    pub(super) fn primary(&mut self) -> Parsed {
        match self.peek().kind {
            TokenKind::Name(name) => self.name(name, false),
            TokenKind::Symbol(".") => self.absolute_name(),
            TokenKind::Symbol("(") => self.parenthesized(),
            TokenKind::Symbol("[") => self.list(),
            TokenKind::Symbol("{") => self.map(),
            _ => self.literal(),
        }
    }

    fn absolute_name(&mut self) -> Parsed {
        self.position += 1;
        match self.peek().kind {
            TokenKind::Name(name) if !is_keyword(name) => self.name(name, true),
            _ => Err(self.unexpected("a name")),
        }
    }

    fn parenthesized(&mut self) -> Parsed {
        self.position += 1;
        let inner = self.expression()?;
        self.expect(")", "an operator or `)`")?;
        Ok(inner)
    }

    fn literal(&mut self) -> Parsed {
        let Token { kind, at, .. } = self.peek();
        let at = *at;
        let literal = match kind {
            TokenKind::Int(number) => Literal::Int(
                i64::try_from(*number).map_err(|_| ExpressionErrorKind::NumberRange(Kinds::INT).at(at))?,
            ),
            TokenKind::Uint(number) => Literal::Uint(*number),
            TokenKind::Double(text) => Literal::Double((*text).into()),
            TokenKind::Text(text) => Literal::Text(text.clone()),
            TokenKind::Bytes(bytes) => Literal::Bytes(bytes.clone()),
            TokenKind::Name(_) | TokenKind::QuotedName(_) | TokenKind::Symbol(_) | TokenKind::End => {
                return Err(self.unexpected("a value"));
            }
        };
        self.position += 1;
        tree(TreeKind::Literal(literal), at, 0)
    }

    /// A word, a call or a variable.
    fn name(&mut self, name: &'s str, absolute: bool) -> Parsed {
        let at = self.peek().at;
        if is_keyword(name) || RESERVED_WORDS.contains(&name) {
            return self.word(name, at);
        }
        self.position += 1;
        if self.eat("(") {
            return self.call(None, name, at);
        }
        tree(TreeKind::Name { name: name.into(), absolute }, at, 0)
    }

    /// A word that means a value, and no other.
    fn word(&mut self, word: &str, at: Place) -> Parsed {
        let literal = match word {
            "true" => Literal::Bool(true),
            "false" => Literal::Bool(false),
            "null" => Literal::Null,
            "in" => return Err(self.unexpected("a value")),
            _ => return Err(ExpressionErrorKind::ReservedWord(word.into()).at(at)),
        };
        self.position += 1;
        tree(TreeKind::Literal(literal), at, 0)
    }

    fn list(&mut self) -> Parsed {
        let at = self.peek().at;
        self.position += 1;
        let mut elements = Vec::new();
        while !self.is("]") {
            let optional = self.eat("?");
            let value = self.expression()?;
            elements.push(Element { value, optional });
            if !self.eat(",") {
                break;
            }
        }
        self.expect("]", "`,` or `]`")?;
        let height = elements.iter().map(|element| element.value.height).max();
        tree(TreeKind::List(elements), at, height.unwrap_or_default())
    }

    fn map(&mut self) -> Parsed {
        let at = self.peek().at;
        self.position += 1;
        let mut entries = Vec::new();
        while !self.is("}") {
            let optional = self.eat("?");
            let key = self.expression()?;
            self.expect(":", "`:` and the value of the key")?;
            let value = self.expression()?;
            entries.push(Entry { key, value, optional });
            if !self.eat(",") {
                break;
            }
        }
        self.expect("}", "`,` or `}`")?;
        let height = entries.iter().map(|entry| entry.key.height.max(entry.value.height)).max();
        tree(TreeKind::Map(entries), at, height.unwrap_or_default())
    }
}
