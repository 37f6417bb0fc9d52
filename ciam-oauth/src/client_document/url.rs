//! Client ids that are addresses of documents (section 3 of the draft).

use url::Url;

/// The address of a document that a client id is; `None` for every other client id, and for what the draft does not allow.
///
/// No normalisation: what is not written as browsers would write it is refused, so that two spellings are never one client.
pub(super) fn document_url(client_id: &str) -> Option<Url> {
    let rest = client_id.strip_prefix("https://")?;
    let url = Url::parse(client_id).ok()?;
    let (authority, _) = rest.split_once('/')?;
    // As it is written, since the parser forgets a userinfo that is empty.
    let canonical = url.as_str() == client_id && !authority.contains('@') && url.fragment().is_none();
    let before_query = rest.split('?').next().unwrap_or_default().to_ascii_lowercase().replace("%2e", ".");
    let dotted = before_query.split('/').skip(1).any(|segment| segment == "." || segment == "..");
    let named = url.domain().is_some_and(|host| host.contains('.'));
    (canonical && !dotted && named).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cimd_3_a_client_identifier_url() {
        for good in [
            "https://app.example/client.json",
            "https://app.example/",
            "https://app.example:8443/a/b",
            "https://app.example/client?v=1",
        ] {
            assert_eq!(document_url(good).map(String::from).as_deref(), Some(good));
        }
        for bad in [
            "app",
            "http://app.example/client.json",
            "https://app.example",
            "HTTPS://app.example/c",
            "https://App.example/c",
            "https://app.example:443/c",
            "https://app.example:/c",
            "https://app.example/c#f",
            "https://app.example/c#",
            "https://user@app.example/c",
            "https://@app.example/c",
            "https://app.example/a/../c",
            "https://app.example/a/./c",
            "https://app.example/a/%2e%2E/c",
            "https://app.example/..",
            "https:/app.example/c",
            "https:///app.example/c",
            "https://127.0.0.1/c",
            "https://[::1]/c",
            "https://localhost/c",
            "https://",
            "https:///c",
        ] {
            assert_eq!(document_url(bad), None, "{bad}");
        }
    }
}
