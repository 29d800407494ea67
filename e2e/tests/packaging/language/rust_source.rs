//! Splits Rust source into prose (comments and string literals) and names.

use super::words::{Word, words};

/// The words of a Rust source.
#[derive(Debug, Default)]
pub(crate) struct RustWords {
    /// Of comments and string literals.
    pub(crate) prose: Vec<Word>,
    /// Of identifiers.
    pub(crate) names: Vec<Word>,
}

/// Splits a source. It does not have to compile.
pub(crate) fn rust_words(text: &str) -> RustWords {
    let mut source = Source { rest: text, line: 1, comment: Comment::default(), found: RustWords::default() };
    while !source.rest.is_empty() {
        source.next();
    }
    source.end_comment();
    source.found
}

/// Consecutive line comments, which are one text.
#[derive(Default)]
struct Comment {
    text: String,
    first_line: usize,
}

struct Source<'a> {
    rest: &'a str,
    line: usize,
    comment: Comment,
    found: RustWords,
}

impl<'a> Source<'a> {
    fn next(&mut self) {
        let rest = self.rest;
        let first = rest.chars().next().unwrap_or_default();
        if rest.starts_with("//") {
            self.line_comment();
        } else if rest.starts_with("/*") {
            self.block_comment();
        } else if let Some(prefix) = string_prefix(rest) {
            self.end_comment();
            self.take(prefix.len());
            let length =
                if prefix.contains('r') { raw_string_length(self.rest) } else { string_length(self.rest) };
            self.prose(length);
        } else if let Some(length) = character_length(rest) {
            self.end_comment();
            self.take(length);
        } else if first.is_alphabetic() || first == '_' {
            self.end_comment();
            self.name();
        } else {
            if !first.is_whitespace() {
                self.end_comment();
            }
            self.take(first.len_utf8());
        }
    }

    /// Consumes so many bytes.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    fn line_comment(&mut self) {
        if self.comment.text.is_empty() {
            self.comment.first_line = self.line;
        }
        // Code between two comments ends the first one, so here only blank lines can be missing.
        let missing = self.line - self.comment.first_line - self.comment.text.matches('\n').count();
        self.comment.text.extend(std::iter::repeat_n('\n', missing));
        let length = self.rest.find('\n').unwrap_or(self.rest.len());
        let text = self.take(length);
        self.comment.text.push_str(text.trim_start_matches('/').trim_start_matches('!'));
    }

    fn end_comment(&mut self) {
        if !self.comment.text.is_empty() {
            let Comment { text, first_line } = std::mem::take(&mut self.comment);
            self.found.prose.extend(separate(words(&text, first_line)));
        }
    }

    fn block_comment(&mut self) {
        self.end_comment();
        let mut depth = 0_usize;
        let mut length = 0;
        while length < self.rest.len() {
            let rest = &self.rest[length..];
            if rest.starts_with("/*") {
                depth += 1;
                length += 2;
            } else if rest.starts_with("*/") {
                depth -= 1;
                length += 2;
                if depth == 0 {
                    break;
                }
            } else {
                length += rest.chars().next().map_or(1, char::len_utf8);
            }
        }
        self.prose(length);
    }

    fn prose(&mut self, length: usize) {
        let line = self.line;
        let text = self.take(length);
        self.found.prose.extend(separate(words(text, line)));
    }

    fn name(&mut self) {
        let is_part = |character: char| character.is_alphanumeric() || character == '_';
        let length = self.rest.find(|character| !is_part(character)).unwrap_or(self.rest.len());
        let line = self.line;
        let text = self.take(length);
        self.found.names.extend(separate(words(text, line)));
    }
}

/// Marks words as the start of a text, which continues no phrase before it.
fn separate(mut words: Vec<Word>) -> Vec<Word> {
    if let Some(first) = words.first_mut() {
        first.continues = false;
    }
    words
}

/// The prefix of a string literal at the start of the text, such as `br`; empty for a literal without one.
fn string_prefix(text: &str) -> Option<&'static str> {
    let is_raw = |rest: &str| rest.trim_start_matches('#').starts_with('"');
    ["", "b", "c", "r", "br", "cr"].into_iter().find(|prefix| {
        let rest = text.strip_prefix(prefix);
        rest.is_some_and(|rest| if prefix.contains('r') { is_raw(rest) } else { rest.starts_with('"') })
    })
}

/// The length of a raw string literal at the start of the text, without its prefix.
fn raw_string_length(text: &str) -> usize {
    let hashes = text.bytes().take_while(|byte| *byte == b'#').count();
    let end = format!("\"{}", "#".repeat(hashes));
    let content = hashes + 1;
    text[content..].find(&end).map_or(text.len(), |at| content + at + end.len())
}

/// The length of a string literal at the start of the text, without its prefix.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (index, character) in text.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a character literal or a lifetime at the start of the text.
fn character_length(text: &str) -> Option<usize> {
    let content = text.strip_prefix('\'')?;
    let first = content.chars().next()?;
    if first == '\\' {
        let escaped = content.char_indices().nth(1).map_or(0, |(_, character)| 1 + character.len_utf8());
        let end = content.get(escaped..)?.find('\'')?;
        return Some(1 + escaped + end + 1);
    }
    let after = &content[first.len_utf8()..];
    if after.starts_with('\'') {
        return Some(1 + first.len_utf8() + 1);
    }
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    Some(1 + content.find(|character| !is_part(character)).unwrap_or(content.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> (String, String) {
        let RustWords { prose, names } = rust_words(text);
        let shown = |words: Vec<Word>| {
            let shown = words
                .into_iter()
                .map(|word| if word.continues { word.text } else { format!("|{}", word.text) });
            shown.collect::<Vec<_>>().join(" ")
        };
        (shown(prose), shown(names))
    }

    fn expected(prose: &str, names: &str) -> (String, String) {
        (prose.to_owned(), names.to_owned())
    }

    #[test]
    fn comments_and_strings_are_prose_and_identifiers_are_names() {
        let code = "/// A b.\nfn one_two(x: &'a str) { let y = \"c \\\" d\"; } // e";
        assert_eq!(split(code), expected("|a b |c |d |e", "|fn |one two |x |str |let |y"));
    }

    #[test]
    fn line_comments_are_one_text_until_code_or_an_empty_line() {
        assert_eq!(split("// of its\n    // own\nx // a\n// b").0, "|of its own |a b");
        assert_eq!(split("// a\n\n// b").0, "|a |b");
        assert_eq!(split("// a\n//\n// b").0, "|a |b");
    }

    #[test]
    fn raw_strings_characters_and_block_comments_end_where_they_end() {
        assert_eq!(split("r#\"a \" b\"# c"), expected("|a |b", "|c"));
        assert_eq!(split("b\"a\" b'\"' 'x' '\\'' '\\u{41}' c"), expected("|a", "|b |c"));
        assert_eq!(split("/* a /* b */ c */ d"), expected("|a b c", "|d"));
    }

    #[test]
    fn words_have_their_lines() {
        let RustWords { prose, names } = rust_words("// a\n\n// b\nx\n\"c\nd\"");
        let lines = |words: Vec<Word>| words.into_iter().map(|word| word.line).collect::<Vec<_>>();
        assert_eq!((lines(prose), lines(names)), (vec![1, 3, 5, 6], vec![4]));
    }
}
