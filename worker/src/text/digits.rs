//! Decimal digits at fixed places of a text.

/// The number that `length` ASCII digits at `start` stand for. None when there are fewer, or other bytes among them.
/// `length` is at most 9, so that the number fits.
pub(super) fn number(bytes: &[u8], start: usize, length: usize) -> Option<u32> {
    let mut number = 0;
    for byte in bytes.get(start..start.checked_add(length)?)? {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + u32::from(digit);
    }
    Some(number)
}

/// Appends `number` with leading zeros to `width` digits; digits beyond that are left out.
pub(super) fn push(out: &mut Vec<u8>, number: u32, width: u32) {
    let mut place = 10_u32.pow(width.saturating_sub(1));
    for _ in 0..width {
        // A remainder of 10 fits a byte.
        out.push(b'0' + (number / place % 10) as u8);
        place = (place / 10).max(1);
    }
}
