//! The tree as lines of text. Pure: the same tree gives the same lines.

use super::{Cause, Node};
use crate::terminal::style::{Paint, State};
use crate::terminal::{fit, text_columns};

/// The cause, then the tree, in lines of at most `width` columns. The cause is never cut: it is what this is all about.
pub(crate) fn draw(cause: &Cause, tree: &Node, width: usize, paint: Paint) -> String {
    let mut text = String::new();
    let clean = |text: &str| fit(text, usize::MAX);
    let first = format!("{} {}", cause.state.symbol(), clean(&cause.text));
    text.push_str(&paint.state(cause.state, &first));
    text.push('\n');
    for told in cause.condition.iter().chain(&cause.hint) {
        text.push_str(&format!("  {}\n", paint.dim(&clean(told))));
    }
    text.push('\n');
    let root = Line { before: "", node: tree, width, paint };
    text.push_str(&root.text());
    below(&mut text, tree, "", width, paint);
    text
}

fn below(text: &mut String, node: &Node, indent: &str, width: usize, paint: Paint) {
    let last = node.children.len().saturating_sub(1);
    for (index, child) in node.children.iter().enumerate() {
        let (fork, further) = if index == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        text.push_str(&Line { before: &format!("{indent}{fork}"), node: child, width, paint }.text());
        below(text, child, &format!("{indent}{further}"), width, paint);
    }
}

struct Line<'n> {
    before: &'n str,
    node: &'n Node,
    width: usize,
    paint: Paint,
}

impl Line<'_> {
    fn text(&self) -> String {
        let Self { before, node, width, paint } = *self;
        let title = fit(&node.title, width.saturating_sub(text_columns(before) + 2));
        let rest = width.saturating_sub(text_columns(before) + 2 + text_columns(&title) + 2);
        let detail = if node.detail.is_empty() || rest == 0 {
            String::new()
        } else {
            format!("  {}", fit(&node.detail, rest))
        };
        let symbol = paint.state(node.state, node.state.symbol());
        let titled = format!("{} {}", symbol, paint.bold(&title));
        let detail = match node.state {
            State::Broken | State::Warning => paint.state(node.state, &detail),
            _ => detail,
        };
        format!("{}{titled}{detail}\n", paint.dim(before))
    }
}
