//! Typed values of one record.
//!
//! The cells of a record are one vector, in the order of the schema's fields. Text and bytes are not copied: a cell
//! holds a [`Span`] of the input, or of the few bytes that were computed (unescaped text, decoded base64, the result of
//! an expression), which follow the input.

/// A range of bytes: below the length of the input in the input, above it in the computed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    start: u32,
    length: u32,
}

/// One typed value, of its field's type. `Absent` is a missing or null value.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Cell {
    /// No value: unset in the table, never written as null.
    #[default]
    Absent,
    /// `boolean`
    Boolean(bool),
    /// `int`, 32 bits
    Int(i32),
    /// `long`, 64 bits
    Long(i64),
    /// `double`
    Double(f64),
    /// `decimal`: `unscaled` × 10^-`scale`
    Decimal {
        /// All digits as one integer.
        unscaled: i128,
        /// How many of them are behind the decimal point.
        scale: i32,
    },
    /// `string`, UTF-8
    Text(Span),
    /// `uuid`, in network byte order
    Uuid([u8; 16]),
    /// `timestamp`, milliseconds since the Unix epoch
    Timestamp(i64),
    /// `date`, days since the Unix epoch
    Date(i32),
    /// `bytes`
    Bytes(Span),
}

/// The cells of one record, and the bytes that were computed for them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cells {
    cells: Vec<Cell>,
    computed: Vec<u8>,
    /// Length of the input that spans refer to.
    input: usize,
}

impl Cells {
    /// Resets to `fields` absent cells over an input of `input` bytes. Keeps the memory.
    pub fn reset(&mut self, fields: usize, input: usize) {
        self.cells.clear();
        self.cells.resize(fields, Cell::Absent);
        self.computed.clear();
        self.input = input;
    }

    /// The cell of a field. Absent when the field does not exist.
    pub fn get(&self, field: usize) -> Cell {
        self.cells.get(field).copied().unwrap_or_default()
    }

    /// Sets the cell of a field. Ignores a field beyond those of [`reset`](Self::reset).
    pub fn set(&mut self, field: usize, cell: Cell) {
        if let Some(slot) = self.cells.get_mut(field) {
            *slot = cell;
        }
    }

    /// The number of fields.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there are no fields at all.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// A span of the input. None when `part` is not a part of `input`.
    pub fn borrow(&self, input: &[u8], part: &[u8]) -> Option<Span> {
        let start = (part.as_ptr() as usize).checked_sub(input.as_ptr() as usize)?;
        let inside = start.checked_add(part.len()).is_some_and(|end| end <= input.len());
        inside.then(|| Span::new(start, part.len())).flatten()
    }

    /// Copies bytes that are not in the input. None when the record would exceed 4 GiB.
    pub fn make(&mut self, bytes: &[u8]) -> Option<Span> {
        let span = Span::new(self.input.checked_add(self.computed.len())?, bytes.len())?;
        self.computed.extend_from_slice(bytes);
        Some(span)
    }

    /// The bytes of a span. `input` is what the spans refer to.
    pub fn bytes<'a>(&'a self, input: &'a [u8], span: Span) -> &'a [u8] {
        let (start, length) = (span.start as usize, span.length as usize);
        let found = match start.checked_sub(self.input) {
            None => input.get(start..start.saturating_add(length)),
            Some(behind) => self.computed.get(behind..behind.saturating_add(length)),
        };
        found.unwrap_or_default()
    }

    /// The text of a span. Empty when it is not UTF-8, which no mapper produces.
    pub fn text<'a>(&'a self, input: &'a [u8], span: Span) -> &'a str {
        std::str::from_utf8(self.bytes(input, span)).unwrap_or_default()
    }
}

impl Span {
    fn new(start: usize, length: usize) -> Option<Self> {
        Some(Self { start: u32::try_from(start).ok()?, length: u32::try_from(length).ok()? })
    }

    /// Length in bytes.
    pub fn len(self) -> usize {
        self.length as usize
    }

    /// Whether there are no bytes.
    pub fn is_empty(self) -> bool {
        self.length == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borrowed_and_copied_bytes_are_found() {
        let input = b"{\"a\":\"text\"}";
        let mut cells = Cells::default();
        cells.reset(2, input.len());
        let borrowed = cells.borrow(input, &input[6..10]).unwrap();
        let made = cells.make("né".as_bytes()).unwrap();
        cells.set(0, Cell::Text(borrowed));
        cells.set(1, Cell::Text(made));
        assert_eq!(cells.text(input, borrowed), "text");
        assert_eq!(cells.text(input, made), "né");
        assert_eq!(cells.get(2), Cell::Absent);
    }

    #[test]
    fn bytes_outside_of_the_input_are_not_borrowed() {
        let mut cells = Cells::default();
        cells.reset(1, 4);
        assert_eq!(cells.borrow(b"abcd", b"elsewhere"), None);
    }
}
