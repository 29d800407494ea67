//! Nodes of the syntax tree from their parts, with a bound on the height.

use super::tree::{Binary, Tree, TreeKind, Unary};
use crate::error::{ExpressionError, ExpressionErrorKind};
use crate::limits::MAX_HEIGHT;
use crate::place::Place;

pub(super) type Parsed = Result<Tree, ExpressionError>;

/// What a binary operator combines.
#[derive(Clone, Copy)]
pub(super) enum Operator {
    Or,
    And,
    Sum,
    Of(Binary),
}

pub(super) fn chosen(condition: Tree, accepted: Tree, refused: Tree, at: Place) -> Parsed {
    let height = condition.height.max(accepted.height).max(refused.height);
    tree(TreeKind::Conditional(Box::new([condition, accepted, refused])), at, height)
}

pub(super) fn indexed(operand: Tree, index: Tree, optional: bool, at: Place) -> Parsed {
    let height = operand.height.max(index.height);
    tree(TreeKind::Index { operand: Box::new(operand), index: Box::new(index), optional }, at, height)
}

pub(super) fn called(target: Option<Tree>, name: &str, arguments: Vec<Tree>, at: Place) -> Parsed {
    let height = target.iter().chain(&arguments).map(|tree| tree.height).max().unwrap_or_default();
    tree(TreeKind::Call { target: target.map(Box::new), name: name.into(), arguments }, at, height)
}

/// A node above others of at most this height.
pub(super) fn tree(kind: TreeKind, at: Place, height: u16) -> Parsed {
    if height >= MAX_HEIGHT {
        return Err(ExpressionErrorKind::TooDeep.at(at));
    }
    Ok(Tree { kind, at, height: height + 1 })
}

/// An operator before its operand so many times: an even number of them is two, an odd one is one.
pub(super) fn repeated(operator: Unary, count: usize, operand: Tree, at: Place) -> Parsed {
    let count = if count == 0 { 0 } else { 2 - count % 2 };
    (0..count).try_fold(operand, |operand, _| {
        let height = operand.height;
        tree(TreeKind::Unary(operator, Box::new(operand)), at, height)
    })
}

/// An operation. Chains of `&&`, `||` and `+` are one node, which does not grow higher with its length.
pub(super) fn combined(operator: Operator, left: Tree, right: Tree, at: Place) -> Parsed {
    let inside = left.height.saturating_sub(1).max(right.height);
    let height = left.height.max(right.height);
    let (chain, mut operands, height): (fn(Vec<Tree>) -> TreeKind, _, _) = match (operator, left.kind) {
        (Operator::Of(operator), kind) => {
            let left = Box::new(Tree { kind, ..left });
            return tree(TreeKind::Binary(operator, left, Box::new(right)), at, height);
        }
        (Operator::Or, TreeKind::Or(operands)) => (TreeKind::Or, operands, inside),
        (Operator::And, TreeKind::And(operands)) => (TreeKind::And, operands, inside),
        (Operator::Sum, TreeKind::Sum(operands)) => (TreeKind::Sum, operands, inside),
        (Operator::Or, kind) => (TreeKind::Or, vec![Tree { kind, ..left }], height),
        (Operator::And, kind) => (TreeKind::And, vec![Tree { kind, ..left }], height),
        (Operator::Sum, kind) => (TreeKind::Sum, vec![Tree { kind, ..left }], height),
    };
    operands.push(right);
    tree(chain(operands), at, height)
}
