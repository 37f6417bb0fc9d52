//! What every request goes through, outermost: host name, headers, error pages, log.

use std::panic::AssertUnwindSafe;

use axum::{
    body::Body,
    extract::{ConnectInfo, MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use ciam_core::{
    error::PortError,
    http::{Peer, set_cookie},
};
use futures_util::FutureExt as _;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, SET_COOKIE,
        STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
    request::Parts,
};

use super::{
    Failure, FormTargets, Images, RouteName, Scripts, Sources, Visit,
    host::{self, Host},
    reply,
    visit::LANGUAGE_COOKIE,
};
use crate::{
    api::{self, Problem},
    app::App,
    pages::{ErrorPage, Fault},
    tls::{Connection, certificate_in},
};

/// Wraps the whole router.
pub async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = app.ports().now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    #[cfg_attr(not(feature = "draft-dbsc"), expect(unused_mut, reason = "sessions are bound to nothing"))]
    let (mut parts, body) = request.into_parts();
    #[cfg(feature = "draft-dbsc")]
    let looked_at = super::bound::without_copies(&app, &mut parts.headers).await;
    #[cfg(not(feature = "draft-dbsc"))]
    let looked_at = Ok::<(), PortError>(());
    let visit = connection(&app, &parts)
        .ok_or_else(|| Failure::internal("the connection's address is not known"))
        .and_then(|mut peer| {
            let trusted = &app.config().trusted_proxies;
            peer.address = host::client_address(peer.address, trusted, &parts.headers);
            Ok(Visit::new(&parts, peer, app.ports().entropy())?)
        });
    let mut response = match visit {
        Err(failure) => {
            tracing::error!(cause = failure.chain(), "a request cannot be looked at");
            failure.fault().status().into_response()
        }
        Ok(visit) => {
            let response = answer(&app, &visit, looked_at, Request::from_parts(parts, body), next).await;
            let named = response.extensions().get::<RouteName>().map(|it| it.0);
            let route = named.unwrap_or(&route);
            let status = response.status().as_u16();
            let milliseconds = (app.ports().now() - started).whole_milliseconds();
            let reference = visit.reference.as_str();
            tracing::info!(reference, %method, route, status, milliseconds, "answered");
            response
        }
    };
    secure(&app, &mut response);
    response
}

/// The other side: its address and certificate, as the connection has them. A trusted proxy says whose certificate it passes on;
/// from anybody else the header is nothing.
fn connection(app: &App, parts: &Parts) -> Option<Peer> {
    let ours = parts.extensions.get::<ConnectInfo<Connection>>().map(|it| it.0.peer());
    let peer = ours.or_else(|| ciam_axum::peer(&parts.extensions))?;
    let Some(rules) = &app.config().oauth.mutual_tls else { return Some(peer) };
    let from_proxy = host::is_trusted(peer.address, &app.config().trusted_proxies);
    let passed = rules.header.as_ref().filter(|_| from_proxy);
    Some(match passed.and_then(|name| certificate_in(&parts.headers, name)) {
        None => peer,
        Some(der) if rules.verified_by_proxy => peer.with_trusted_certificate(der),
        Some(der) => peer.with_certificate(der),
    })
}

async fn answer(
    app: &App,
    visit: &Visit,
    looked_at: Result<(), PortError>,
    request: Request<Body>,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    // Probes ask by address.
    if !["/healthz", "/readyz"].contains(&parts.uri.path()) {
        let certificates = app.config().oauth.mutual_tls.as_ref();
        let alias = certificates.and_then(|rules| rules.base.as_deref());
        match host::check(&app.config().issuer, alias, &parts) {
            Host::Ours => {}
            Host::Redirect(target) => return redirect(&target),
            Host::Refuse(status) => return status.into_response(),
        }
    }
    parts.extensions.insert(visit.peer.clone());
    parts.extensions.insert(visit.clone());
    let run = AssertUnwindSafe(async {
        match looked_at {
            Ok(()) => next.run(Request::from_parts(parts, body)).await,
            Err(error) => Failure::from(error).into_response(),
        }
    });
    let run = run.catch_unwind();
    let mut response = run.await.unwrap_or_else(|_| Failure::internal("a handler panicked").into_response());
    if let Some(problem) = problem(visit, &mut response) {
        log(visit, problem.cause());
        problem.write(&visit.reference, &mut response);
    } else if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        explain(app, visit, &failure, &mut response);
    }
    if let Err(error) = give_cookies(visit, response.headers_mut()) {
        tracing::error!(%error, reference = visit.reference, "a cookie cannot be given");
    }
    response
}

fn redirect(target: &str) -> Response {
    match HeaderValue::try_from(target) {
        Ok(target) => (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, target)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// The problem of a response of the API; a failure that happened before or around it is one as well.
fn problem(visit: &Visit, response: &mut Response) -> Option<Problem> {
    let extensions = response.extensions_mut();
    if let Some(problem) = extensions.remove::<Problem>() {
        return Some(problem);
    }
    if api::is_for_api(visit.path()) { extensions.remove::<Failure>().map(Problem::from) } else { None }
}

/// Puts the cause of a failure of ours into the log.
fn log(visit: &Visit, failure: Option<&Failure>) -> bool {
    let Some(failure) = failure else { return false };
    let fault = failure.fault();
    let ours = matches!(fault, Fault::Internal | Fault::Unavailable);
    if let Some(cause) = failure.chain().filter(|_| ours) {
        tracing::error!(reference = visit.reference, ?fault, cause, "failed");
    }
    ours
}

/// Puts the error page into the response and the cause into the log.
fn explain(app: &App, visit: &Visit, failure: &Failure, response: &mut Response) {
    let fault = failure.fault();
    let ours = log(visit, Some(failure));
    let reference = ours.then(|| visit.reference.clone());
    let page = ErrorPage::new(app.frame(visit, false), fault, reference);
    match reply::page(fault.status(), &page) {
        Ok(page) => {
            let (parts, body) = page.into_parts();
            response.headers_mut().extend(parts.headers);
            *response.body_mut() = body;
        }
        Err(error) => tracing::error!(cause = error.chain(), "the error page failed"),
    }
}

fn give_cookies(visit: &Visit, headers: &mut HeaderMap) -> Result<(), ciam_core::error::PortError> {
    if let Some(cookie) = visit.new_cookie()? {
        headers.append(SET_COOKIE, cookie);
    }
    if visit.chosen {
        let year = time::Duration::days(365);
        headers.append(SET_COOKIE, set_cookie(LANGUAGE_COOKIE, visit.language.code(), Some(year))?);
    }
    Ok(())
}

/// Headers that make a browser careful. What an endpoint has set itself stays.
fn secure(app: &App, response: &mut Response) {
    let targets = response.extensions_mut().remove::<FormTargets>().unwrap_or_default();
    let scripts = response.extensions_mut().remove::<Scripts>().unwrap_or_default();
    let images = response.extensions_mut().remove::<Images>().unwrap_or_default();
    let policy = content_security_policy(&targets, scripts, &images);
    let headers = response.headers_mut();
    // A frame for pages of others says so: it has a policy of its own that names no ancestors.
    let own = headers.get(CONTENT_SECURITY_POLICY).and_then(|it| it.to_str().ok());
    let is_frame = own.is_some_and(|policy| !policy.contains("frame-ancestors"));
    let mut set = |name: HeaderName, value: &str| {
        if let (false, Ok(value)) = (headers.contains_key(&name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    };
    set(CONTENT_SECURITY_POLICY, &policy);
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    // For browsers that do not know `frame-ancestors`.
    if !is_frame {
        set(X_FRAME_OPTIONS, "DENY");
    }
    // Not `no-referrer`: it would make browsers hide the origin of our own forms from us.
    set(REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("permissions-policy"), PERMISSIONS);
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(CACHE_CONTROL, "no-store");
    if app.config().issuer.is_https() {
        set(STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains");
    }
}

fn content_security_policy(targets: &FormTargets, scripts: Scripts, images: &Images) -> String {
    // A target is an origin or a scheme by construction; one that is not must not open the policy.
    let harmless = |it: &&String| !it.contains([';', ',', ' ', '\'', '*']);
    let targets: String = targets.0.iter().filter(harmless).map(|it| format!(" {it}")).collect();
    let images: String = images.0.iter().filter(harmless).map(|it| format!(" {it}")).collect();
    let mut styles = String::new();
    let scripts = match scripts {
        Scripts::None => String::new(),
        Scripts::Ours => " script-src 'self';".to_owned(),
        Scripts::Of(Sources { scripts, frames, connections, styles: theirs }) => {
            styles = theirs.iter().map(|it| format!(" {it}")).collect();
            let directives = [("script-src", scripts), ("frame-src", frames), ("connect-src", connections)];
            let some = directives.into_iter().filter(|(_, origins)| !origins.is_empty());
            some.map(|(name, origins)| format!(" {name} {};", origins.join(" "))).collect()
        }
    };
    format!(
        "default-src 'none'; style-src 'self'{styles}; img-src 'self'{images};{scripts} form-action 'self'{targets}; \
         frame-ancestors 'none'; base-uri 'none'"
    )
}

/// The pages use none of it but the first two, for passkeys.
const PERMISSIONS: &str = "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), \
                           microphone=(), geolocation=(), payment=(), usb=()";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_origins_or_schemes() {
        let of = |address: &str| FormTargets::leading_to(address).0;
        assert_eq!(of("https://app.example/cb?x=y#z"), ["https://app.example"]);
        assert_eq!(of("http://127.0.0.1:9/cb"), ["http://127.0.0.1:9"]);
        assert_eq!(of("com.example.app:/cb"), ["com.example.app:"]);
        assert!(of("/account").is_empty());
    }

    #[test]
    fn forms_lead_here_and_to_the_named_targets() {
        let policy = |targets: &[&str]| {
            let targets = FormTargets(targets.iter().map(ToString::to_string).collect());
            content_security_policy(&targets, Scripts::None, &Images::default())
        };
        assert!(policy(&[]).contains("form-action 'self';"));
        let both = policy(&["https://app.example", "com.example.app:"]);
        assert!(both.contains("form-action 'self' https://app.example com.example.app:;"), "{both}");
        assert!(policy(&["*", "x; script-src *", "'unsafe-inline'"]).contains("form-action 'self';"));
    }

    #[test]
    fn scripts_run_where_a_page_needs_them_and_only_those_that_it_names() {
        let policy = |scripts| content_security_policy(&FormTargets::default(), scripts, &Images::default());
        assert!(!policy(Scripts::None).contains("script-src"));
        assert!(policy(Scripts::Ours).contains("; script-src 'self';"));
        let captcha = Sources {
            scripts: &["https://captcha.example"],
            frames: &["https://frames.captcha.example"],
            connections: &[],
            styles: &["https://captcha.example"],
        };
        let other = policy(Scripts::Of(Box::leak(Box::new(captcha))));
        assert_eq!(
            other,
            "default-src 'none'; style-src 'self' https://captcha.example; img-src 'self'; \
             script-src https://captcha.example; frame-src https://frames.captcha.example; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'"
        );
        assert!(!other.contains("unsafe"));
    }
}
