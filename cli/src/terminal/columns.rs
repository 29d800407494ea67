//! Text in aligned columns.

use super::{fit, left, width_of};

/// The maximum width of a cell on a terminal, so that one long text leaves room for the others.
const MAX_CELL_WIDTH: usize = 40;

/// The width of each column: that of its widest cell.
pub(crate) fn column_widths(lines: &[Vec<String>]) -> Vec<usize> {
    let mut widths: Vec<usize> = Vec::new();
    for line in lines {
        widths.resize(widths.len().max(line.len()), 0);
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = width_of(cell).max(*width);
        }
    }
    widths
}

/// Aligns cells in columns, and cuts each line at `width` columns. `usize::MAX` cuts neither lines nor cells.
pub(crate) fn aligned(lines: Vec<Vec<String>>, width: usize) -> String {
    let max_cell_width = if width == usize::MAX { usize::MAX } else { MAX_CELL_WIDTH };
    let lines: Vec<Vec<String>> =
        lines.into_iter().map(|line| line.iter().map(|cell| fit(cell, max_cell_width)).collect()).collect();
    let widths = column_widths(&lines);
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| left(cell, *width)).collect();
        text.push_str(&fit(cells.join("  ").trim_end(), width));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&[&str]]) -> Vec<Vec<String>> {
        lines.iter().map(|line| line.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    #[test]
    fn cells_of_a_column_are_aligned() {
        let text = aligned(lines(&[&["id", "name"], &["1", "Åsa"], &["1000", "東京"]]), usize::MAX);
        assert_eq!(text, "id    name\n1     Åsa\n1000  東京\n");
    }

    #[test]
    fn lines_fit_the_width_of_the_terminal() {
        let long = "x".repeat(100);
        let text = aligned(lines(&[&[&long, &long], &["1", "2"]]), 50);
        for line in text.lines() {
            assert!(width_of(line) <= 50, "{line}");
        }
    }
}
