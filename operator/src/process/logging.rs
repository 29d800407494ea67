//! The operator's own lines: JSON, whatever is told, a panic too.

use std::panic::PanicHookInfo;

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

/// The client tells of every call that fails as an error. Whoever made the call tells of it too, knows of what it was, and
/// whether it is tried again; an error is told of a bug alone.
const CLIENT_IS_SILENT: &str = "kube_client::client::builder=off";

/// Has everything from here on told as JSON on stderr.
pub(crate) fn init() {
    lines(filter(&std::env::var("RUST_LOG").unwrap_or_default()), std::io::stderr).init();
    std::panic::set_hook(Box::new(tell));
}

/// What is told. Whoever wants to hear of the client names it.
fn filter(directives: &str) -> EnvFilter {
    let level = tracing::Level::INFO.into();
    let filter = EnvFilter::builder().with_default_directive(level).parse_lossy(directives);
    match CLIENT_IS_SILENT.parse() {
        Ok(silent) if !directives.contains("kube") => filter.add_directive(silent),
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

    #[test]
    fn a_call_that_fails_is_no_error_of_the_operators() {
        let told = |directives: &str| {
            let told = Arc::new(Mutex::new(std::io::Cursor::new(Vec::new())));
            tracing::dispatcher::with_default(
                &lines(filter(directives), Shared(told.clone())).into(),
                || {
                    tracing::error!(target: "kube_client::client::builder", "failed with error client error (Connect)");
                    tracing::info!("told");
                },
            );
            let text = String::from_utf8(told.lock().unwrap().get_ref().clone()).unwrap();
            (text.contains("failed"), text.contains("told"))
        };
        assert_eq!((told(""), told("info")), ((false, true), (false, true)));
        assert_eq!(told("info,kube=debug"), (true, true));
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
