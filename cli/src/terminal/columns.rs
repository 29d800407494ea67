//! Lines of cells, one below the other.

use super::{fit, left, width_of};

/// The widest that a cell gets on a terminal, so that one long text does not hide the others.
const WIDEST: usize = 40;

/// Lines in which the cells of a column begin at the same place, cut at `width` columns.
pub(crate) fn aligned(lines: Vec<Vec<String>>, width: usize) -> String {
    let widest = if width == usize::MAX { usize::MAX } else { WIDEST };
    let lines: Vec<Vec<String>> =
        lines.into_iter().map(|line| line.iter().map(|cell| fit(cell, widest)).collect()).collect();
    let count = lines.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|index| {
            lines.iter().filter_map(|line| line.get(index)).map(|cell| width_of(cell)).max().unwrap_or(0)
        })
        .collect();
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
    fn cells_stand_below_each_other() {
        let text = aligned(lines(&[&["id", "name"], &["1", "Åsa"], &["1000", "東京"]]), usize::MAX);
        assert_eq!(text, "id    name\n1     Åsa\n1000  東京\n");
    }

    #[test]
    fn a_terminal_gets_no_line_that_is_wider() {
        let long = "x".repeat(100);
        let text = aligned(lines(&[&[&long, &long], &["1", "2"]]), 50);
        for line in text.lines() {
            assert!(width_of(line) <= 50, "{line}");
        }
    }
}
