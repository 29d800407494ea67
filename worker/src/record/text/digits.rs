//! Decimal digits at fixed positions of a text.

/// Parses exactly `length` ASCII digits at `start`. `length` is at most 9, so that the number fits.
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

/// Fills `places` with the last digits of a number, with leading zeros.
pub(super) fn fill(places: &mut [u8], mut number: u32) {
    for place in places.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
}
