//! A fake HTTP server on loopback, with a handler for each test.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The target of a request: path and query.
pub(crate) type Target = String;

/// A response.
pub(crate) enum Answer {
    /// With this status and body.
    Complete(u16, String),
    /// With half of this body; then the connection is closed.
    CutOff(String),
}

/// A server that runs until the end of the test.
pub(crate) struct Server {
    address: String,
    requests: Arc<Mutex<Vec<Target>>>,
}

impl Server {
    /// Starts a server that calls `answer` with the target of each request.
    pub(crate) fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<Target>>> = Arc::default();
        let (answer, seen) = (Arc::new(answer), Arc::clone(&requests));
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                // A client may open a connection before it has a request for it, so each has a thread.
                std::thread::spawn(move || {
                    // A killed client breaks its connection; the next connection is a new client.
                    let _ = connection.and_then(|connection| serve(&connection, &*answer, &seen));
                });
            }
        });
        Self { address, requests }
    }

    /// `http://127.0.0.1:PORT`
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The targets of all requests so far.
    pub(crate) fn requests(&self) -> Vec<Target> {
        self.requests.lock().unwrap().clone()
    }
}

/// Serves one request for each connection.
fn serve(
    connection: &TcpStream,
    answer: &impl Fn(&str) -> Answer,
    requests: &Mutex<Vec<Target>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(connection).lines();
    let mut request = Vec::new();
    loop {
        match lines.next().transpose()? {
            Some(line) if line.is_empty() => break,
            Some(line) => request.push(line),
            // The client was killed before it sent a request.
            None => return Ok(()),
        }
    }
    let first = request.swap_remove(0);
    let target = first.split(' ').nth(1).unwrap_or_default().to_owned();
    requests.lock().unwrap().push(target.clone());
    let (status, body, whole) = match answer(&target) {
        Answer::Complete(status, body) => (status, body, true),
        Answer::CutOff(body) => (200, body, false),
    };
    let sent = if whole { body.as_str() } else { &body[..body.len() / 2] };
    let mut connection = connection;
    write!(
        connection,
        "HTTP/1.1 {status} Because\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{sent}",
        body.len()
    )?;
    connection.flush()
}
