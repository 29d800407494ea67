//! A thread with its own runtime, for what must not wait for reconciles: the endpoints and the renewal of the Lease.

use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The thread. Dropping it ends its tasks.
#[derive(Debug)]
pub(super) struct BackgroundThread {
    handle: Handle,
    /// Dropped to end the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl BackgroundThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the runtime or the thread cannot be created.
    pub(super) fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new().name("health-and-lease".to_owned()).spawn(move || {
            // Nothing is sent: the sender is dropped.
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// The runtime of the thread.
    pub(super) const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Waits for a future, on the calling thread. Not to be called within a runtime.
    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.handle.block_on(future)
    }
}

impl Drop for BackgroundThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It ends with a panic only if its runtime has a bug.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_run_while_the_calling_thread_blocks() {
        let background = BackgroundThread::start().unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        background.handle().spawn(async move { sender.send(thread::current().name().map(str::to_owned)) });
        assert_eq!(receiver.recv().unwrap().as_deref(), Some("health-and-lease"));
    }

    #[test]
    fn dropping_it_ends_its_tasks() {
        let background = BackgroundThread::start().unwrap();
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        background.handle().spawn(async move {
            let _held = sender;
            std::future::pending::<()>().await;
        });
        drop(background);
        assert!(receiver.recv().is_err());
    }
}
