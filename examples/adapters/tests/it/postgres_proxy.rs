//! A proxy before PostgreSQL that counts what an adapter asks, and cuts connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// A listening proxy. It reads the frontend's messages, so connections through it are not encrypted.
pub(crate) struct Proxy {
    address: SocketAddr,
    server: Url,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    executed: AtomicUsize,
    cuts: AtomicBool,
}

impl Proxy {
    /// A proxy before the server of this URL.
    pub(crate) async fn before(server: &str) -> Self {
        let server = Url::parse(server).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let proxy = Self { address: listener.local_addr().unwrap(), server, state: Arc::default() };
        let target = (proxy.server.host_str().unwrap().to_owned(), proxy.server.port().unwrap_or(5432));
        let state = Arc::clone(&proxy.state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(target.clone()).await.unwrap();
                tokio::spawn(relay(client, server, Arc::clone(&state)));
            }
        });
        proxy
    }

    /// The URL of the database through this proxy.
    pub(crate) fn url(&self) -> String {
        let mut url = self.server.clone();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url.set_query(Some("sslmode=disable"));
        url.into()
    }

    /// How many statements were executed since the last time: each is a round trip that somebody waits for.
    pub(crate) fn executed(&self) -> usize {
        self.state.executed.swap(0, Ordering::SeqCst)
    }

    /// Lets the next statement through to the server, and cuts its connection before the answer comes back.
    pub(crate) fn cut_next(&self) {
        self.state.cuts.store(true, Ordering::SeqCst);
    }
}

/// Ends when either side does, and with it the connections.
async fn relay(client: TcpStream, server: TcpStream, state: Arc<State>) {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let muted = AtomicBool::new(false);
    let upstream = async {
        let mut started = false;
        while let Some((kind, message)) = message(&mut from_client, started).await {
            started = true;
            // Execute, of the extended protocol, and a simple query.
            let executes = matches!(kind, b'E' | b'Q');
            if to_server.write_all(&message).await.is_err() {
                return;
            }
            if executes {
                state.executed.fetch_add(1, Ordering::SeqCst);
            }
            if executes && state.cuts.swap(false, Ordering::SeqCst) {
                muted.store(true, Ordering::SeqCst);
            }
            // The Sync behind an Execute makes the server answer, which it does after it has committed.
            if kind == b'S' && muted.load(Ordering::SeqCst) {
                tokio::time::sleep(std::time::Duration::from_millis(500)).await;
                return;
            }
        }
    };
    let downstream = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            if !muted.load(Ordering::SeqCst) && to_client.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = upstream => {}
        () = downstream => {}
    }
}

/// The next message of a frontend: its kind and all its bytes. The first has no kind.
async fn message(from: &mut (impl AsyncRead + Unpin), started: bool) -> Option<(u8, Vec<u8>)> {
    let mut message = Vec::new();
    let kind = if started { from.read_u8().await.ok()? } else { 0 };
    if started {
        message.push(kind);
    }
    let length = from.read_u32().await.ok()?;
    message.extend_from_slice(&length.to_be_bytes());
    let begin = message.len();
    message.resize(begin + length as usize - 4, 0);
    from.read_exact(&mut message[begin..]).await.ok()?;
    Some((kind, message))
}
