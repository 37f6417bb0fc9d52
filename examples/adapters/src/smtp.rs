//! The notifier over SMTP, through lettre.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use ciam_core::clock::Clock;
use ciam_core::error::PortError;
use ciam_core::notify::{Channel, Message, Notifier};
use ciam_core::secret::Secret;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use percent_encoding::percent_decode_str;
use url::{Host, Url};

use crate::mail_text::MailTexts;

/// How mail reaches its server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SmtpConfig {
    /// The server's name or address.
    pub host: String,
    /// The port; the default of the security when `None`: 465, 587 or 25.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// The user name and password.
    pub credentials: Option<(String, Secret)>,
    /// The sender: `no-reply@example.com`, or `Example <no-reply@example.com>`.
    pub from: String,
    /// How long one message may take. Default 20 s, within the lease of the relay.
    pub deadline: Duration,
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SmtpSecurity {
    /// TLS from the first byte ([RFC 8314](https://www.rfc-editor.org/rfc/rfc8314)).
    Tls,
    /// A change to TLS before anything is said; a server that does not offer it gets nothing.
    StartTls,
    /// None: for a server on this machine, and refused for any other.
    LocalhostOnly,
}

impl SmtpConfig {
    /// A server that is spoken to over TLS, without credentials.
    #[must_use]
    pub fn new(host: impl Into<String>, from: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: None,
            security: SmtpSecurity::Tls,
            credentials: None,
            from: from.into(),
            deadline: Duration::from_secs(20),
        }
    }

    /// Reads a URL: `smtps://user:password@host` for TLS, `smtp://user:password@host` for STARTTLS, each with an optional
    /// port. `smtp://` to `localhost` or a loopback address is not protected.
    ///
    /// # Errors
    ///
    /// Fails when the URL is of another form.
    pub fn from_url(url: &str, from: impl Into<String>) -> Result<Self, SmtpConfigError> {
        let url = Url::parse(url).map_err(|_| SmtpConfigError::Url)?;
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let host = url.host_str().filter(|host| bare && !host.is_empty()).ok_or(SmtpConfigError::Url)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let security = match url.scheme() {
            "smtps" => SmtpSecurity::Tls,
            "smtp" if is_this_machine(&host) => SmtpSecurity::LocalhostOnly,
            "smtp" => SmtpSecurity::StartTls,
            _ => return Err(SmtpConfigError::Url),
        };
        let decode = |text: &str| {
            percent_decode_str(text).decode_utf8().map(String::from).map_err(|_| SmtpConfigError::Url)
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            ("", Some(_)) | (_, None) => return Err(SmtpConfigError::Credentials),
            (user, Some(password)) => Some((decode(user)?, Secret::from(decode(password)?))),
        };
        Ok(Self { port: url.port(), security, credentials, ..Self::new(host, from) })
    }

    /// Sets the protection.
    #[must_use]
    pub const fn with_security(mut self, security: SmtpSecurity) -> Self {
        self.security = security;
        self
    }

    /// Sets the port.
    #[must_use]
    pub const fn with_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Sets the user name and password.
    #[must_use]
    pub fn with_credentials(mut self, user: impl Into<String>, password: Secret) -> Self {
        self.credentials = Some((user.into(), password));
        self
    }

    /// Sets how long one message may take.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    fn port(&self) -> u16 {
        self.port.unwrap_or(match self.security {
            SmtpSecurity::Tls => 465,
            SmtpSecurity::StartTls => 587,
            SmtpSecurity::LocalhostOnly => 25,
        })
    }

    fn tls(&self) -> Result<Tls, SmtpConfigError> {
        let parameters = || TlsParameters::new(self.host.clone()).map_err(|_| SmtpConfigError::Host);
        match self.security {
            SmtpSecurity::Tls => Ok(Tls::Wrapper(parameters()?)),
            SmtpSecurity::StartTls => Ok(Tls::Required(parameters()?)),
            SmtpSecurity::LocalhostOnly if is_this_machine(&self.host) => Ok(Tls::None),
            SmtpSecurity::LocalhostOnly => Err(SmtpConfigError::Unprotected),
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The settings of a mail server cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SmtpConfigError {
    /// The URL is not `smtps://` or `smtp://`, a host, and optionally a port and credentials.
    #[error("a mail server's URL has the form `smtps://user:password@host:port`")]
    Url,
    /// The host is not a name or an address.
    #[error("the mail server's host is not a name or an address")]
    Host,
    /// There is a user name without a password, or a password without a user name.
    #[error("the mail server's credentials need a user name and a password")]
    Credentials,
    /// The sender is not a mail address.
    #[error("the sender is not a mail address")]
    From,
    /// An unprotected connection would leave this machine.
    #[error("an unprotected connection is for a mail server on this machine only")]
    Unprotected,
}

/// Sends messages as plain-text mail.
///
/// A message's id is the `Message-ID` of its mail, so that a mail server can recognise one that is sent again after a
/// crash. Mails say that they are automatic ([RFC 3834](https://www.rfc-editor.org/rfc/rfc3834)), so that no out-of-office
/// robot answers.
///
/// # Security
///
/// Neither addresses nor the words of a message nor the server's answers are part of an error.
pub struct SmtpNotifier {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    texts: Arc<dyn MailTexts>,
    clock: Arc<dyn Clock>,
    deadline: Duration,
}

impl SmtpNotifier {
    /// A notifier that speaks to this server, in these words. Nothing is connected before the first message.
    ///
    /// # Errors
    ///
    /// Fails when the settings cannot be used.
    pub fn new(
        config: SmtpConfig,
        texts: Arc<dyn MailTexts>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SmtpConfigError> {
        let from: Mailbox = config.from.parse().map_err(|_| SmtpConfigError::From)?;
        Host::parse(&config.host)
            .or_else(|_| Host::parse(&format!("[{}]", config.host)))
            .map_err(|_| SmtpConfigError::Host)?;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(config.host.clone())
            .port(config.port())
            .tls(config.tls()?)
            .timeout(Some(config.deadline));
        if let Some((user, password)) = config.credentials {
            builder = builder.credentials(Credentials::new(user, password.expose().to_owned()));
        }
        Ok(Self { transport: builder.build(), from, texts, clock, deadline: config.deadline })
    }

    fn mail(&self, message: &Message) -> Result<lettre::Message, PortError> {
        if message.channel != Channel::Email {
            return Err(PortError::permanent("this notifier sends mail only"));
        }
        let to: Address =
            message.to.parse().map_err(|_| PortError::permanent("the recipient is not a mail address"))?;
        let text = self.texts.render(message)?;
        MessageBuilder::new()
            .date(SystemTime::from(self.clock.now()))
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .message_id(Some(format!("<{}@{}>", message.id, self.from.email.domain())))
            .subject(text.subject)
            .header(AutoSubmitted)
            .header(ContentLanguage(text.language))
            .header(ContentType::TEXT_PLAIN)
            .body(text.text)
            .map_err(|_| PortError::permanent("the message cannot be written as mail"))
    }
}

impl fmt::Debug for SmtpNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpNotifier").field("texts", &self.texts).finish_non_exhaustive()
    }
}

#[async_trait]
impl Notifier for SmtpNotifier {
    async fn send(&self, message: &Message) -> Result<(), PortError> {
        let mail = self.mail(message)?;
        match tokio::time::timeout(self.deadline, self.transport.send(mail)).await {
            Ok(Ok(_accepted)) => Ok(()),
            Ok(Err(error)) => Err(port_error(&error)),
            Err(_) => Err(PortError::transient(SmtpFailure::Deadline)),
        }
    }
}

/// What went wrong, without the server's words, which may quote the recipient.
fn port_error(error: &lettre::transport::smtp::Error) -> PortError {
    let Some(status) = error.status() else {
        // The server cannot be reached, or does not do what the settings ask for: both can be put right.
        return PortError::transient(if error.is_tls() { SmtpFailure::Tls } else { SmtpFailure::Connection });
    };
    let status = u16::from(status);
    let failure = SmtpFailure::Refused(status);
    // Of the 5xx codes, those about credentials are about the settings and not about this message.
    if (500..600).contains(&status) && ![530, 534, 535, 538].contains(&status) {
        PortError::permanent(failure)
    } else {
        PortError::transient(failure)
    }
}

/// Why a mail was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum SmtpFailure {
    #[error("the mail server did not answer in time")]
    Deadline,
    #[error("the mail server cannot be reached")]
    Connection,
    #[error("the connection to the mail server cannot be protected")]
    Tls,
    #[error("the mail server refused with status {0}")]
    Refused(u16),
}

/// `Auto-Submitted: auto-generated`.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// `Content-Language`.
#[derive(Clone)]
struct ContentLanguage(String);

impl Header for ContentLanguage {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Language")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}
