//! Polling for a state that emits no notification.

use std::time::Duration;

use tokio::time::Instant;

/// Calls `probe` every 50 ms until it returns `Ok`, and returns its value.
///
/// The error of the probe describes the state that it found instead. A failing test prints the last one.
///
/// # Panics
/// When `within` has passed without a success.
pub async fn poll_until<T, F, Fut>(what: &str, within: Duration, mut probe: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + within;
    loop {
        let found = match probe().await {
            Ok(value) => return value,
            Err(found) => found,
        };
        assert!(Instant::now() < deadline, "waited {within:?} until {what}; found: {found}");
        // sleep-ok: interval of a poll with a deadline; other processes cannot notify this one
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn first_success_is_returned() {
        let calls = Cell::new(0);
        let value = poll_until("it is the third call", Duration::from_secs(1), async || {
            calls.set(calls.get() + 1);
            if calls.get() == 3 { Ok("third") } else { Err(format!("call {}", calls.get())) }
        });
        assert_eq!((value.await, calls.get()), ("third", 3));
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "waited 1s until pigs fly; found: a pig")]
    async fn deadline_panics_with_the_last_error() {
        poll_until::<(), _, _>("pigs fly", Duration::from_secs(1), async || Err("a pig".to_owned())).await;
    }
}
