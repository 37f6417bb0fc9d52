//! Which host name was asked for, and who asked.

use std::net::IpAddr;

use http::{HeaderMap, Method, StatusCode, Uri, header::HOST, request::Parts};

use crate::config::Origin;

/// What to do with a request by its host name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// It is ours.
    Ours,
    /// It is another name of this server: the browser goes on under the right one.
    Redirect(String),
    /// It is another name, and the request cannot be repeated elsewhere.
    Refuse(StatusCode),
}

/// Compares the requested host with the issuer's: cookies, tokens and passkeys belong to one name.
///
/// `alias` is the origin where clients come with certificates: they post there, and ask UserInfo. No page is there.
pub(super) fn check(issuer: &Origin, alias: Option<&str>, parts: &Parts) -> Host {
    let asked = parts.uri.authority().map(|it| it.as_str()).or_else(|| host(&parts.headers));
    let Some(asked) = asked else { return Host::Refuse(StatusCode::BAD_REQUEST) };
    let default_port = if issuer.is_https() { ":443" } else { ":80" };
    let asked = asked.strip_suffix(default_port).unwrap_or(asked);
    let is_alias = alias.is_some_and(|alias| {
        let (_, authority) = alias.split_once("://").unwrap_or_default();
        let is_for_clients = parts.method == Method::POST || parts.uri.path() == "/userinfo";
        is_for_clients && asked.eq_ignore_ascii_case(authority)
    });
    if is_alias || asked.eq_ignore_ascii_case(issuer.authority()) {
        Host::Ours
    } else if matches!(parts.method, Method::GET | Method::HEAD) {
        Host::Redirect(issuer.join(&path_and_query(&parts.uri)))
    } else {
        Host::Refuse(StatusCode::MISDIRECTED_REQUEST)
    }
}

/// The only `Host` header.
fn host(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(HOST).iter();
    let first = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(first)
}

fn path_and_query(uri: &Uri) -> String {
    let path = if uri.path().starts_with('/') { uri.path() } else { "/" };
    uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
}

/// The address of the person: the connection's, unless that is a trusted proxy, which says whom it speaks for.
///
/// `X-Forwarded-For` is read from its end, which the nearest proxy wrote; what stands before the first address that is
/// not a trusted proxy was written by anybody.
pub(super) fn client_address(connection: IpAddr, trusted: &[IpAddr], headers: &HeaderMap) -> IpAddr {
    let trusts = |address: &IpAddr| is_trusted(*address, trusted);
    if !trusts(&connection) {
        return connection.to_canonical();
    }
    let lines: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|it| it.to_str().ok()).collect();
    let mut nearest = connection;
    for text in lines.iter().flat_map(|it| it.split(',')).rev() {
        let Ok(address) = text.trim().parse::<IpAddr>() else { break };
        nearest = address;
        if !trusts(&address) {
            break;
        }
    }
    nearest.to_canonical()
}

/// Whether an address is that of a trusted proxy.
pub(super) fn is_trusted(address: IpAddr, trusted: &[IpAddr]) -> bool {
    trusted.iter().any(|it| it.to_canonical() == address.to_canonical())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use http::Request;

    use super::*;
    use crate::{cli::Cli, config::Config};

    fn issuer(text: &str) -> Origin {
        let arguments = ["x", "--smtp-url", "smtp://x", "--mail-from", "a@b", "--issuer", text];
        Config::load(&Cli::parse_from(arguments).flags).unwrap().issuer
    }

    fn asked(method: Method, uri: &str, hosts: &[&str]) -> Parts {
        let mut request = Request::builder().method(method).uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_issuers_own_name_is_served_in_any_spelling() {
        let issuer = issuer("https://id.example");
        for host in ["id.example", "ID.Example", "id.example:443"] {
            assert_eq!(check(&issuer, None, &asked(Method::POST, "/token", &[host])), Host::Ours, "{host}");
        }
        assert_eq!(check(&issuer, None, &asked(Method::GET, "https://id.example/a", &[])), Host::Ours);
    }

    #[test]
    fn another_name_is_sent_to_the_issuer_and_nowhere_else() {
        let issuer = issuer("http://localhost:8080");
        for (uri, target) in [
            ("/a?b=c", "http://localhost:8080/a?b=c"),
            ("//evil.example/", "http://localhost:8080//evil.example/"),
            ("http://evil.example/x", "http://localhost:8080/x"),
        ] {
            let found = check(&issuer, None, &asked(Method::GET, uri, &["127.0.0.1:8080"]));
            assert_eq!(found, Host::Redirect(target.into()));
        }
        for host in ["localhost", "localhost:80", "localhost.evil.example:8080", ""] {
            let found = check(&issuer, None, &asked(Method::GET, "/", &[host]));
            assert_eq!(found, Host::Redirect("http://localhost:8080/".into()), "{host}");
        }
    }

    #[test]
    fn clients_come_with_certificates_to_a_name_of_their_own_and_browsers_do_not() {
        let (issuer, alias) = (issuer("https://id.example"), Some("https://mtls.id.example"));
        let asked = |method, path| check(&issuer, alias, &asked(method, path, &["mtls.id.example"]));
        assert_eq!(asked(Method::POST, "/token"), Host::Ours);
        assert_eq!(asked(Method::GET, "/userinfo"), Host::Ours);
        for path in ["/", "/sign-in", "/userinfo/", "/authorize?client_id=x"] {
            let Host::Redirect(target) = asked(Method::GET, path) else { panic!("{path}") };
            assert_eq!(target, format!("https://id.example{path}"));
        }
    }

    #[test]
    fn what_cannot_be_repeated_is_refused() {
        let issuer = issuer("http://localhost:8080");
        let refuse = |status| Host::Refuse(status);
        let post = asked(Method::POST, "/token", &["127.0.0.1:8080"]);
        assert_eq!(check(&issuer, None, &post), refuse(StatusCode::MISDIRECTED_REQUEST));
        assert_eq!(check(&issuer, None, &asked(Method::GET, "/", &[])), refuse(StatusCode::BAD_REQUEST));
        let two = asked(Method::GET, "/", &["localhost:8080", "evil.example"]);
        assert_eq!(check(&issuer, None, &two), refuse(StatusCode::BAD_REQUEST));
    }

    #[test]
    fn only_a_trusted_proxy_says_whom_it_speaks_for() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let trusted = [address("10.0.0.1"), address("10.0.0.2")];
        let of = |connection: &str, lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            client_address(address(connection), &trusted, &headers).to_string()
        };
        assert_eq!(of("192.0.2.1", &["198.51.100.1"]), "192.0.2.1");
        assert_eq!(of("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(of("10.0.0.1", &["203.0.113.9, 198.51.100.1, 10.0.0.2"]), "198.51.100.1");
        assert_eq!(of("10.0.0.1", &["203.0.113.9", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(of("10.0.0.1", &["203.0.113.9, nonsense"]), "10.0.0.1");
        assert_eq!(of("::ffff:10.0.0.1", &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
    }
}
