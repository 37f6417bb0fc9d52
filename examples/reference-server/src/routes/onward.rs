//! What a sign-in interrupted, and goes on with: a request of an application, or a page of this server.

use ciam_core::{interaction::SignInAsk, journey::SignedIn};
use url::Url;

use super::{pending::Pending, saml::PendingSaml};
use crate::{
    app::App,
    pages::Fault,
    web::{Failure, FormTargets, Visit},
};

/// What a sign-in goes on with.
#[derive(Clone, Debug)]
pub(super) enum Onward {
    /// A request of an application.
    Request(Box<Pending>),
    /// A request of a service that speaks SAML.
    Saml(Box<PendingSaml>),
    /// A page of this server.
    Page(String),
}

impl Onward {
    /// What a page was given in its parameter `continue`, if it was.
    pub(super) async fn of(app: &App, visit: &Visit, text: Option<&str>) -> Result<Option<Self>, Failure> {
        match text {
            None => Ok(None),
            Some(path) if path.starts_with('/') => Self::page(app, path).map(Some),
            Some(text) if text.starts_with(PendingSaml::PREFIX) => {
                Ok(Some(Self::Saml(Box::new(PendingSaml::of(app, visit, text).await?))))
            }
            Some(handle) => Ok(Some(Self::Request(Box::new(Pending::load(app, visit, handle).await?)))),
        }
    }

    /// A page of this server, and never one of another.
    fn page(app: &App, path: &str) -> Result<Self, Failure> {
        let ours = Url::parse(app.config().issuer.as_str()).map_err(Failure::internal)?;
        let url = ours.join(path).map_err(|_| Fault::BadRequest)?;
        let known = ["/account", "/organizations/", "/invitation"];
        // Whatever a browser would read differently than we do is none of ours.
        let plain = path.len() <= 2048 && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let named = known.iter().any(|it| url.path().starts_with(it));
        if !plain || !named || url.origin() != ours.origin() {
            return Err(Fault::BadRequest.into());
        }
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        Ok(Self::Page(format!("{}{query}", url.path())))
    }

    /// The value of the parameter `continue`.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Request(pending) => pending.handle.expose(),
            Self::Saml(pending) => pending.text(),
            Self::Page(path) => path,
        }
    }

    /// The request of an application.
    pub(super) fn request(&self) -> Option<&Pending> {
        match self {
            Self::Request(pending) => Some(pending),
            Self::Saml(_) | Self::Page(_) => None,
        }
    }

    /// What kind of sign-in an application asks for.
    pub(super) fn sign_in(&self) -> Option<&SignInAsk> {
        match self {
            Self::Request(pending) => pending.sign_in(),
            Self::Saml(pending) => pending.sign_in(),
            Self::Page(_) => None,
        }
    }

    /// Where forms lead in the end.
    pub(super) fn targets(&self) -> FormTargets {
        match self {
            Self::Request(pending) => pending.targets(),
            Self::Saml(pending) => pending.targets(),
            Self::Page(_) => FormTargets::default(),
        }
    }

    /// Where the browser goes with the session that was just made.
    pub(super) async fn resume(&self, app: &App, visit: &Visit, done: &SignedIn) -> Result<String, Failure> {
        match self {
            Self::Request(pending) => pending.resume(app, visit, done).await,
            Self::Saml(pending) => Ok(pending.resume_url().to_owned()),
            Self::Page(path) => Ok(path.clone()),
        }
    }
}

/// A path with parameters; those that there are not are left out.
pub(super) fn link(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let mut any = false;
    for (name, value) in parameters {
        if let Some(value) = value {
            query.append_pair(name, value);
            any = true;
        }
    }
    if any { format!("{path}?{}", query.finish()) } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::app;

    #[tokio::test]
    async fn it_goes_on_with_pages_of_ours_alone() {
        let app = app(&[]).await;
        for good in
            ["/account", "/account/security?done=1", "/organizations/acme/members", "/invitation?token=a.b-c"]
        {
            let Onward::Page(path) = Onward::page(&app, good).unwrap() else { panic!("{good}") };
            assert_eq!(path, good);
        }
        for bad in [
            "//evil.example",
            "/\\evil.example",
            "/account\\..",
            "/../account/../oauth/authorize",
            "/sign-out",
            "/",
            "/account\r\nset-cookie: a=b",
            "/acc\tount",
            "/%2e%2e//evil.example/account",
        ] {
            assert!(Onward::page(&app, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn parameters_are_written_so_that_they_stay_apart() {
        let path = link(
            "/sign-in",
            &[("journey", Some("a")), ("x", None), ("continue", Some("/invitation?token=b&c"))],
        );
        assert_eq!(path, "/sign-in?journey=a&continue=%2Finvitation%3Ftoken%3Db%26c");
        assert_eq!(link("/sign-in", &[("continue", None)]), "/sign-in");
    }
}
