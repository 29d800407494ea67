//! What the evaluation for one record may use: steps and memory.

use std::cell::{Cell, RefCell};

use bumpalo::Bump;

use super::evaluation_error::EvaluationErrorKind;
use super::limits::{BYTES_PER_STEP, MAX_BYTES, MAX_ELEMENTS, MAX_STEPS, MAX_TEXT};

/// The steps and the memory that the expressions of one record share.
///
/// All values of the record are in one region, which is released at once and used again for the next record. Nothing is
/// allocated before a value needs it.
#[derive(Debug)]
pub struct Budget {
    region: Bump,
    steps: Cell<u32>,
    /// A text that grows before it goes into the region.
    text: RefCell<String>,
}

/// Above this, memory is given back after a record.
const KEPT: usize = 1 << 20;

impl Budget {
    /// The budget of a record.
    #[must_use]
    pub fn new() -> Self {
        let region = Bump::new();
        region.set_allocation_limit(Some(MAX_BYTES));
        Self { region, steps: Cell::new(MAX_STEPS), text: RefCell::default() }
    }

    /// Makes it the budget of another record, with the memory of the last one.
    pub fn renew(&mut self) {
        self.steps.set(MAX_STEPS);
        if self.region.allocated_bytes() > KEPT {
            *self = Self::new();
        } else {
            self.region.reset();
        }
    }

    /// How many steps were taken.
    #[must_use]
    pub fn steps(&self) -> u32 {
        MAX_STEPS - self.steps.get()
    }

    /// Takes steps.
    pub(super) fn spend(&self, steps: usize) -> Result<(), EvaluationErrorKind> {
        let left = u32::try_from(steps).ok().and_then(|steps| self.steps.get().checked_sub(steps));
        self.steps.set(left.unwrap_or_default());
        left.map(|_| ()).ok_or(EvaluationErrorKind::Steps)
    }

    /// Takes the steps for reading or writing so many bytes.
    pub(super) fn spend_bytes(&self, bytes: usize) -> Result<(), EvaluationErrorKind> {
        self.spend(bytes / BYTES_PER_STEP)
    }

    /// Keeps a value of the record.
    ///
    /// # Errors
    /// When the memory is used up.
    pub fn keep<T: Copy>(&self, value: T) -> Result<&T, EvaluationErrorKind> {
        self.region.try_alloc(value).map(|kept| &*kept).map_err(|_| EvaluationErrorKind::OutOfMemory)
    }

    /// Keeps values of the record, however many.
    ///
    /// # Errors
    /// When the memory is used up.
    pub fn keep_all<T: Copy>(&self, values: &[T]) -> Result<&[T], EvaluationErrorKind> {
        self.region
            .try_alloc_slice_copy(values)
            .map(|kept| &*kept)
            .map_err(|_| EvaluationErrorKind::OutOfMemory)
    }

    /// Keeps a text of the record, however long.
    ///
    /// # Errors
    /// When the memory is used up.
    pub fn keep_text(&self, text: &str) -> Result<&str, EvaluationErrorKind> {
        self.region.try_alloc_str(text).map(|kept| &*kept).map_err(|_| EvaluationErrorKind::OutOfMemory)
    }

    /// Builds a list or the entries of a map.
    pub(super) fn build<T: Copy>(&self, values: &[T]) -> Result<&[T], EvaluationErrorKind> {
        self.check_elements(values.len())?;
        self.spend(values.len())?;
        self.keep_all(values)
    }

    /// Whether a list or map of so many elements may be built.
    pub(super) fn check_elements(&self, elements: usize) -> Result<(), EvaluationErrorKind> {
        if elements > MAX_ELEMENTS { Err(EvaluationErrorKind::Elements) } else { Ok(()) }
    }

    /// Whether a text, or bytes, of so many bytes may be built.
    pub(super) fn check_bytes(&self, bytes: usize) -> Result<(), EvaluationErrorKind> {
        if bytes > MAX_TEXT { Err(EvaluationErrorKind::Text) } else { Ok(()) }
    }

    /// Builds bytes.
    pub(super) fn build_bytes(&self, bytes: &[u8]) -> Result<&[u8], EvaluationErrorKind> {
        self.check_bytes(bytes.len())?;
        self.spend_bytes(bytes.len())?;
        self.keep_all(bytes)
    }

    /// Builds a text. `write` may write no more than [`TextBuilder`] takes, and must not build another one.
    pub(super) fn build_text(
        &self,
        write: impl FnOnce(&mut TextBuilder<'_>) -> Result<(), EvaluationErrorKind>,
    ) -> Result<&str, EvaluationErrorKind> {
        let mut text = self.text.try_borrow_mut().map_err(|_| EvaluationErrorKind::OutOfMemory)?;
        text.clear();
        text.shrink_to(KEPT);
        write(&mut TextBuilder { text: &mut text })?;
        self.spend_bytes(text.len())?;
        self.keep_text(&text)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

/// A text that is being built and has an end.
pub(super) struct TextBuilder<'t> {
    text: &'t mut String,
}

impl TextBuilder<'_> {
    pub(super) fn push(&mut self, text: &str) -> Result<(), EvaluationErrorKind> {
        if self.text.len() + text.len() > MAX_TEXT {
            return Err(EvaluationErrorKind::Text);
        }
        self.text.push_str(text);
        Ok(())
    }

    pub(super) fn push_character(&mut self, character: char) -> Result<(), EvaluationErrorKind> {
        self.push(character.encode_utf8(&mut [0; 4]))
    }

    /// Adds what `write` writes, which is short.
    pub(super) fn write(&mut self, write: impl FnOnce(&mut String)) -> Result<(), EvaluationErrorKind> {
        write(self.text);
        if self.text.len() > MAX_TEXT { Err(EvaluationErrorKind::Text) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_up_budget_fails_until_it_is_renewed() {
        let mut budget = Budget::new();
        assert_eq!(budget.spend(MAX_STEPS as usize), Ok(()));
        assert_eq!(budget.spend(1), Err(EvaluationErrorKind::Steps));
        assert_eq!(budget.spend(usize::MAX), Err(EvaluationErrorKind::Steps));
        let text = "x".repeat(MAX_TEXT);
        let kept = (0..100).take_while(|_| budget.keep_text(&text).is_ok()).count();
        assert!((4..MAX_BYTES / MAX_TEXT).contains(&kept), "{kept} MiB");
        budget.renew();
        assert_eq!(budget.steps(), 0);
        assert_eq!(budget.keep_text("a"), Ok("a"));
    }

    #[test]
    fn what_is_built_has_a_length() {
        let budget = Budget::new();
        assert_eq!(budget.build(&vec![0; MAX_ELEMENTS + 1]), Err(EvaluationErrorKind::Elements));
        assert_eq!(budget.build(&[1, 2]), Ok(&[1, 2][..]));
        let half = "x".repeat(MAX_TEXT / 2 + 1);
        let doubled = budget.build_text(|text| text.push(&half).and_then(|()| text.push(&half)));
        assert_eq!(doubled, Err(EvaluationErrorKind::Text));
        assert_eq!(budget.build_text(|text| text.push("ab")), Ok("ab"));
        assert_eq!(budget.build_bytes(&vec![0; MAX_TEXT + 1]), Err(EvaluationErrorKind::Text));
    }
}
