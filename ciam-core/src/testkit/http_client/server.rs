//! A small HTTP server on the loopback interface that answers as it is told.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::testkit::suite::Violation;

/// What the server does after it has read a request.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// Says this and closes.
    Text(Vec<u8>),
    /// Says this after a while.
    Late(Duration, Vec<u8>),
    /// Says the first text, then a byte of the second after each pause.
    Drip(Vec<u8>, Vec<u8>, Duration),
    /// A body of so many bytes.
    Flood(usize),
    /// The path of the request, as the body.
    Path,
}

impl Answer {
    /// A whole response with this status line, these further header lines and this body.
    pub(super) fn with(status: &str, headers: &str, body: &[u8]) -> Self {
        Self::Text(whole(status, headers, body))
    }

    pub(super) fn ok(body: &[u8]) -> Self {
        Self::with("200 OK", "", body)
    }
}

/// A whole response.
pub(super) fn whole(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A listening server; it stops when it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    answer: Answer,
    stopped: AtomicBool,
    connections: AtomicUsize,
    asked: Mutex<Vec<String>>,
    /// Per answer that is over: whether all of it could be sent.
    over: Mutex<Vec<bool>>,
}

impl Server {
    pub(super) fn start(answer: Answer) -> Result<Self, Violation> {
        let failed = |error: std::io::Error| Violation::new(format!("no loopback server: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared {
            answer,
            stopped: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            asked: Mutex::default(),
            over: Mutex::default(),
        });
        let server = Self { address, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.serve(stream));
            }
        });
        Ok(server)
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) const fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections were opened to it.
    pub(super) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The requests that arrived, whole, head and body.
    pub(super) fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// For each answer that is over, whether all of it could be sent.
    pub(super) fn over(&self) -> Vec<bool> {
        self.shared.over.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for connections.
        let _woken = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        let patience = Some(Duration::from_secs(5));
        if stream.set_read_timeout(patience).and_then(|()| stream.set_write_timeout(patience)).is_err() {
            return;
        }
        let Some(asked) = read_request(&mut stream) else { return };
        let path = asked.split(' ').nth(1).unwrap_or_default().to_owned();
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        let sent = match &self.answer {
            Answer::Text(text) => stream.write_all(text),
            Answer::Late(pause, text) => {
                thread::sleep(*pause);
                stream.write_all(text)
            }
            Answer::Drip(first, drops, pause) => stream.write_all(first).and_then(|()| {
                drops.iter().try_for_each(|drop| {
                    thread::sleep(*pause);
                    stream.write_all(&[*drop])
                })
            }),
            Answer::Flood(total) => flood(&mut stream, *total),
            Answer::Path => stream.write_all(&whole("200 OK", "", path.as_bytes())),
        };
        self.over.lock().unwrap_or_else(PoisonError::into_inner).push(sent.is_ok());
    }
}

fn flood(stream: &mut TcpStream, total: usize) -> std::io::Result<()> {
    let chunk = vec![b'x'; 0x1_0000];
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n")?;
    for _ in 0..total.div_ceil(chunk.len()) {
        stream.write_all(b"10000\r\n")?;
        stream.write_all(&chunk)?;
        stream.write_all(b"\r\n")?;
    }
    stream.write_all(b"0\r\n\r\n")
}

/// Reads a request with its body; `None` when the client goes away before.
fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut asked = Vec::new();
    let mut buffer = [0; 4_096];
    while !is_whole(&asked) {
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => asked.extend_from_slice(buffer.get(..read)?),
            _ => return None,
        }
    }
    Some(String::from_utf8_lossy(&asked).into_owned())
}

fn is_whole(asked: &[u8]) -> bool {
    let text = String::from_utf8_lossy(asked);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    body.len() >= length.unwrap_or(0)
}
