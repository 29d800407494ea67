//! From tokens to the syntax tree.
//!
//! The parser recurses only for brackets, calls and conditions, which are counted, so that no text uses up the stack.

mod primary;

use super::lexer;
use super::nodes::{Operator, Parsed, called, chosen, combined, indexed, repeated, tree};
use super::token::{Token, TokenKind};
use super::tree::{Binary, Literal, Tree, TreeKind, Unary};
use crate::error::{ExpressionError, ExpressionErrorKind};
use crate::kind::Kinds;
use crate::limits::{MAX_LENGTH, MAX_NESTING};
use crate::place::Place;

/// Parses an expression.
pub(crate) fn parse(text: &str) -> Result<Tree, ExpressionError> {
    if text.chars().take(MAX_LENGTH + 1).count() > MAX_LENGTH {
        return Err(ExpressionErrorKind::TooLong.at(Place::START));
    }
    let mut parser = Parser { tokens: lexer::tokens(text)?, position: 0, nesting: 0 };
    let tree = parser.expression()?;
    match parser.peek().kind {
        TokenKind::End => Ok(tree),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser<'s> {
    /// The last one is [`TokenKind::End`], which is never passed.
    tokens: Vec<Token<'s>>,
    position: usize,
    /// How many brackets, calls and conditions the position is in.
    nesting: usize,
}

const LOWEST: u8 = 1;

/// The operator with this symbol, and how strongly it binds.
fn operator(kind: &TokenKind<'_>) -> Option<(Operator, u8)> {
    let symbol = match kind {
        TokenKind::Symbol(symbol) => symbol,
        TokenKind::Name(name) => name,
        _ => return None,
    };
    Some(match *symbol {
        "||" => (Operator::Or, 1),
        "&&" => (Operator::And, 2),
        "==" => (Operator::Of(Binary::Equal), 3),
        "!=" => (Operator::Of(Binary::NotEqual), 3),
        "<" => (Operator::Of(Binary::Less), 3),
        "<=" => (Operator::Of(Binary::LessOrEqual), 3),
        ">" => (Operator::Of(Binary::Greater), 3),
        ">=" => (Operator::Of(Binary::GreaterOrEqual), 3),
        "in" => (Operator::Of(Binary::In), 3),
        "+" => (Operator::Sum, 4),
        "-" => (Operator::Of(Binary::Subtract), 4),
        "*" => (Operator::Of(Binary::Multiply), 5),
        "/" => (Operator::Of(Binary::Divide), 5),
        "%" => (Operator::Of(Binary::Remainder), 5),
        _ => return None,
    })
}

impl<'s> Parser<'s> {
    fn peek(&self) -> &Token<'s> {
        const END: Token<'_> = Token { kind: TokenKind::End, at: Place::START, text: "" };
        self.tokens.get(self.position).unwrap_or(&END)
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.peek().kind, TokenKind::Symbol(found) if found == symbol)
    }

    /// Takes a symbol if it is next.
    fn eat(&mut self, symbol: &str) -> bool {
        let found = self.is(symbol);
        self.position += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &'static str, expected: &'static str) -> Result<(), ExpressionError> {
        if self.eat(symbol) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    #[cold]
    fn unexpected(&self, expected: &'static str) -> ExpressionError {
        let token = self.peek();
        let found = match token.kind {
            TokenKind::End => "the end".into(),
            _ => token.text.chars().take(20).collect(),
        };
        ExpressionErrorKind::Unexpected { expected, found }.at(token.at)
    }

    // The functions that recurse are small, so that the stack that a level takes is small too.

    /// A conditional, or anything that binds more strongly.
    fn expression(&mut self) -> Parsed {
        self.enter()?;
        let condition = self.binary(LOWEST)?;
        let tree = if self.is("?") { self.conditional(condition) } else { Ok(condition) };
        self.nesting -= 1;
        tree
    }

    fn enter(&mut self) -> Result<(), ExpressionError> {
        self.nesting += 1;
        // The expression as a whole is within nothing.
        if self.nesting > MAX_NESTING + 1 {
            return Err(ExpressionErrorKind::TooDeep.at(self.peek().at));
        }
        Ok(())
    }

    fn conditional(&mut self, condition: Tree) -> Parsed {
        let at = self.peek().at;
        self.position += 1;
        let dot = self.is(".");
        let accepted = self.binary(LOWEST)?;
        if dot && !self.is(":") {
            return Err(ExpressionErrorKind::OptionalSelection.at(at));
        }
        self.expect(":", "`:` and the value where the condition is false")?;
        let refused = self.expression()?;
        chosen(condition, accepted, refused, at)
    }

    /// Operators that bind at least so strongly, by precedence climbing.
    fn binary(&mut self, lowest: u8) -> Parsed {
        let mut left = self.unary()?;
        while let Some((operator, strength)) = operator(&self.peek().kind).filter(|(_, it)| *it >= lowest) {
            let at = self.peek().at;
            self.position += 1;
            let right = self.binary(strength + 1)?;
            left = combined(operator, left, right, at)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        match self.peek().kind {
            TokenKind::Symbol("!") => self.prefixed(Unary::Not, "!"),
            TokenKind::Symbol("-") => self.prefixed(Unary::Negate, "-"),
            _ => self.member(),
        }
    }

    fn prefixed(&mut self, operator: Unary, symbol: &str) -> Parsed {
        let at = self.peek().at;
        let mut count = 0;
        while self.eat(symbol) {
            count += 1;
        }
        if operator == Unary::Negate
            && let Some(literal) = self.negative_number(at)?
        {
            return repeated(operator, count - 1, literal, at);
        }
        let operand = self.member()?;
        repeated(operator, count, operand, at)
    }

    /// A number behind a minus, unless something of it is selected or called: `-1.abs()` negates the result.
    fn negative_number(&mut self, at: Place) -> Result<Option<Tree>, ExpressionError> {
        let selected =
            self.tokens.get(self.position + 1).is_some_and(|next| next.kind == TokenKind::Symbol("."));
        let literal = match self.peek().kind {
            _ if selected => return Ok(None),
            TokenKind::Int(number) => Literal::Int(
                0_i64
                    .checked_sub_unsigned(number)
                    .ok_or(ExpressionErrorKind::NumberRange(Kinds::INT).at(at))?,
            ),
            TokenKind::Double(text) => Literal::Double(format!("-{text}").into()),
            _ => return Ok(None),
        };
        self.position += 1;
        tree(TreeKind::Literal(literal), at, 0).map(Some)
    }

    /// A primary with what is selected, indexed and called behind it.
    fn member(&mut self) -> Parsed {
        let mut operand = self.primary()?;
        loop {
            operand = match self.peek().kind {
                TokenKind::Symbol(".") => self.selection(operand)?,
                TokenKind::Symbol("[") => self.index(operand)?,
                TokenKind::Symbol("{") if is_name(&operand) => return Err(message(&operand)),
                _ => return Ok(operand),
            };
        }
    }

    fn index(&mut self, operand: Tree) -> Parsed {
        let at = self.peek().at;
        self.position += 1;
        let optional = self.eat("?");
        let index = self.expression()?;
        self.expect("]", "`]`")?;
        indexed(operand, index, optional, at)
    }

    fn selection(&mut self, operand: Tree) -> Parsed {
        self.position += 1;
        let optional = self.eat("?");
        let at = self.peek().at;
        let member = match self.peek().kind {
            TokenKind::Name(name) if !is_keyword(name) => name,
            TokenKind::QuotedName(name) => name,
            _ => return Err(self.unexpected("the name of a member or a function")),
        };
        let quoted = matches!(self.peek().kind, TokenKind::QuotedName(_));
        self.position += 1;
        if !optional && !quoted && self.eat("(") {
            return self.call(Some(operand), member, at);
        }
        let height = operand.height;
        tree(TreeKind::Select { operand: Box::new(operand), member: member.into(), optional }, at, height)
    }

    /// A call behind its opening bracket.
    fn call(&mut self, target: Option<Tree>, name: &str, at: Place) -> Parsed {
        let mut arguments = Vec::new();
        while !self.is(")") {
            arguments.push(self.expression()?);
            if !self.eat(",") {
                break;
            }
            if self.is(")") {
                return Err(self.unexpected("an argument"));
            }
        }
        self.expect(")", "`,` or `)`")?;
        called(target, name, arguments, at)
    }
}

fn is_name(tree: &Tree) -> bool {
    matches!(tree.kind, TreeKind::Name { .. } | TreeKind::Select { .. })
}

#[cold]
fn message(name: &Tree) -> ExpressionError {
    ExpressionErrorKind::Message.at(name.at)
}

/// Words that name nothing, not even a member.
fn is_keyword(name: &str) -> bool {
    matches!(name, "true" | "false" | "null" | "in")
}

#[cfg(test)]
mod tests;
