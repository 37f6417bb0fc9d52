//! The SMTP notifier against a mail server that writes down everything it hears.

use std::sync::Arc;
use std::time::Duration;

use ciam_adapters::mail_text::PlainTexts;
use ciam_adapters::smtp::{SmtpConfig, SmtpConfigError, SmtpNotifier, SmtpSecurity};
use ciam_core::error::{PortError, PortErrorKind};
use ciam_core::memory;
use ciam_core::notify::{Channel, Message, MessageCode, Notifier as _};
use ciam_core::secret::Secret;
use ciam_core::testkit::ManualClock;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What a mail server says, where it differs from the usual.
#[derive(Clone, Copy, Default)]
struct Script {
    capabilities: &'static str,
    to_auth: Option<&'static str>,
    to_recipient: Option<&'static str>,
    to_data: Option<&'static str>,
    silent: bool,
}

/// Starts a mail server; every line that it hears comes out of the channel.
async fn server(script: Script) -> (u16, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (hearing, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _gone = converse(stream, script, hearing.clone()).await;
        }
    });
    (port, heard)
}

async fn converse(
    stream: TcpStream,
    script: Script,
    hearing: mpsc::UnboundedSender<String>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    if script.silent {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    stream.write_all(b"220 mail.test ESMTP\r\n").await?;
    let mut in_data = false;
    let mut line = String::new();
    while {
        line.clear();
        stream.read_line(&mut line).await? > 0
    } {
        let text = line.trim_end_matches(['\r', '\n']).to_owned();
        let _gone = hearing.send(text.clone());
        let verb = text.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            _ if in_data && text != "." => continue,
            _ if in_data => {
                in_data = false;
                script.to_data.unwrap_or("250 queued").to_owned()
            }
            "EHLO" => format!("250-mail.test\r\n250-8BITMIME\r\n{}250 SMTPUTF8", script.capabilities),
            "AUTH" => script.to_auth.unwrap_or("235 welcome").to_owned(),
            "RCPT" => script.to_recipient.unwrap_or("250 ok").to_owned(),
            "DATA" => {
                in_data = true;
                "354 go on".to_owned()
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 ok".to_owned(),
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

fn config(port: u16) -> SmtpConfig {
    SmtpConfig::new("127.0.0.1", "Example <no-reply@example.com>")
        .with_security(SmtpSecurity::LocalhostOnly)
        .with_port(port)
        .with_deadline(Duration::from_secs(5))
}

fn notifier(config: SmtpConfig) -> SmtpNotifier {
    SmtpNotifier::new(config, Arc::new(PlainTexts::new("Example")), Arc::new(ManualClock::default())).unwrap()
}

fn message(to: &str, languages: &[&str]) -> Message {
    let ports = memory::ports();
    Message::new(&ports, MessageCode::VerifyRegistration, Channel::Email, to, ports.now())
        .unwrap()
        .with("code", "042137")
        .with("minutes", "10")
        .with_languages(languages.iter().map(|tag| (*tag).to_owned()).collect())
}

async fn heard(mut lines: mpsc::UnboundedReceiver<String>) -> Vec<String> {
    lines.close();
    let mut all = Vec::new();
    while let Some(line) = lines.recv().await {
        all.push(line);
    }
    all
}

fn everything(error: &PortError) -> String {
    format!("{error} {error:?} {}", std::error::Error::source(error).unwrap())
}

#[tokio::test]
async fn a_mail_has_its_headers_and_words() {
    let (port, lines) = server(Script::default()).await;
    let message = message("ada@example.com", &["en"]);
    notifier(config(port)).send(&message).await.unwrap();
    let heard = heard(lines).await;
    let has = |line: &str| heard.iter().any(|it| it == line);
    for line in [
        "MAIL FROM:<no-reply@example.com>",
        "RCPT TO:<ada@example.com>",
        "From: Example <no-reply@example.com>",
        "To: ada@example.com",
        "Subject: 042137 is your verification code for Example",
        "Date: Thu, 01 Jan 2026 12:00:00 +0000",
        &format!("Message-ID: <{}@example.com>", message.id),
        "Auto-Submitted: auto-generated",
        "Content-Language: en",
        "Content-Type: text/plain; charset=utf-8",
        "042137",
    ] {
        assert!(has(line), "`{line}` in {heard:#?}");
    }
}

#[tokio::test]
async fn a_german_reader_gets_german_words_that_any_server_can_carry() {
    let (port, lines) = server(Script::default()).await;
    notifier(config(port)).send(&message("ada@example.com", &["de-CH"])).await.unwrap();
    let heard = heard(lines).await;
    assert!(heard.iter().any(|line| line == "Content-Language: de"));
    let header = heard.iter().position(|line| line.is_empty()).unwrap();
    assert!(heard[..header].iter().all(|line| line.is_ascii()), "headers are encoded words");
    assert!(heard.iter().any(|line| line.starts_with("Subject: ") && line.contains("=?utf-8?")));
}

#[tokio::test]
async fn credentials_are_presented_and_nowhere_else() {
    let (port, lines) = server(Script { capabilities: "250-AUTH PLAIN\r\n", ..Script::default() }).await;
    let notifier = notifier(config(port).with_credentials("user", Secret::from("hunter2")));
    assert!(!format!("{notifier:?}").contains("hunter2"));
    notifier.send(&message("ada@example.com", &[])).await.unwrap();
    let auth: Vec<_> = heard(lines).await.into_iter().filter(|line| line.starts_with("AUTH")).collect();
    // \0user\0hunter2
    assert_eq!(auth, ["AUTH PLAIN AHVzZXIAaHVudGVyMg=="]);
}

#[tokio::test]
async fn a_server_without_starttls_gets_neither_credentials_nor_mail() {
    let (port, lines) = server(Script { capabilities: "250-AUTH PLAIN\r\n", ..Script::default() }).await;
    let config =
        config(port).with_security(SmtpSecurity::StartTls).with_credentials("user", Secret::from("hunter2"));
    let error = notifier(config).send(&message("ada@example.com", &[])).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Transient);
    let heard = heard(lines).await;
    assert!(heard.iter().all(|line| line.starts_with("EHLO") || line == "QUIT"), "{heard:?}");
}

#[tokio::test]
async fn tls_from_the_first_byte_says_nothing_to_a_server_without_it() {
    let (port, lines) = server(Script::default()).await;
    let config =
        config(port).with_security(SmtpSecurity::Tls).with_credentials("user", Secret::from("hunter2"));
    let error = notifier(config).send(&message("ada@example.com", &[])).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Transient);
    assert!(heard(lines).await.iter().all(|line| !line.contains("EHLO") && !line.contains("AUTH")));
}

#[tokio::test]
async fn refusals_are_permanent_for_the_message_and_transient_for_the_settings() {
    let auth = "250-AUTH PLAIN\r\n";
    for (script, kind) in [
        (
            Script { to_recipient: Some("550 5.1.1 <ada@example.com>: no such user"), ..Script::default() },
            PortErrorKind::Permanent,
        ),
        (
            Script { to_recipient: Some("450 4.2.0 <ada@example.com>: greylisted"), ..Script::default() },
            PortErrorKind::Transient,
        ),
        (
            Script { to_data: Some("554 5.7.1 your code 042137 is spam"), ..Script::default() },
            PortErrorKind::Permanent,
        ),
        (Script { to_data: Some("452 disk full"), ..Script::default() }, PortErrorKind::Transient),
        (
            Script { capabilities: auth, to_auth: Some("535 user: bad hunter2"), ..Script::default() },
            PortErrorKind::Transient,
        ),
    ] {
        let (port, _lines) = server(script).await;
        let mut config = config(port);
        if script.to_auth.is_some() {
            config = config.with_credentials("user", Secret::from("hunter2"));
        }
        let error = notifier(config).send(&message("ada@example.com", &[])).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        for secret in ["ada", "042137", "hunter2"] {
            assert!(!everything(&error).contains(secret), "{}", everything(&error));
        }
    }
}

#[tokio::test]
async fn servers_that_are_gone_or_silent_are_transient() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = listener.local_addr().unwrap().port();
    drop(listener);
    let (silent, _lines) = server(Script { silent: true, ..Script::default() }).await;
    for port in [gone, silent] {
        let notifier = notifier(config(port).with_deadline(Duration::from_millis(300)));
        let error = notifier.send(&message("ada@example.com", &[])).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Transient);
    }
}

#[tokio::test]
async fn what_cannot_be_mail_is_permanent_and_reaches_no_server() {
    let (port, lines) = server(Script::default()).await;
    let notifier = notifier(config(port));
    let ports = memory::ports();
    let sms =
        Message::new(&ports, MessageCode::AccountExists, Channel::Sms, "+442079460958", ports.now()).unwrap();
    let injected = message("ada@example.com>\r\nBcc: <eve@example.com", &[]);
    let listed = message("ada@example.com, eve@example.com", &[]);
    let wordless =
        Message::new(&ports, MessageCode::VerifyRegistration, Channel::Email, "a@example.com", ports.now())
            .unwrap();
    for message in [sms, injected, listed, wordless] {
        assert_eq!(notifier.send(&message).await.unwrap_err().kind(), PortErrorKind::Permanent);
    }
    assert!(heard(lines).await.is_empty());
}

#[test]
fn urls_say_how_the_connection_is_protected() {
    for (url, security, port, user) in [
        ("smtps://mail.example", SmtpSecurity::Tls, None, None),
        ("smtps://me:p%40ss@mail.example:4465", SmtpSecurity::Tls, Some(4465), Some("me")),
        ("smtp://me%40x:p@mail.example/", SmtpSecurity::StartTls, None, Some("me@x")),
        ("smtp://localhost:1025", SmtpSecurity::LocalhostOnly, Some(1025), None),
        ("smtp://127.0.0.1", SmtpSecurity::LocalhostOnly, None, None),
        ("smtp://[::1]:25", SmtpSecurity::LocalhostOnly, Some(25), None),
        ("smtp://localhost.mail.example", SmtpSecurity::StartTls, None, None),
    ] {
        let config = SmtpConfig::from_url(url, "no-reply@example.com").unwrap();
        let found = config.credentials.as_ref().map(|(user, _)| user.as_str());
        assert_eq!((config.security, config.port, found), (security, port, user), "{url}");
        assert!(!format!("{config:?}").contains("p@ss"));
        assert!(
            SmtpNotifier::new(config, Arc::new(PlainTexts::new("x")), Arc::new(ManualClock::default()))
                .is_ok()
        );
    }
    let password =
        SmtpConfig::from_url("smtps://me:p%40ss@mail.example", "a@b.example").unwrap().credentials.unwrap().1;
    assert_eq!(password.expose(), "p@ss");
    for (url, error) in [
        ("mail.example", SmtpConfigError::Url),
        ("http://mail.example", SmtpConfigError::Url),
        ("smtps://", SmtpConfigError::Url),
        ("smtps://mail.example/path", SmtpConfigError::Url),
        ("smtps://mail.example?tls=none", SmtpConfigError::Url),
        ("smtps://me@mail.example", SmtpConfigError::Credentials),
        ("smtps://:p@mail.example", SmtpConfigError::Credentials),
    ] {
        assert_eq!(SmtpConfig::from_url(url, "a@b.example").unwrap_err(), error, "{url}");
    }
}

#[test]
fn settings_that_cannot_be_used_are_refused_by_name() {
    let make = |config| {
        SmtpNotifier::new(config, Arc::new(PlainTexts::new("x")), Arc::new(ManualClock::default()))
            .unwrap_err()
    };
    let plain =
        |host: &str| SmtpConfig::new(host, "a@example.com").with_security(SmtpSecurity::LocalhostOnly);
    for host in ["mail.example", "192.168.1.1", "localhost.example", "128.0.0.1"] {
        assert_eq!(make(plain(host)), SmtpConfigError::Unprotected, "{host}");
    }
    assert_eq!(make(SmtpConfig::new("mail.example", "no address")), SmtpConfigError::From);
    assert_eq!(
        make(SmtpConfig::new("mail.example", "a@example.com\r\nBcc: b@example.com")),
        SmtpConfigError::From
    );
    assert_eq!(make(SmtpConfig::new("", "a@example.com")), SmtpConfigError::Host);
    assert_eq!(make(SmtpConfig::new("mail example", "a@example.com")), SmtpConfigError::Host);
}
