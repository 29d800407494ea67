//! The operator's log: JSON lines, panics included.

use std::panic::PanicHookInfo;

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

/// kube logs each failed call at ERROR. Callers log it with context and retry state; this crate keeps ERROR for bugs.
const CLIENT_OFF: &str = "kube_client::client::builder=off";

/// Starts logging to stderr, also of panics.
pub(crate) fn init() {
    lines(filter(&std::env::var("RUST_LOG").unwrap_or_default()), std::io::stderr).init();
    std::panic::set_hook(Box::new(log_panic));
}

/// The filter of `RUST_LOG`. Naming kube in it turns the client's log on.
fn filter(directives: &str) -> EnvFilter {
    let level = tracing::Level::INFO.into();
    let filter = EnvFilter::builder().with_default_directive(level).parse_lossy(directives);
    match CLIENT_OFF.parse() {
        Ok(off) if !directives.contains("kube") => filter.add_directive(off),
        _ => filter,
    }
}

fn lines<W>(filter: EnvFilter, writer: W) -> impl SubscriberInitExt
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt().with_env_filter(filter).with_writer(writer);
    lines.json().flatten_event(true).with_current_span(true).finish()
}

/// Logs a panic as one line, with the span in which it happened.
fn log_panic(panic: &PanicHookInfo<'_>) {
    tracing::error!(%panic, "this is a bug");
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    #[test]
    fn panic_is_one_json_line_with_the_reconcile_id() {
        let written = Arc::new(Mutex::new(std::io::Cursor::new(Vec::new())));
        // The panics of other tests are still printed by their own hook.
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            log_panic(panic);
            before(panic);
        }));
        let lines = lines(EnvFilter::new("info"), Shared(written.clone()));
        tracing::dispatcher::with_default(&lines.into(), || {
            let span = tracing::info_span!("reconcile", reconcile_id = "0123456789");
            let _entered = span.enter();
            let panicked = std::panic::catch_unwind(|| panic!("two\nlines"));
            assert!(panicked.is_err());
        });
        let text = String::from_utf8(written.lock().unwrap().get_ref().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "ERROR", "{text}");
        assert_eq!(line["span"]["reconcile_id"], "0123456789", "{text}");
        assert!(line["panic"].as_str().is_some_and(|panic| panic.contains("two\nlines")), "{text}");
    }

    #[test]
    fn failed_calls_of_the_client_are_not_logged() {
        let logged = |directives: &str| {
            let written = Arc::new(Mutex::new(std::io::Cursor::new(Vec::new())));
            tracing::dispatcher::with_default(
                &lines(filter(directives), Shared(written.clone())).into(),
                || {
                    tracing::error!(target: "kube_client::client::builder", "failed with error client error (Connect)");
                    tracing::info!("own line");
                },
            );
            let text = String::from_utf8(written.lock().unwrap().get_ref().clone()).unwrap();
            (text.contains("failed"), text.contains("own line"))
        };
        assert_eq!((logged(""), logged("info")), ((false, true), (false, true)));
        assert_eq!(logged("info,kube=debug"), (true, true));
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
