//! The operator's own lines: JSON, whatever is told, a panic too.

use std::panic::PanicHookInfo;

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

/// Has everything from here on told as JSON on stderr.
pub(crate) fn init() {
    let filter = EnvFilter::builder().with_default_directive(tracing::Level::INFO.into()).from_env_lossy();
    lines(filter, std::io::stderr).init();
    std::panic::set_hook(Box::new(tell));
}

fn lines<W>(filter: EnvFilter, writer: W) -> impl SubscriberInitExt
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt().with_env_filter(filter).with_writer(writer);
    lines.json().flatten_event(true).with_current_span(true).finish()
}

/// One line, with the span in which it happened.
fn tell(panic: &PanicHookInfo<'_>) {
    tracing::error!(%panic, "this is a bug");
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    #[test]
    fn a_panic_is_one_line_of_json_that_names_the_reconcile() {
        let told = Arc::new(Mutex::new(std::io::Cursor::new(Vec::new())));
        // The other tests' panics are told as before, too.
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            tell(panic);
            before(panic);
        }));
        let lines = lines(EnvFilter::new("info"), Shared(told.clone()));
        tracing::dispatcher::with_default(&lines.into(), || {
            let span = tracing::info_span!("reconcile", reconcile_id = "0123456789");
            let panicked = span.in_scope(|| std::panic::catch_unwind(|| panic!("two\nlines")));
            assert!(panicked.is_err());
        });
        let text = String::from_utf8(told.lock().unwrap().get_ref().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "ERROR", "{text}");
        assert_eq!(line["span"]["reconcile_id"], "0123456789", "{text}");
        assert!(line["panic"].as_str().is_some_and(|panic| panic.contains("two\nlines")), "{text}");
    }

    #[derive(Clone)]
    struct Shared(Arc<Mutex<std::io::Cursor<Vec<u8>>>>);

    impl std::io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Shared {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }
}
