//! TLS, terminated by this server: for a node without a proxy in front of it, and where clients come with certificates.

mod files;
mod header;
mod listener;
mod self_signed;
mod verifier;

pub use self::files::{authorities, certified, read_certificates};
pub(crate) use self::header::certificate_in;
pub use self::listener::{Connection, Listening, Suites, TlsListener};
pub use self::self_signed::SelfSigned;
pub use self::verifier::ClientCertificates;
