//! Parses the `Link` header (RFC 8288) for the next page.

/// The header does not follow RFC 8288. Reading it as "no next page" would silently drop the remaining pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Link header is malformed")]
pub(crate) struct MalformedLink;

/// The target of the first link with the relation `next` in one `Link` header: a URL reference relative to the request.
pub(crate) fn next_target(header: &str) -> Result<Option<&str>, MalformedLink> {
    let mut rest = Scanner(header);
    loop {
        rest.skip_while(|character| character == ',' || is_space(character));
        if rest.0.is_empty() {
            return Ok(None);
        }
        let target = rest.target()?;
        if rest.is_next()? {
            return Ok(Some(target));
        }
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

struct Scanner<'header>(&'header str);

impl<'header> Scanner<'header> {
    fn skip_while(&mut self, matches: impl Fn(char) -> bool) {
        self.0 = self.0.trim_start_matches(matches);
    }

    fn take(&mut self, expected: char) -> bool {
        self.skip_while(is_space);
        match self.0.strip_prefix(expected) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn until(&mut self, ends: &[char]) -> &'header str {
        let (found, rest) = self.0.split_at(self.0.find(ends).unwrap_or(self.0.len()));
        self.0 = rest;
        found.trim_matches(is_space)
    }

    /// `<target>`
    fn target(&mut self) -> Result<&'header str, MalformedLink> {
        if !self.take('<') {
            return Err(MalformedLink);
        }
        let target = self.until(&['>']);
        if self.take('>') { Ok(target) } else { Err(MalformedLink) }
    }

    /// Parses the parameters of a link and returns whether its relation is `next`.
    ///
    /// A link with an `anchor` has another document as its context. Of several `rel`, RFC 8288 uses the first.
    fn is_next(&mut self) -> Result<bool, MalformedLink> {
        let (mut relation, mut anchored) = (None, false);
        while self.take(';') {
            let name = self.until(&['=', ';', ',']);
            let value = if self.take('=') { self.value()? } else { "" };
            anchored |= name.eq_ignore_ascii_case("anchor");
            if name.eq_ignore_ascii_case("rel") && relation.is_none() {
                relation = Some(value);
            }
        }
        if !self.0.is_empty() && !self.0.starts_with(',') {
            return Err(MalformedLink);
        }
        let named = relation.is_some_and(|relation| {
            relation.split_ascii_whitespace().any(|relation| relation.eq_ignore_ascii_case("next"))
        });
        Ok(named && !anchored)
    }

    /// A token or a quoted string. Relations need no unescaping.
    fn value(&mut self) -> Result<&'header str, MalformedLink> {
        if !self.take('"') {
            return Ok(self.until(&[';', ',']));
        }
        let mut escaped = false;
        let end = self.0.find(|character| {
            let closes = character == '"' && !escaped;
            escaped = character == '\\' && !escaped;
            closes
        });
        let (value, rest) = end.and_then(|end| self.0.split_at_checked(end)).ok_or(MalformedLink)?;
        self.0 = rest.strip_prefix('"').unwrap_or(rest);
        self.skip_while(is_space);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn next_target_is_found_in_every_spelling_of_rfc_8288() {
        let headers = [
            (r#"<https://a.example/?page=2>; rel="next""#, Some("https://a.example/?page=2")),
            (r#"<https://a.example/?p=1,2;3>; rel=next"#, Some("https://a.example/?p=1,2;3")),
            (r#"</p/1>; rel="prev", </p/3>; rel="next", </p/9>; rel="last""#, Some("/p/3")),
            (r#"</p/3> ; title="a, \"b\"; rel=prev" ; rel = "next""#, Some("/p/3")),
            (r#"</p/3>;REL="Last Next""#, Some("/p/3")),
            (r#", ,</p/3>;rel=next,"#, Some("/p/3")),
            (r#"<>; rel=next"#, Some("")),
            (r#"</p/3>; rel=next; rel=prev"#, Some("/p/3")),
            (r#"</p/3>; rel=prev; rel=next"#, None),
            (r#"</p/3>; rel="next"; anchor="/other""#, None),
            (r#"</p/3>; crossorigin; rel=next"#, Some("/p/3")),
            (r#"</p/1>; rel="prev""#, None),
            (r#"</p/1>; rel="nextdoor""#, None),
            (r#"</p/1>"#, None),
            ("", None),
            ("  ", None),
        ];
        for (header, expected) in headers {
            assert_eq!(next_target(header), Ok(expected), "{header}");
        }
    }

    #[test]
    fn malformed_header_is_an_error_not_the_last_page() {
        for header in
            ["https://a.example/?page=2", "</p/3; rel=next", "</p/3> rel=next", r#"</p/3>; rel="next"#]
        {
            assert_eq!(next_target(header), Err(MalformedLink), "{header}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_headers_do_not_panic(header in r#"[<>;,=" \\a-zé]{0,40}"#) {
            let _ = next_target(&header);
        }

        #[test]
        fn target_reads_back_among_other_links(target in "[^<>\"]{0,30}", title in "[^\"\\\\]{0,30}") {
            let header = format!("</before>; title=\"{title}\", <{target}>; title=\"{title}\"; rel=\"next\"");
            prop_assert_eq!(next_target(&header), Ok(Some(target.trim_matches(is_space))));
        }
    }
}
