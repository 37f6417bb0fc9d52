//! The redirect and POST bindings.

use ciam_saml::binding::{BindingError as E, Direction, PostMessage, RedirectMessage};
use ciam_saml::dsig::{SignatureAlgorithm, SignatureError, SignaturePolicy};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::support::*;

fn escape(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn deflated(xml: &str) -> String {
    escape(&b64(&miniz_oxide::deflate::compress_to_vec(xml.as_bytes(), 6)))
}

fn query(xml: &str, relay_state: &str) -> String {
    let unsigned = format!(
        "SAMLRequest={}&RelayState={}&SigAlg={}",
        deflated(xml),
        escape(relay_state),
        escape(RSA_SHA256)
    );
    let signature = b64(&IDP.sign(unsigned.as_bytes()));
    format!("{unsigned}&Signature={}", escape(&signature))
}

fn verify(query: &str) -> Result<(), SignatureError> {
    let message = RedirectMessage::from_raw_query(query).unwrap();
    message.verify(&IDP.trusted(), &SignaturePolicy::default()).map(|_| ())
}

#[test]
fn bindings_3_4_4_1_the_signature_is_over_the_octets_as_they_came() {
    let good = query("<a/>", "x y");
    assert_eq!(verify(&good), Ok(()));
    // Lower-case escapes, as some peers write them, are signed as they are.
    let lower = {
        let (unsigned, _) = good.split_once("&Signature=").unwrap();
        let mut lower = String::new();
        let mut chars = unsigned.chars();
        while let Some(c) = chars.next() {
            lower.push(c);
            if c == '%' {
                lower.extend(chars.next().unwrap().to_lowercase());
                lower.extend(chars.next().unwrap().to_lowercase());
            }
        }
        let signature = b64(&IDP.sign(lower.as_bytes()));
        format!("{lower}&Signature={}", escape(&signature))
    };
    assert_eq!(verify(&lower), Ok(()));
    // The order in the address does not matter, that of what is signed is fixed.
    let mut parts: Vec<&str> = good.split('&').collect();
    parts.reverse();
    assert_eq!(verify(&parts.join("&")), Ok(()));
    assert_eq!(verify(&format!("utm=1&{good}&x=y")), Ok(()));
    for bad in [
        good.replace("x%20y", "x+y"),
        good.replace("x%20y", "x%20z"),
        good.replace("&RelayState=x%20y", ""),
        good.replace("SAMLRequest=", "SAMLResponse="),
        good.replace("rsa%2Dsha256", "rsa%2Dsha512"),
        query("<b/>", "x y").replace(&deflated("<b/>"), &deflated("<c/>")),
    ] {
        assert_eq!(verify(&bad), Err(SignatureError::Invalid), "{bad}");
    }
    let others = SignaturePolicy::only(SignatureAlgorithm::ALL.into_iter().filter(|it| *it != IDP.algorithm));
    let message = RedirectMessage::from_raw_query(&good).unwrap();
    assert_eq!(message.verify(&IDP.trusted(), &others).map(|_| ()), Err(SignatureError::Algorithm));
    let sha1 = good.replace(&escape(RSA_SHA256), &escape("http://www.w3.org/2000/09/xmldsig#rsa-sha1"));
    assert_eq!(verify(&sha1), Err(SignatureError::Algorithm));
    assert_eq!(verify(&format!("SAMLRequest={}", deflated("<a/>"))), Err(SignatureError::Unsigned));
}

#[test]
fn smuggled_and_broken_parameters_are_refused() {
    let good = query("<a/>", "x");
    let message = deflated("<a/>");
    for (bad, expected) in [
        (format!("{good}&SAMLRequest={message}"), E::Duplicate),
        (format!("{good}&SAMLResponse={message}"), E::Duplicate),
        (format!("{good}&RelayState=y"), E::Duplicate),
        (format!("{good}&SigAlg=x"), E::Duplicate),
        (format!("{good}&Signature=x"), E::Duplicate),
        (format!("{good}&SAML%52esponse={message}"), E::Encoding),
        (good.replace("RelayState", "%52elayState"), E::Encoding),
        (good.split_once("&Signature").unwrap().0.to_owned(), E::Signature),
        (format!("SAMLRequest={message}&Signature=AAAA"), E::Signature),
        (format!("SAMLRequest={message}&SAMLEncoding=urn:none"), E::Encoding),
        (String::new(), E::Missing),
        ("RelayState=x".into(), E::Missing),
        ("SAMLRequest=%ff".into(), E::Encoding),
        ("SAMLRequest=!".into(), E::Encoding),
        (format!("SAMLRequest={}", escape(&b64(b"<a/>"))), E::Deflate),
        (format!("SAMLRequest={message}&RelayState={}", escape("a\r\nSet-Cookie: x")), E::RelayState),
        (format!("SAMLRequest={message}&RelayState={}", "x".repeat(1025)), E::RelayState),
        (format!("{good}&x={}", "x".repeat(256 * 1024)), E::TooLarge),
    ] {
        assert_eq!(RedirectMessage::from_raw_query(&bad).map(|_| ()), Err(expected), "{bad}");
    }
    let right = RedirectMessage::from_raw_query(&good).unwrap();
    assert_eq!(right.xml(Direction::Response), Err(E::Direction));
    assert_eq!(right.xml(Direction::Request), Ok(&b"<a/>"[..]));
}

#[test]
fn what_is_inflated_has_an_end() {
    let packed = |bytes: &[u8]| format!("SAMLRequest={}", escape(&b64(bytes)));
    let bomb = miniz_oxide::deflate::compress_to_vec(&vec![b'x'; 64 * 1024 * 1024], 9);
    assert!(bomb.len() < 100_000);
    assert_eq!(RedirectMessage::from_raw_query(&packed(&bomb)).unwrap_err(), E::TooLarge);
    let full = miniz_oxide::deflate::compress_to_vec(&vec![b'x'; 256 * 1024], 9);
    RedirectMessage::from_raw_query(&packed(&full)).unwrap();
    let over = miniz_oxide::deflate::compress_to_vec(&vec![b'x'; 256 * 1024 + 1], 9);
    assert_eq!(RedirectMessage::from_raw_query(&packed(&over)).unwrap_err(), E::TooLarge);
    let mut raw = miniz_oxide::deflate::compress_to_vec(b"<a/>", 6);
    let zlib = miniz_oxide::deflate::compress_to_vec_zlib(b"<a/>", 6);
    assert_eq!(RedirectMessage::from_raw_query(&packed(&zlib)).unwrap_err(), E::Deflate);
    assert_eq!(RedirectMessage::from_raw_query(&packed(&raw[..raw.len() - 1])).unwrap_err(), E::Deflate);
    raw.push(0);
    assert_eq!(RedirectMessage::from_raw_query(&packed(&raw)).unwrap_err(), E::Deflate);
}

#[test]
fn forms_hold_one_message() {
    let message = escape(&b64(b"<a/>"));
    for (form, expected) in [
        (String::new(), E::Missing),
        (format!("SAMLResponse={message}&SAMLResponse={message}"), E::Duplicate),
        (format!("SAMLResponse={message}&SAMLRequest={message}"), E::Duplicate),
        (format!("SAMLResponse={message}&SAML%52equest={message}"), E::Duplicate),
        (format!("SAMLResponse={message}&RelayState=a&RelayState=b"), E::Duplicate),
        ("SAMLResponse=%3Ca%2F%3E".into(), E::Encoding),
        (format!("SAMLResponse={message}&RelayState=a%0d%0ab"), E::RelayState),
        (format!("SAMLResponse={}", escape(&b64(&vec![b'x'; 256 * 1024 + 1]))), E::TooLarge),
        ("x".repeat(256 * 1024 * 5 + 1), E::TooLarge),
    ] {
        assert_eq!(PostMessage::parse(form.as_bytes()).map(|_| ()), Err(expected));
    }
    let lines = format!("SAMLResponse={}", escape("PGE\r\nvPg==\n"));
    let message = PostMessage::parse(lines.as_bytes()).unwrap();
    assert_eq!(message.xml(Direction::Response), Ok(&b"<a/>"[..]));
    assert_eq!(message.xml(Direction::Request), Err(E::Direction));
}
