use std::{fs, path::PathBuf, time::Duration};

use ciam_core::clock::Clock as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};

use super::*;
use crate::testing::config;

/// A server on a socket and a file of its own.
struct Running {
    folder: PathBuf,
    address: SocketAddr,
    stop: Option<watch::Sender<()>>,
    task: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Running {
    async fn start(name: &str, arguments: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("ciam-serve-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let database = format!("sqlite:{}/ciam.db", folder.display());
        let mut own = vec!["--listen", "127.0.0.1:0", "--database-url", &database];
        if !arguments.contains(&"--issuer") {
            own.extend(["--issuer", "http://localhost:8080"]);
        }
        let config = config(&[&own[..], arguments].concat());
        let (stop, stopped) = watch::channel(());
        let (ready, is_ready) = oneshot::channel();
        let task = tokio::spawn(serve_until(config, stopped, |_, address| ready.send(address).unwrap()));
        let address = is_ready.await.unwrap();
        Self { folder, address, stop: Some(stop), task: Some(task) }
    }

    async fn stop(&mut self) -> anyhow::Result<()> {
        drop(self.stop.take());
        self.task.take().unwrap().await.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

async fn ask(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost:8080\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_on_its_socket_and_stops_when_told_to() {
    let mut server = Running::start("socket", &[]).await;
    assert!(ask(server.address, "/healthz").await.starts_with("HTTP/1.1 200 OK"));
    assert!(ask(server.address, "/").await.contains("One account for everything here"));
    server.stop().await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
    assert!(!server.folder.join("ciam.db-wal").exists(), "the log was written back into the file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_flight_is_finished_before_the_end() {
    let mut server = Running::start("flight", &[]).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost:8080\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let stopping = tokio::spawn(async move {
        server.stop().await.unwrap();
        server
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!stopping.is_finished());
    stream.write_all(b"\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_ends_does_not_keep_the_server_alive() {
    let file = std::env::temp_dir().join(format!("ciam-grace-{}.toml", std::process::id()));
    fs::write(&file, "[http]\nshutdown_grace = \"1s\"\n").unwrap();
    let mut server = Running::start("grace", &["--config", file.to_str().unwrap()]).await;
    fs::remove_file(&file).unwrap();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = tokio::time::Instant::now();
    server.stop().await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_an_error_that_says_so() {
    let mut server = Running::start("taken", &[]).await;
    let listen = server.address.to_string();
    let (_stop, stopped) = watch::channel(());
    let error = serve_until(config(&["--listen", &listen]), stopped, |_, _| {}).await.unwrap_err();
    assert!(error.to_string().contains("is another server running there?"), "{error}");
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_finds_everything_and_imports_nothing_new() {
    let mut server = Running::start("again", &[]).await;
    server.stop().await.unwrap();
    let database = format!("sqlite:{}/ciam.db", server.folder.display());
    let config = config(&["--database-url", &database]);
    let storage = Storage::open(&config).await.unwrap();
    let services = Services::new(&config, storage.ports.clone()).await.unwrap();
    let clients = services.server.clients();
    let report =
        import::apply::apply(&storage.ports, &services.password, clients, &config.imports).await.unwrap();
    assert_eq!((report.created, report.updated, report.unchanged), (0, 0, 4));
    storage.database.close().await;
}

/// A connection with TLS that trusts one certificate, and shows one of its own if it has it.
async fn secure(
    address: SocketAddr,
    trusted: &[u8],
    own: Option<&tls::SelfSigned>,
) -> tokio_rustls::client::TlsStream<TcpStream> {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(trusted.to_vec())).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.key().to_vec()));
            builder
                .with_client_auth_cert(vec![CertificateDer::from(own.certificate().to_vec())], key)
                .unwrap()
        }
    };
    let stream = TcpStream::connect(address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

async fn ask_securely(stream: &mut tokio_rustls::client::TlsStream<TcpStream>, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = Vec::new();
    // A peer that closes without saying so is still a peer that has answered.
    let _end = stream.read_to_end(&mut text).await;
    String::from_utf8(text).unwrap()
}

/// RFC 8705: the server makes its certificate, and asks clients for theirs where they come with one, and nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn tls_is_terminated_and_clients_authenticate_with_certificates() {
    let folder = std::env::temp_dir().join(format!("ciam-serve-tls-files-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let client = tls::SelfSigned::new("client.example", SystemClock::new().now()).unwrap();
    client.write(&folder.join("client.pem"), &folder.join("client.key")).unwrap();
    let pem = fs::read_to_string(folder.join("client.pem")).unwrap();
    let clients = format!(
        "[[clients]]\nid = \"machine\"\nname = \"Machine\"\nauthentication = \"self_signed_tls_client_auth\"\n\
         certificates = [{pem:?}]\ncertificate_bound_access_tokens = true\ngrants = [\"client_credentials\"]\n\
         scopes = [\"orders:read\"]\nresources = [\"https://api.example\"]\n\n\
         [[resources]]\nid = \"https://api.example\"\nscopes = {{ \"orders:read\" = \"Read your orders\" }}\n"
    );
    fs::write(folder.join("clients.toml"), clients).unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let file = folder.join("server.toml");
    let text = format!(
        "import = [\"clients.toml\"]\n[http.tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\nself_signed = true\n\
         [oauth.mutual_tls]\nurl = \"https://localhost:9444\"\nlisten = \"{free}\"\n"
    );
    fs::write(&file, text).unwrap();
    let mut server =
        Running::start("tls", &["--config", file.to_str().unwrap(), "--issuer", "https://localhost:9443"])
            .await;
    let certificates = tls::read_certificates(&folder.join("server.pem")).unwrap();
    let trusted = certificates[0].as_ref();

    let get =
        "GET /.well-known/openid-configuration HTTP/1.1\r\nhost: localhost:9443\r\nconnection: close\r\n\r\n";
    let said = ask_securely(&mut secure(server.address, trusted, None).await, get).await;
    assert!(said.starts_with("HTTP/1.1 200 OK"), "{said}");
    assert!(said.contains("\"https://localhost:9444/token\""), "{said}");

    let form =
        "grant_type=client_credentials&client_id=machine&scope=orders:read&resource=https://api.example";
    let post = |host: &str| {
        format!(
            "POST /token HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{form}",
            form.len()
        )
    };
    let said = ask_securely(&mut secure(free, trusted, Some(&client)).await, &post("localhost:9444")).await;
    assert!(said.starts_with("HTTP/1.1 200 OK") && said.contains("access_token"), "{said}");
    let stranger = tls::SelfSigned::new("client.example", SystemClock::new().now()).unwrap();
    for own in [None, Some(&stranger)] {
        let said = ask_securely(&mut secure(free, trusted, own).await, &post("localhost:9444")).await;
        assert!(said.starts_with("HTTP/1.1 401"), "{said}");
    }
    // Where browsers come nobody is asked.
    let said =
        ask_securely(&mut secure(server.address, trusted, Some(&client)).await, &post("localhost:9443"))
            .await;
    assert!(said.starts_with("HTTP/1.1 401"), "{said}");
    server.stop().await.unwrap();
    fs::remove_dir_all(&folder).unwrap();
}

/// What another implementation of TLS says of a handshake that it begins with these arguments.
fn openssl(address: SocketAddr, arguments: &[&str]) -> String {
    let address = address.to_string();
    // Security level 0: the client itself refuses nothing, so that a refusal is the server's.
    let all = ["s_client", "-connect", &address, "-servername", "localhost"];
    let output = std::process::Command::new("openssl")
        .args(all)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat()
}

/// `EnsureTLS12`, `DisallowTLS10`, `DisallowTLS11`, `EnsureTLS12WithFAPICiphers`, `DisallowInsecureCipher` and
/// `CheckForBCP195InsecureFAPICiphers` of the certification modules, with OpenSSL on the other side.
#[tokio::test(flavor = "multi_thread")]
async fn old_tls_and_weak_ciphers_are_refused() {
    if std::process::Command::new("openssl").arg("version").output().is_err() {
        assert!(std::env::var_os("CIAM_REQUIRE_ALL").is_none(), "openssl is not installed");
        std::io::Write::write_all(&mut std::io::stderr(), b"\nSKIPPED: openssl is not installed\n").unwrap();
        return;
    }
    for (profile, own) in [("fapi-2.0-security", false), ("oauth-2.1", true)] {
        let folder =
            std::env::temp_dir().join(format!("ciam-serve-ciphers-{profile}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("server.toml");
        let text = "demo = false\n[http.tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\nself_signed = true\n";
        fs::write(&file, text).unwrap();
        let config = ["--config", file.to_str().unwrap(), "--issuer", "https://localhost:9443"];
        let arguments = [&config[..], &["--profile", profile]].concat();
        let mut server = Running::start(&format!("ciphers-{profile}"), &arguments).await;
        let address = server.address;
        let said = tokio::task::spawn_blocking(move || {
            let say = |arguments: &[&str]| openssl(address, arguments);
            for old in ["-tls1", "-tls1_1"] {
                let said = say(&[old, "-cipher", "ALL:@SECLEVEL=0"]);
                // Which of the two depends on what it looks at first.
                let refused = ["alert protocol version", "alert handshake failure"];
                assert!(refused.iter().any(|it| said.contains(it)), "{profile} {old}: {said}");
                assert!(said.contains("Cipher is (NONE)"), "{profile} {old}: {said}");
            }
            for weak in [
                "ECDHE-ECDSA-AES128-SHA256",
                "ECDHE-ECDSA-AES256-SHA",
                "AES128-GCM-SHA256",
                "AES128-SHA",
                "NULL",
                "aNULL",
            ] {
                let said = say(&["-tls1_2", "-cipher", &format!("{weak}:@SECLEVEL=0")]);
                assert!(said.contains("alert handshake failure"), "{profile} {weak}: {said}");
            }
            for good in ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"] {
                let said = say(&["-tls1_2", "-cipher", good]);
                assert!(said.contains(&format!("Cipher is {good}")), "{profile} {good}: {said}");
            }
            let said = say(&["-tls1_3"]);
            assert!(said.contains("New, TLSv1.3, Cipher is TLS_"), "{profile}: {said}");
            // Good, and not among those that FAPI names.
            say(&["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"])
        });
        let said = said.await.unwrap();
        assert_eq!(said.contains("Cipher is ECDHE-ECDSA-CHACHA20-POLY1305"), own, "{profile}: {said}");
        assert_eq!(said.contains("alert handshake failure"), !own, "{profile}: {said}");
        server.stop().await.unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }
}
