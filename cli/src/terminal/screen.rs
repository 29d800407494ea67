//! Redraws a frame in place on a terminal, and prints log lines above it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

/// Start and end of a synchronized update. Terminals without support ignore both.
const BEGIN: &str = "\u{1b}[?2026h";
const END: &str = "\u{1b}[?2026l";
const HIDE_CURSOR: &str = "\u{1b}[?25l";
const SHOW_CURSOR: &str = "\u{1b}[?25h";
const CLEAR_TO_END_OF_LINE: &str = "\u{1b}[K";
const CLEAR_BELOW: &str = "\u{1b}[J";

/// Log lines to print above the next frame.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogLines(Arc<Mutex<Vec<u8>>>);

impl LogLines {
    /// Whether a screen still holds these lines, besides the caller.
    pub(crate) fn are_shown(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }
}

impl Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Draws frames. Dropping it restores the cursor below the last frame.
#[derive(Debug)]
pub(crate) struct Screen<W: Write> {
    terminal: W,
    log: LogLines,
    /// The number of lines of the current frame.
    shown: usize,
    cursor_hidden: bool,
}

impl<W: Write> Screen<W> {
    /// A screen without a frame.
    pub(crate) fn new(terminal: W, log: LogLines) -> Self {
        Self { terminal, log, shown: 0, cursor_hidden: false }
    }

    /// Replaces the current frame, and prints the log lines since then above it.
    pub(crate) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let mut change = String::from(BEGIN);
        if !self.cursor_hidden {
            change.push_str(HIDE_CURSOR);
            self.cursor_hidden = true;
        }
        if self.shown > 0 {
            change.push_str(&format!("\r\u{1b}[{}A", self.shown));
        }
        let logged = self.log.take();
        for line in String::from_utf8_lossy(&logged).lines() {
            change.push_str(line);
            change.push_str(CLEAR_TO_END_OF_LINE);
            change.push('\n');
        }
        for line in lines {
            change.push_str(line);
            change.push_str(CLEAR_TO_END_OF_LINE);
            change.push('\n');
        }
        change.push_str(CLEAR_BELOW);
        change.push_str(END);
        self.shown = lines.len();
        self.terminal.write_all(change.as_bytes())?;
        self.terminal.flush()
    }
}

impl<W: Write> Drop for Screen<W> {
    fn drop(&mut self) {
        // The last log lines must not be lost. A write error has no other stream to go to.
        let mut last = self.log.take();
        if self.cursor_hidden {
            last.extend_from_slice(SHOW_CURSOR.as_bytes());
        }
        let _ = self.terminal.write_all(&last);
        let _ = self.terminal.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Emulates a terminal of many rows, for the escape sequences that `Screen` sends.
    fn shown(bytes: &[u8]) -> String {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let mut rows = vec![String::new()];
        let (mut row, mut column) = (0_usize, 0_usize);
        let mut rest = text.as_str();
        while let Some(character) = rest.chars().next() {
            rest = &rest[character.len_utf8()..];
            match character {
                '\n' => {
                    row += 1;
                    column = 0;
                    if row == rows.len() {
                        rows.push(String::new());
                    }
                }
                '\r' => column = 0,
                '\u{1b}' => {
                    let end = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap();
                    match &rest[..=end] {
                        "[K" => rows[row] = rows[row].chars().take(column).collect(),
                        "[J" => {
                            rows.truncate(row + 1);
                            rows[row] = rows[row].chars().take(column).collect();
                        }
                        up if up.ends_with('A') => row -= up[1..up.len() - 1].parse::<usize>().unwrap(),
                        _ => {}
                    }
                    rest = &rest[end + 1..];
                }
                other => {
                    let mut line: Vec<char> = rows[row].chars().collect();
                    line.resize(line.len().max(column), ' ');
                    if column < line.len() {
                        line[column] = other;
                    } else {
                        line.push(other);
                    }
                    rows[row] = line.into_iter().collect();
                    column += 1;
                }
            }
        }
        rows.join("\n")
    }

    fn frame(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn a_frame_replaces_the_previous_one() {
        let mut terminal = Vec::new();
        let mut screen = Screen::new(&mut terminal, LogLines::default());
        screen.draw(&frame(&["a long line", "second", "third"])).unwrap();
        screen.draw(&frame(&["short", "2nd"])).unwrap();
        drop(screen);
        assert_eq!(shown(&terminal), "short\n2nd\n");
    }

    #[test]
    fn log_lines_stay_above_the_frame() {
        let mut terminal = Vec::new();
        let mut log = LogLines::default();
        let mut screen = Screen::new(&mut terminal, log.clone());
        screen.draw(&frame(&["frame 1", "more"])).unwrap();
        writeln!(log, "WARN a run failed").unwrap();
        screen.draw(&frame(&["frame 2", "more"])).unwrap();
        screen.draw(&frame(&["frame 3", "more"])).unwrap();
        writeln!(log, "WARN at the end").unwrap();
        drop(screen);
        assert_eq!(shown(&terminal), "WARN a run failed\nframe 3\nmore\nWARN at the end\n");
    }

    #[test]
    fn dropping_the_screen_shows_the_cursor() {
        let mut terminal = Vec::new();
        let mut screen = Screen::new(&mut terminal, LogLines::default());
        screen.draw(&frame(&["x"])).unwrap();
        drop(screen);
        let text = String::from_utf8(terminal).unwrap();
        assert!(text.rfind(SHOW_CURSOR) > text.rfind(HIDE_CURSOR), "{text:?}");
    }
}
