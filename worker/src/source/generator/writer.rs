//! Appends fixed and random text and numbers to a buffer.

use crate::runtime::SplitMix64;

/// A buffer and the random numbers that determine what is appended to it.
pub(super) struct Writer<'buffer> {
    pub(super) buffer: &'buffer mut Vec<u8>,
    pub(super) random: SplitMix64,
}

impl Writer<'_> {
    pub(super) fn text(&mut self, text: &str) {
        self.buffer.extend_from_slice(text.as_bytes());
    }

    pub(super) fn one_of(&mut self, texts: &[&str]) {
        if let Some(text) = self.random.pick(texts) {
            self.buffer.extend_from_slice(text.as_bytes());
        }
    }

    pub(super) fn number(&mut self, number: u32) {
        self.padded(number, 1);
    }

    /// Appends a decimal number, left-padded with zeros to `width` digits.
    pub(super) fn padded(&mut self, number: u32, width: usize) {
        let mut digits = [b'0'; 10];
        let mut rest = number;
        let mut used = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
            used += 1;
            if rest == 0 {
                break;
            }
        }
        let start = digits.len() - used.max(width);
        self.buffer.extend_from_slice(digits.get(start..).unwrap_or_default());
    }

    pub(super) fn hex(&mut self, bytes: &[u8]) {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        self.buffer.extend(
            bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).map(|digit| DIGITS[digit as usize]),
        );
    }

    /// Appends degrees with four decimals, between `-bound` and `bound`.
    pub(super) fn coordinate(&mut self, bound: u32) {
        let value = self.random.below(2 * bound * 10_000);
        let (sign, value) = if value & 1 == 1 { ("-", value / 2) } else { ("", value / 2) };
        self.text(sign);
        self.number(value / 10_000);
        self.text(".");
        self.padded(value % 10_000, 4);
    }

    /// Appends eight random letters and digits.
    pub(super) fn salt(&mut self) {
        const LETTERS: [u8; 64] = *b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789AZ";
        let mut bits = self.random.next();
        for _ in 0..8 {
            self.buffer.push(LETTERS[(bits & 63) as usize]);
            bits >>= 6;
        }
    }

    /// Appends a template of [`super::nations`] with its placeholders filled.
    pub(super) fn template(&mut self, template: &str) {
        // 64 bits hold 19 decimal digits; the longest template takes 15 draws.
        let mut bits = self.random.next();
        let mut draw = |bound: u64| {
            let drawn = bits % bound;
            bits /= bound;
            drawn as u8
        };
        let filled = template.bytes().map(|byte| match byte {
            b'#' => b'0' + draw(10),
            b'!' => b'1' + draw(9),
            b'?' => b'A' + draw(26),
            other => other,
        });
        self.buffer.extend(filled);
    }
}
