//! A server on loopback that writes exactly the bytes of a test, valid or not.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A received request.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// `GET /path?query HTTP/1.1`
    pub(crate) line: String,
    /// Names in lower case, in the order of the request.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// A step of the server's response.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Writes these bytes.
    Send(Vec<u8>),
    /// Writes these bytes repeatedly until the client disconnects.
    Endless(Vec<u8>),
    /// Writes a byte every few milliseconds until the client disconnects.
    Drip(u8),
    /// Writes nothing until the client disconnects.
    Hang,
    /// Closes the connection.
    Close,
}

/// A response with a content length. The connection stays open.
pub(crate) fn response(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<Step> {
    let mut head = format!("HTTP/1.1 {status} Reason\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    vec![Step::Send([head.as_bytes(), b"\r\n", body].concat())]
}

/// Status 200 with JSON.
pub(crate) fn json(body: &str) -> Vec<Step> {
    response(200, &[("content-type", "application/json")], body.as_bytes())
}

type Script = dyn Fn(usize, &Received) -> Vec<Step> + Send + Sync;

/// A running server; stopped when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    received: Arc<Mutex<Vec<Received>>>,
    serving: JoinHandle<()>,
}

impl Server {
    /// Serves on a free port of `127.0.0.1`. The script receives the index of the request, from 0.
    pub(crate) async fn start(
        script: impl Fn(usize, &Received) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        Self::start_on("127.0.0.1", None, script).await
    }

    /// Serves on a free port of any loopback address, optionally over TLS.
    pub(crate) async fn start_on(
        host: &str,
        tls: Option<TlsAcceptor>,
        script: impl Fn(usize, &Received) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let received = Arc::new(Mutex::new(Vec::new()));
        let serving = tokio::spawn({
            let (connections, received, script) =
                (Arc::clone(&connections), Arc::clone(&received), Arc::new(script));
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    connections.fetch_add(1, Ordering::SeqCst);
                    let (received, script, tls) = (Arc::clone(&received), Arc::clone(&script), tls.clone());
                    tokio::spawn(async move {
                        match tls {
                            None => serve(stream, &*script, &received).await,
                            // A client that does not trust the certificate aborts the handshake.
                            Some(tls) => match tls.accept(stream).await {
                                Ok(stream) => serve(stream, &*script, &received).await,
                                Err(_) => None,
                            },
                        }
                    });
                }
            }
        });
        Self { address, connections, received, serving }
    }

    /// The URL of a path on this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The number of accepted connections.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The requests so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Serves one connection until either side closes it.
async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: &Script,
    received: &Mutex<Vec<Received>>,
) -> Option<()> {
    loop {
        let request = read(&mut stream).await?;
        let steps = {
            let mut received = received.lock().unwrap();
            let steps = script(received.len(), &request);
            received.push(request);
            steps
        };
        for step in steps {
            match step {
                Step::Send(bytes) => stream.write_all(&bytes).await.ok()?,
                Step::Endless(bytes) => loop {
                    stream.write_all(&bytes).await.ok()?;
                },
                Step::Drip(byte) => {
                    let mut interval = tokio::time::interval(std::time::Duration::from_millis(5));
                    loop {
                        interval.tick().await;
                        stream.write_all(&[byte]).await.ok()?;
                        stream.flush().await.ok()?;
                    }
                }
                Step::Hang => {
                    let mut rest = Vec::new();
                    stream.read_to_end(&mut rest).await.ok()?;
                    return None;
                }
                Step::Close => {
                    let _ = stream.shutdown().await;
                    return None;
                }
            }
        }
        stream.flush().await.ok()?;
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Received> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(bytes).unwrap();
    let mut lines = head.lines();
    let line = lines.next().unwrap_or_default().to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Received { line, headers, body: String::from_utf8(body).unwrap() })
}
