//! The SOAP binding ([SAML bindings, section 3.2](https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf)):
//! one message in an envelope, from server to server.
//!
//! The envelope is only a wrapping: nothing of it is believed, and what is in it is signed for itself. SOAP 1.1, as the
//! binding wants it.

use bytes::Bytes;
use ciam_core::outbound::{Outbound, OutboundError};
use ciam_core::ports::Ports;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};

use super::BindingError;
use crate::xml::{Doc, Element, Limits, XmlWriter};

/// A message that came in an envelope.
#[derive(Debug)]
pub struct SoapMessage(Doc);

impl SoapMessage {
    /// Reads an envelope with one message.
    ///
    /// # Errors
    ///
    /// Fails when the document is refused, when it is no envelope or holds not exactly one element, when it has headers that
    /// have to be understood, and when it says that something went wrong.
    pub fn parse(body: &[u8]) -> Result<Self, BindingError> {
        let message = Self(Doc::parse(body, Limits::MESSAGE)?);
        message.content()?;
        Ok(message)
    }

    /// The message, found by structure.
    pub(crate) fn content(&self) -> Result<Element<'_>, BindingError> {
        let envelope = self.0.root()?;
        if !envelope.is(SOAP, "Envelope") {
            return Err(BindingError::Soap);
        }
        let mut children = envelope.only_children()?.peekable();
        if let Some(header) = children.next_if(|child| child.is(SOAP, "Header")) {
            // Addressing, security and the like of others: passed over, where that is allowed.
            let binding =
                |child: Element<'_>| child.attribute_in(SOAP, "mustUnderstand").is_some_and(|it| it != "0");
            if header.only_children()?.any(binding) {
                return Err(BindingError::Soap);
            }
        }
        let body = children.next().filter(|child| child.is(SOAP, "Body")).ok_or(BindingError::Soap)?;
        let mut contents = body.only_children()?;
        let content = contents.next().ok_or(BindingError::Soap)?;
        if contents.next().is_some() || children.next().is_some() {
            return Err(BindingError::Soap);
        }
        if content.is(SOAP, "Fault") { Err(BindingError::Fault) } else { Ok(content) }
    }
}

/// An envelope to be sent, as a request or in answer to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoapReply {
    xml: String,
    status: StatusCode,
}

impl SoapReply {
    pub(crate) fn new(message: &str) -> Self {
        let mut xml = open();
        xml.raw(message);
        Self { xml: xml.finish(), status: StatusCode::OK }
    }

    /// The answer to a request that is refused: that it is the requester's fault, and nothing else.
    #[must_use]
    pub fn fault() -> Self {
        let mut xml = open();
        xml.open("soap:Fault", &[]);
        xml.leaf("faultcode", &[], "soap:Client");
        xml.leaf("faultstring", &[], "the message is refused");
        // SOAP 1.1, section 6.2: a fault has this status.
        Self { xml: xml.finish(), status: StatusCode::INTERNAL_SERVER_ERROR }
    }

    /// The document.
    #[must_use]
    pub fn xml(&self) -> &str {
        &self.xml
    }

    /// The answer as HTTP sends it.
    #[must_use]
    pub fn into_response(self) -> http::Response<Bytes> {
        let mut response = http::Response::new(Bytes::from(self.xml));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(TEXT_XML));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// Why there is no answer in an exchange from server to server.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SoapError {
    /// The exchange failed.
    #[error("the exchange failed")]
    Outbound(#[from] OutboundError),
    /// The answer is no envelope with one message.
    #[error("the answer is refused")]
    Binding(#[from] BindingError),
}

/// Sends a message and reads the answer, by core's rules for what goes out.
pub(crate) async fn exchange(ports: &Ports, to: &str, message: &str) -> Result<SoapMessage, SoapError> {
    let request = http::Request::post(to)
        .header(CONTENT_TYPE, TEXT_XML)
        .header("soapaction", "\"http://www.oasis-open.org/committees/security\"")
        .body(Bytes::from(SoapReply::new(message).xml))
        .map_err(|_| OutboundError::Url)?;
    let response = Outbound::new(ports.clone()).send(request).await?;
    if response.status() != StatusCode::OK {
        return Err(OutboundError::Status(response.status()).into());
    }
    if !response.headers().get(CONTENT_TYPE).is_some_and(is_xml) {
        return Err(OutboundError::ContentType.into());
    }
    Ok(SoapMessage::parse(response.body())?)
}

fn is_xml(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(&*essence, "text/xml" | "application/xml" | "application/soap+xml")
}

fn open() -> XmlWriter {
    let mut xml = XmlWriter::new();
    xml.open("soap:Envelope", &[("xmlns:soap", SOAP)]);
    xml.open("soap:Body", &[]);
    xml
}

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const TEXT_XML: &str = "text/xml; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_holds_one_message() {
        let message = SoapMessage::parse(SoapReply::new("<a></a>").xml().as_bytes()).unwrap();
        assert_eq!(message.content().unwrap().local_name(), "a");
        let envelope = |content: &str| format!(r#"<s:Envelope xmlns:s="{SOAP}">{content}</s:Envelope>"#);
        let parse = |content: &str| SoapMessage::parse(envelope(content).as_bytes()).map(|_| ());
        assert_eq!(parse("\n <s:Header><x/></s:Header>\n <s:Body>\n<a/>\n</s:Body>"), Ok(()));
        for bad in [
            "",
            "<s:Body></s:Body>",
            "<s:Body><a/><a/></s:Body>",
            "<s:Body><a/></s:Body><s:Body><a/></s:Body>",
            "<s:Body><a/></s:Body><a/>",
            "<s:Body><a/></s:Body><s:Header></s:Header>",
            r#"<s:Header><x s:mustUnderstand="1"/></s:Header><s:Body><a/></s:Body>"#,
            r#"<Body xmlns="urn:x"><a/></Body>"#,
        ] {
            assert_eq!(parse(bad), Err(BindingError::Soap), "{bad}");
        }
        assert!(matches!(parse("<s:Body>text</s:Body>"), Err(BindingError::Xml(_))));
        assert!(SoapMessage::parse(b"<a/>").is_err());
        let other = envelope("<s:Body><a/></s:Body>").replace("s:Envelope", "s:Other");
        assert_eq!(SoapMessage::parse(other.as_bytes()).map(|_| ()), Err(BindingError::Soap));
        let fault = SoapMessage::parse(SoapReply::fault().xml().as_bytes());
        assert!(matches!(fault, Err(BindingError::Fault)));
        assert_eq!(SoapReply::fault().into_response().status(), 500);
    }
}
