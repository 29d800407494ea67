//! Splits text into words.

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// In lower case, without a possessive `'s`.
    pub(crate) text: String,
    /// Its line, from 1.
    pub(crate) line: usize,
    /// Whether only blanks, hyphens, underscores and marks of comments are between it and the word before.
    pub(crate) continues: bool,
}

/// Splits a text into words, and `camelCase` and `snake_case` into their parts. A backslash escapes the next character.
pub(crate) fn words(text: &str, first_line: usize) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut line = first_line;
    let mut gap = Gap::Phrase;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' => {
                line += 1;
                gap = gap.after_newline();
            }
            '\\' => {
                if characters.next() == Some('\n') {
                    line += 1;
                } else {
                    gap = Gap::End;
                }
            }
            // A suffix such as that of `operator's` or `don't` is no word.
            '\'' | '’' if matches!(gap, Gap::Word) => {
                while characters.next_if(char::is_ascii_alphabetic).is_some() {}
                gap = Gap::End;
            }
            character if character.is_alphabetic() => {
                let mut word = String::from(character);
                let continues = !matches!(gap, Gap::End);
                while let Some(next) = characters.next_if(|next| next.is_alphabetic()) {
                    word.push(next);
                }
                for (index, part) in camel_case_parts(&word).into_iter().enumerate() {
                    words.push(Word { text: part, line, continues: continues || index > 0 });
                }
                gap = Gap::Word;
                continue;
            }
            ' ' | '\t' | '\r' | '-' | '_' | '*' | '#' | '/' => gap = gap.after_blank(),
            _ => gap = Gap::End,
        }
    }
    words
}

/// What is between the last word and the next.
#[derive(Clone, Copy)]
enum Gap {
    /// Nothing yet.
    Word,
    /// What may be within a phrase.
    Phrase,
    /// The same, with the end of a line.
    Newline,
    /// What ends a phrase.
    End,
}

impl Gap {
    fn after_blank(self) -> Self {
        if matches!(self, Self::Word) { Self::Phrase } else { self }
    }

    /// An empty line ends a paragraph, and thereby a phrase.
    fn after_newline(self) -> Self {
        if matches!(self, Self::Newline | Self::End) { Self::End } else { Self::Newline }
    }
}

/// The words of an identifier in `camelCase`, in lower case. An acronym is one word.
fn camel_case_parts(word: &str) -> Vec<String> {
    let characters: Vec<char> = word.chars().collect();
    let mut parts: Vec<String> = Vec::new();
    for (index, character) in characters.iter().enumerate() {
        let after_lower = index > 0 && characters[index - 1].is_lowercase();
        let before_lower = characters.get(index + 1).is_some_and(|next| next.is_lowercase());
        let starts = character.is_uppercase() && (after_lower || (index > 0 && before_lower));
        if parts.is_empty() || starts {
            parts.push(String::new());
        }
        let lower = character.to_lowercase();
        parts.last_mut().expect("there is a part").extend(lower);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words, with a bar before each that does not continue a phrase.
    fn split(text: &str) -> String {
        let shown = words(text, 1)
            .into_iter()
            .map(|word| if word.continues { word.text } else { format!("|{}", word.text) });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn identifiers_are_split_into_their_parts() {
        assert_eq!(split("snake_case2"), "snake case");
        assert_eq!(split("camelCase PascalCase"), "camel case pascal case");
        assert_eq!(split("HTTPServer TLS"), "http server tls");
    }

    #[test]
    fn punctuation_ends_a_phrase_and_hyphens_do_not() {
        assert_eq!(split("a stand-in, of its own"), "a stand in |of its own");
        assert_eq!(split("one. Two (three)"), "one |two |three");
    }

    #[test]
    fn phrase_continues_on_the_next_line_and_ends_with_a_paragraph() {
        assert_eq!(split("of its\n/// own"), "of its own");
        assert_eq!(split("# of its\n#\n# own"), "of its |own");
        assert_eq!(split("of its\n\nown"), "of its |own");
    }

    #[test]
    fn suffixes_and_escapes_are_no_words() {
        assert_eq!(split("nobody's don't"), "nobody |don");
        assert_eq!(split("a\\nb"), "a |b");
        assert_eq!(split("a \\\n b"), "a b");
    }

    #[test]
    fn words_have_their_lines() {
        let lines: Vec<usize> = words("a\nb\n\nc", 5).into_iter().map(|word| word.line).collect();
        assert_eq!(lines, [5, 6, 8]);
    }
}
