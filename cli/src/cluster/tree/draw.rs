//! Renders the tree as lines of text. Pure.

use super::{Cause, Node};
use crate::cluster::state::State;
use crate::terminal::style::Style;
use crate::terminal::{fit, width_of};

/// Renders the cause, then the tree. Lines of the tree are cut at `width` columns; the cause is complete.
pub(crate) fn draw(cause: &Cause, tree: &Node, width: usize, style: Style) -> String {
    let mut text = String::new();
    let clean = |text: &str| fit(text, usize::MAX);
    let first = format!("{} {}", cause.state.symbol(), clean(&cause.text));
    text.push_str(&cause.state.paint(style, &first));
    text.push('\n');
    for line in cause.condition.iter().chain(&cause.hint) {
        text.push_str(&format!("  {}\n", style.dim(&clean(line))));
    }
    text.push('\n');
    let root = Line { before: "", node: tree, width, style };
    text.push_str(&root.text());
    below(&mut text, tree, "", width, style);
    text
}

fn below(text: &mut String, node: &Node, indent: &str, width: usize, style: Style) {
    let last = node.children.len().saturating_sub(1);
    for (index, child) in node.children.iter().enumerate() {
        let (fork, further) = if index == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        text.push_str(&Line { before: &format!("{indent}{fork}"), node: child, width, style }.text());
        below(text, child, &format!("{indent}{further}"), width, style);
    }
}

struct Line<'n> {
    before: &'n str,
    node: &'n Node,
    width: usize,
    style: Style,
}

impl Line<'_> {
    fn text(&self) -> String {
        let Self { before, node, width, style } = *self;
        let title = fit(&node.title, width.saturating_sub(width_of(before) + 2));
        let rest = width.saturating_sub(width_of(before) + 2 + width_of(&title) + 2);
        let detail = if node.detail.is_empty() || rest == 0 {
            String::new()
        } else {
            format!("  {}", fit(&node.detail, rest))
        };
        let symbol = node.state.paint(style, node.state.symbol());
        let titled = format!("{} {}", symbol, style.bold(&title));
        let detail = match node.state {
            State::Broken | State::Warning => node.state.paint(style, &detail),
            _ => detail,
        };
        format!("{}{titled}{detail}\n", style.dim(before))
    }
}
