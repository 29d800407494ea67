//! Waiting for a result that a test cannot be told of.

use std::time::Duration;

use tokio::time::Instant;

/// Asks `probe` again and again until it answers, and returns the answer.
///
/// The probe's error says what was seen instead; it is what a failing test prints.
///
/// # Panics
/// When `within` has passed without an answer.
pub async fn poll_until<T, F, Fut>(what: &str, within: Duration, mut probe: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + within;
    loop {
        let seen = match probe().await {
            Ok(answer) => return answer,
            Err(seen) => seen,
        };
        assert!(Instant::now() < deadline, "waited {within:?} until {what}; saw: {seen}");
        // sleep-ok: the pace of a poll with a deadline; other processes cannot notify this one
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn first_success_is_returned() {
        let asked = Cell::new(0);
        let answer = poll_until("it is the third time", Duration::from_secs(1), async || {
            asked.set(asked.get() + 1);
            if asked.get() == 3 { Ok("third") } else { Err(format!("time {}", asked.get())) }
        });
        assert_eq!((answer.await, asked.get()), ("third", 3));
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "waited 1s until pigs fly; saw: a pig")]
    async fn deadline_panics_with_the_last_error() {
        poll_until::<(), _, _>("pigs fly", Duration::from_secs(1), async || Err("a pig".to_owned())).await;
    }
}
