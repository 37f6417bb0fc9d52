//! Certificates and keys in files.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ciam_core::clock::{Clock as _, SystemClock};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};

use super::SelfSigned;
use crate::config::{Origin, TlsFiles};

/// The certificate and the key of this server. Where the configuration says so, they are made when they are not there.
///
/// # Errors
///
/// A file cannot be read, or is not what it should be.
pub fn certified(files: &TlsFiles, issuer: &Origin) -> anyhow::Result<Arc<CertifiedKey>> {
    if files.self_signed && !files.certificate.exists() && !files.key.exists() {
        SelfSigned::new(issuer.host(), SystemClock::new().now())?.write(&files.certificate, &files.key)?;
    }
    let chain = read_certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .with_context(|| format!("cannot read the key `{}`", files.key.display()))?;
    let provider = rustls::crypto::ring::default_provider();
    Ok(Arc::new(CertifiedKey::from_der(chain, key, &provider)?))
}

/// The certificates in a file.
///
/// # Errors
///
/// The file cannot be read, or has none.
pub fn read_certificates(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = || -> Result<Vec<_>, rustls::pki_types::pem::Error> {
        CertificateDer::pem_file_iter(file)?.collect()
    };
    let found = read()
        .map_err(|error| anyhow::anyhow!("{error}"))
        .with_context(|| format!("cannot read the certificates in `{}`", file.display()))?;
    anyhow::ensure!(!found.is_empty(), "`{}` has no certificate", file.display());
    Ok(found)
}

/// The authorities in a file.
///
/// # Errors
///
/// As [`read_certificates`], and when one cannot be an authority.
pub fn authorities(file: &Path) -> anyhow::Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    for certificate in read_certificates(file)? {
        store.add(certificate).with_context(|| format!("`{}` is no authority", file.display()))?;
    }
    Ok(store)
}

impl SelfSigned {
    /// Writes both as PEM; the key is readable by its owner only.
    ///
    /// # Errors
    ///
    /// A file is there already, or cannot be written.
    pub fn write(&self, certificate: &Path, key: &Path) -> anyhow::Result<()> {
        create(key, &pem("PRIVATE KEY", self.key()), true)?;
        create(certificate, &pem("CERTIFICATE", self.certificate()), false)
    }
}

fn create(file: &Path, text: &str, private: bool) -> anyhow::Result<()> {
    use std::io::Write as _;

    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if private {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = private;
    let written = options.open(file).and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write `{}`", file.display()))
}

fn pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}
