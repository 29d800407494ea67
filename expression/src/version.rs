//! Semantic versions.

use std::cmp::Ordering;

/// A version of [Semantic Versioning 2.0](https://semver.org). What is built into it has no part in its order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Version<'a> {
    pub(super) numbers: [u64; 3],
    prerelease: &'a str,
}

impl<'a> Version<'a> {
    /// Reads a version.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (text, build) = split_once_or(text, '+');
        let (core, prerelease) = split_once_or(text, '-');
        let mut parts = core.split('.');
        let mut number = || parts.next().filter(|part| is_number(part))?.parse().ok();
        let numbers = [number()?, number()?, number()?];
        let well_formed = parts.next().is_none()
            && prerelease
                .is_none_or(|it| it.split('.').all(|part| is_identifier(part) && !has_leading_zero(part)))
            && build.is_none_or(|it| it.split('.').all(is_identifier));
        well_formed.then_some(Self { numbers, prerelease: prerelease.unwrap_or_default() })
    }

    /// The order of precedence.
    pub(super) fn compare(self, other: Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (self.prerelease, other.prerelease) {
            ("", "") => Ordering::Equal,
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (left, right) => compare_prereleases(left, right),
        })
    }
}

impl PartialEq for Version<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.compare(*other).is_eq()
    }
}

/// The strict spelling of a version that may have a `v` before it, leading zeros, and fewer than three numbers.
pub(super) fn normalized(text: &str, out: &mut String) {
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (core, rest) = text.split_at(end);
    let count = core.split('.').count();
    for (position, part) in core.split('.').enumerate() {
        if position > 0 {
            out.push('.');
        }
        let number = part.trim_start_matches('0');
        out.push_str(if number.is_empty() && !part.is_empty() { "0" } else { number });
    }
    (count..3).for_each(|_| out.push_str(".0"));
    out.push_str(rest);
}

fn split_once_or(text: &str, separator: char) -> (&str, Option<&str>) {
    text.split_once(separator).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn is_digits(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_number(part: &str) -> bool {
    is_digits(part) && !has_leading_zero(part)
}

fn has_leading_zero(part: &str) -> bool {
    part.len() > 1 && part.starts_with('0') && is_digits(part)
}

fn is_identifier(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn compare_prereleases(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(left), Some(right)) => {
                let order = match (is_digits(left), is_digits(right)) {
                    (true, true) => left.len().cmp(&right.len()).then_with(|| left.cmp(right)),
                    (true, false) => Ordering::Less,
                    (false, true) => Ordering::Greater,
                    (false, false) => left.cmp(right),
                };
                if order.is_ne() {
                    return order;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_precedence() {
        let ordered = [
            "0.9.0",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.2.0",
            "1.10.0",
            "2.0.0",
        ];
        for pair in ordered.windows(2) {
            let [left, right] = [pair[0], pair[1]].map(|text| Version::parse(text).unwrap());
            assert_eq!(left.compare(right), Ordering::Less, "{pair:?}");
        }
        assert_eq!(Version::parse("1.0.0+a"), Version::parse("1.0.0+b"));
        for text in [
            "",
            "1",
            "1.2",
            "v1.2.3",
            "01.2.3",
            "1.2.3-",
            "1.2.3-01",
            "1.2.3-a..b",
            "1.2.3+",
            "1.2.3.4",
            "a.b.c",
        ] {
            assert!(Version::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn lenient_versions_have_a_strict_spelling() {
        for (lenient, strict) in [
            ("v1", "1.0.0"),
            ("1.2", "1.2.0"),
            ("01.002.3", "1.2.3"),
            ("V0.0.0-rc.1+b", "0.0.0-rc.1+b"),
            ("1..2", "1..2"),
        ] {
            let mut out = String::new();
            normalized(lenient, &mut out);
            assert_eq!(out, strict, "{lenient}");
        }
    }
}
