//! Renders the live view of a local run as lines of text. Pure.

use std::time::Duration;

use super::metrics::Metrics;
use super::rate::Rate;
use super::style::{Attribute, Style};
use super::text::{clock, count, fit, left, per_second, right, width_of};

/// The parts of a pipeline, for the first line.
#[derive(Debug, Clone)]
pub(crate) struct Title {
    /// The name of the pipeline.
    pub(crate) pipeline: String,
    /// The source; `None` where other producers write to the topic.
    pub(crate) source: Option<String>,
    /// The name of the topic.
    pub(crate) topic: String,
    /// The table, with its keyspace.
    pub(crate) table: String,
}

/// The content of a frame.
#[derive(Debug)]
pub(crate) struct LiveView<'a> {
    /// The first line.
    pub(crate) title: &'a Title,
    /// The time since the start of the run.
    pub(crate) elapsed: Duration,
    /// The current metrics.
    pub(crate) metrics: &'a Metrics,
    /// The rate of records read.
    pub(crate) read: &'a Rate,
    /// The rate of rows written.
    pub(crate) written: &'a Rate,
    /// The names of the table's columns.
    pub(crate) columns: &'a [String],
    /// A sample of the last rows, the newest last.
    pub(crate) rows: &'a [Vec<String>],
    /// The reason of the last dead letter.
    pub(crate) last_dead_letter: Option<&'a str>,
    /// The last line: what the user can do.
    pub(crate) hint: &'a str,
    /// Whether to use colours.
    pub(crate) coloured: bool,
}

/// Renders a frame for a terminal of this size. The frame is one column and one row smaller.
pub(crate) fn render(view: &LiveView<'_>, width: usize, height: usize) -> Vec<String> {
    // Some terminals wrap a line that fills the last column.
    let width = width.saturating_sub(1).clamp(20, 160);
    let style = Style(view.coloured);
    let mut lines = vec![title(view, width, style), String::new()];
    lines.extend(metrics(view, width, style));
    let room = height.saturating_sub(lines.len() + 5);
    if !view.rows.is_empty() && room > 0 {
        lines.push(String::new());
        lines.extend(table(view, width, room, style));
    }
    lines.push(String::new());
    lines.push(style.dim(&fit(view.hint, width)));
    // The metrics come first, so that a small terminal cuts the less important lines.
    lines.truncate(height.saturating_sub(1).max(1));
    lines
}

fn title(view: &LiveView<'_>, width: usize, style: Style) -> String {
    let time = clock(view.elapsed);
    let room = width.saturating_sub(width_of(&time) + 2);
    let title = view.title;
    let name = fit(&title.pipeline, room);
    let stages: Vec<&str> =
        title.source.as_deref().into_iter().chain([title.topic.as_str(), title.table.as_str()]).collect();
    let stages = fit(&format!("  {}", stages.join(" ▸ ")), room.saturating_sub(width_of(&name)));
    let gap = " ".repeat(width.saturating_sub(width_of(&name) + width_of(&stages) + width_of(&time)));
    format!("{}{}{gap}{}", style.bold(&name), style.apply(Attribute::Cyan, &stages), style.dim(&time))
}

fn metrics(view: &LiveView<'_>, width: usize, style: Style) -> Vec<String> {
    let metrics = view.metrics;
    let mut lines = vec![
        total_and_rate("records read", metrics.read, view.read, width, style),
        total_and_rate("rows written", metrics.written, view.written, width, style),
        value("lag", &metrics.lag.map_or_else(|| "unknown".to_owned(), count), width),
        dead_letters(view, width, style),
    ];
    for (name, number) in [("filtered", metrics.filtered), ("skipped", metrics.skipped)] {
        if number > 0 {
            lines.push(value(name, &count(number), width));
        }
    }
    let errors: u64 = metrics.errors.iter().map(|(_, _, count)| count).sum();
    if errors > 0 {
        lines.push(style.apply(Attribute::Red, &value("errors", &count(errors), width)));
    }
    if let Some(freshness) = metrics.freshness() {
        lines.push(fit(&format!("  {}{freshness}", left("freshness", 17)), width));
    }
    lines
}

fn value(name: &str, value: &str, width: usize) -> String {
    fit(&format!("  {}{}", left(name, 14), right(value, 12)), width)
}

fn total_and_rate(name: &str, total: u64, rate: &Rate, width: usize, style: Style) -> String {
    let text = format!(
        "  {}{}{}",
        left(name, 14),
        right(&count(total), 12),
        right(&per_second(rate.per_second()), 10)
    );
    let bars = rate.bars();
    if width_of(&text) + 3 + width_of(&bars) <= width {
        format!("{text}   {}", style.apply(Attribute::Green, &bars))
    } else {
        fit(&text, width)
    }
}

/// The number of dead letters, and the reason of the last one where there is room.
fn dead_letters(view: &LiveView<'_>, width: usize, style: Style) -> String {
    const REASON_COLUMN: usize = 31;
    const MIN_REASON_WIDTH: usize = 12;
    let number = view.metrics.dead_letters;
    let mut line = value("dead letters", &count(number), width);
    if number > 0 {
        line = style.apply(Attribute::Yellow, &line);
    }
    if let Some(reason) = view.last_dead_letter.filter(|_| width >= REASON_COLUMN + MIN_REASON_WIDTH) {
        let reason = fit(reason, width - REASON_COLUMN);
        line.push_str(&style.dim(&format!("   {reason}")));
    }
    line
}

/// The newest rows, in as many lines and columns as fit.
fn table(view: &LiveView<'_>, width: usize, room: usize, style: Style) -> Vec<String> {
    const MAX_COLUMN_WIDTH: usize = 36;
    /// A narrower column shows too little of its values.
    const MIN_COLUMN_WIDTH: usize = 6;
    let first = view.rows.len().saturating_sub(room.saturating_sub(1).clamp(1, 5));
    let rows = view.rows.get(first..).unwrap_or_default();
    let mut lines = vec!["  ".to_owned(); rows.len() + 1];
    let mut used = 2;
    for (index, name) in view.columns.iter().enumerate() {
        let values: Vec<String> =
            rows.iter().map(|row| fit(row.get(index).map_or("", String::as_str), MAX_COLUMN_WIDTH)).collect();
        let natural_width =
            values.iter().map(|value| width_of(value)).chain([width_of(name)]).max().unwrap_or(0);
        let column_width = natural_width.min(MAX_COLUMN_WIDTH).min(width.saturating_sub(used));
        if column_width < natural_width.min(MIN_COLUMN_WIDTH) {
            break;
        }
        used += column_width + 2;
        let header = std::iter::once((name, true));
        let cells = header.chain(values.iter().map(|value| (value, false)));
        for (line, (value, is_header)) in lines.iter_mut().zip(cells) {
            let cell = left(&fit(value, column_width), column_width);
            line.push_str(&if is_header { style.dim(&cell) } else { cell });
            line.push_str("  ");
        }
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn title() -> Title {
        Title {
            pipeline: "demo".to_owned(),
            source: Some("generator".to_owned()),
            topic: "users_created".to_owned(),
            table: "spark_streams.created_users".to_owned(),
        }
    }

    fn lines(
        width: usize,
        height: usize,
        rows: &[Vec<String>],
        last_dead_letter: Option<&str>,
        coloured: bool,
    ) -> Vec<String> {
        let metrics = Metrics {
            read: 12_050,
            mapped: 12_049,
            written: 12_048,
            dead_letters: u64::from(last_dead_letter.is_some()),
            lag: Some(1),
            freshness_p50: Some(Duration::from_millis(12)),
            freshness_p99: Some(Duration::from_millis(48)),
            ..Metrics::default()
        };
        let mut rate = Rate::default();
        for second in 0..=9 {
            rate.record(Duration::from_secs(second), second * 50);
        }
        let names = ["id", "first_name", "address"].map(str::to_owned);
        let view = LiveView {
            title: &title(),
            elapsed: Duration::from_secs(242),
            metrics: &metrics,
            read: &rate,
            written: &rate,
            columns: &names,
            rows,
            last_dead_letter,
            hint: "Ctrl-C stops the source and writes the records already read",
            coloured,
        };
        render(&view, width, height)
    }

    fn rows() -> Vec<Vec<String>> {
        vec![
            ["7a0e", "Åsa", "12 Storgatan, Malmö"].map(str::to_owned).to_vec(),
            ["1f3c", "مريم", "4 東京\u{1b}[2J, 港区"].map(str::to_owned).to_vec(),
        ]
    }

    #[test]
    fn wide_terminal_shows_metrics_and_rows() {
        insta::assert_snapshot!(lines(100, 30, &rows(), Some("field dob: not a timestamp"), false).join("\n"), @r"
        demo  generator ▸ users_created ▸ spark_streams.created_users                                  4:02

          records read        12,050      50/s   █████████
          rows written        12,048      50/s   █████████
          lag                      1
          dead letters             1   field dob: not a timestamp
          freshness        12 ms p50, 48 ms p99

          id    first_name  address
          7a0e  Åsa         12 Storgatan, Malmö
          1f3c  مريم        4 東京·[2J, 港区

        Ctrl-C stops the source and writes the records already read
        ");
    }

    #[test]
    fn narrow_terminal_drops_bars_and_reasons() {
        insta::assert_snapshot!(lines(40, 30, &rows(), Some("field dob: not a timestamp"), false).join("\n"), @r"
        demo  generator ▸ users_created …  4:02

          records read        12,050      50/s
          rows written        12,048      50/s
          lag                      1
          dead letters             1
          freshness        12 ms p50, 48 ms p99

          id    first_name  address
          7a0e  Åsa         12 Storgatan, Malmö
          1f3c  مريم        4 東京·[2J, 港区

        Ctrl-C stops the source and writes the…
        ");
    }

    #[test]
    fn colours_do_not_change_the_text() {
        let coloured = lines(100, 30, &rows(), Some("x"), true).join("\n");
        let mut plain = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            plain.push_str(before);
            rest = after.split_once('m').map_or("", |(_, after)| after);
        }
        plain.push_str(rest);
        let trimmed: Vec<&str> = plain.lines().map(str::trim_end).collect();
        assert_eq!(trimmed, lines(100, 30, &rows(), Some("x"), false));
    }

    proptest! {
        #[test]
        fn frame_fits_the_terminal(width in 21_usize..200, height in 2_usize..40, value in "\\PC{0,60}|.{0,60}") {
            let rows = vec![vec![value.clone(), value.clone(), value.clone()]; 9];
            let lines = lines(width, height, &rows, Some(&value), false);
            prop_assert!(lines.len() < height, "{} lines in {height} rows", lines.len());
            for line in lines {
                prop_assert!(width_of(&line) < width, "{line:?} takes {} of {width}", width_of(&line));
                prop_assert!(!line.chars().any(char::is_control), "{line:?}");
            }
        }
    }
}
