//! Every page with made-up data, for the gallery and for the tests.

use askama::Template;

use super::*;
use crate::i18n::{Catalogues, Language};

/// Made-up pages in one language.
#[derive(Clone, Debug)]
pub struct Samples<'a> {
    catalogues: &'a Catalogues,
    language: Language,
    person: String,
    client: String,
}

impl<'a> Samples<'a> {
    /// Pages with friendly data.
    pub fn new(catalogues: &'a Catalogues, language: Language) -> Self {
        Self { catalogues, language, person: "Ada Lovelace".into(), client: "Relying Party".into() }
    }

    /// Pages in which `text` stands wherever a stranger can put something.
    pub fn filled_with(catalogues: &'a Catalogues, language: Language, text: &str) -> Self {
        Self { catalogues, language, person: text.into(), client: text.into() }
    }

    fn frame(&self, signed_in: bool) -> Frame<'a> {
        let link = |language: &Language| LanguageLink {
            code: language.code(),
            name: self.catalogues.of(*language).meta.name.to_string(),
            href: format!("?ui_locales={language}"),
            current: *language == self.language,
        };
        Frame {
            t: self.catalogues.of(self.language),
            language: self.language,
            languages: Language::ALL.iter().map(link).collect(),
            product: "Ciam",
            style: "/assets/style.css",
            theme: None,
            development: true,
            signed_in,
        }
    }

    /// Every page by name.
    ///
    /// # Errors
    ///
    /// A template fails.
    pub fn pages(&self) -> askama::Result<Vec<(&'static str, String)>> {
        Ok(vec![
            ("home", self.home(None).render()?),
            ("home-signed-in", self.home(Some(&self.person)).render()?),
            ("sign-up", self.sign_up(false).render()?),
            ("sign-up-errors", self.sign_up(true).render()?),
            ("verify", self.verify(false).render()?),
            ("verify-errors", self.verify(true).render()?),
            ("sign-in", self.sign_in(false).render()?),
            ("sign-in-errors", self.sign_in(true).render()?),
            ("sign-out", self.sign_out().render()?),
            ("signed-out", SignedOutPage { frame: self.frame(false) }.render()?),
            ("consent", self.consent().render()?),
            ("account", self.account().render()?),
            ("error", self.error().render()?),
            ("mail", self.mail().render()?),
            ("mail-message", self.message().render()?),
            ("choose", self.choose().render()?),
        ])
    }

    fn home(&self, viewer: Option<&str>) -> HomePage<'a> {
        let program = |url: &str, command| DemoProgram { url: url.into(), command };
        HomePage {
            frame: self.frame(viewer.is_some()),
            viewer: viewer.map(str::to_owned),
            sign_up_open: true,
            demo: Some(Demo {
                account: Some(DemoAccount {
                    email: "demo@example.com".into(),
                    password: "correct horse battery staple".into(),
                }),
                application: Some(program("http://localhost:8081", "cargo run -p relying-party")),
                api: Some(program("http://localhost:8082", "cargo run -p resource-server")),
            }),
        }
    }

    fn sign_up(&self, errors: bool) -> SignUpPage<'a> {
        let frame = self.frame(false);
        let t = frame.t;
        let when = |text: String| errors.then_some(text);
        SignUpPage {
            csrf: "token".into(),
            notice: None,
            email: Field::new("email", Input::NewEmail, t.field.email.as_str())
                .with_value(if errors { "ada@" } else { "" })
                .with_error(when(t.field.email_invalid.to_string())),
            name: Field::new("name", Input::Name, t.field.display_name.as_str())
                .with_value(if errors { &self.person } else { "" })
                .with_hint(t.sign_up.name_hint.as_str()),
            password: Field::new("password", Input::NewPassword { min: 15 }, t.field.password.as_str())
                .with_hint(t.sign_up.password_hint.with("min", 15))
                .with_error(when(t.field.password_short.with("min", 15))),
            continuation: None,
            sign_in: "sign-in".into(),
            open: true,
            frame,
        }
    }

    fn verify(&self, errors: bool) -> VerifyPage<'a> {
        let frame = self.frame(false);
        let t = frame.t;
        VerifyPage {
            csrf: "token".into(),
            notice: (!errors).then(|| Notice::good(t.verify.resent.as_str())),
            email: "ada.lovelace@example.com".into(),
            journey: "handle".into(),
            continuation: None,
            code: Field::new("code", Input::Code { digits: 6 }, t.field.code.as_str())
                .with_hint(t.verify.hint.fill(&[("digits", 6), ("minutes", 10)]))
                .with_error(errors.then(|| t.field.code_wrong.to_string()))
                .with_focus(true),
            restart: "/sign-up".into(),
            frame,
        }
    }

    fn sign_in(&self, errors: bool) -> SignInPage<'a> {
        let frame = self.frame(false);
        let t = frame.t;
        SignInPage {
            csrf: "token".into(),
            notice: errors.then(|| Notice::bad(t.sign_in.failed.as_str())),
            client: Some(self.client.clone()),
            identifier: Field::new("identifier", Input::Identifier, t.sign_in.identifier.as_str())
                .with_value(if errors { "ada@example.com" } else { "" }),
            password: Field::new("password", Input::CurrentPassword, t.field.password.as_str()),
            continuation: Some("handle".into()),
            sign_up: Some("/sign-up".into()),
            frame,
        }
    }

    fn sign_out(&self) -> SignOutPage<'a> {
        SignOutPage {
            frame: self.frame(true),
            csrf: "token".into(),
            viewer: self.person.clone(),
            client: Some(self.client.clone()),
            handle: None,
        }
    }

    fn consent(&self) -> ConsentPage<'a> {
        let frame = self.frame(true);
        let line = |scope, description| ScopeLine::new(frame.t, scope, description);
        ConsentPage {
            csrf: "token".into(),
            handle: "handle".into(),
            client: self.client.clone(),
            viewer: self.person.clone(),
            host: "localhost:8081".into(),
            asked: vec![
                line("openid", None),
                line("email", None),
                line("offline_access", None),
                line("notes:read", Some("Read your notes")),
            ],
            granted: vec![line("profile", None)],
            remembered: true,
            switch: "#".into(),
            frame,
        }
    }

    fn account(&self) -> AccountPage<'a> {
        let frame = self.frame(true);
        let t = &frame.t.account;
        let session = |id: &str, device: Option<&str>, current| SessionLine {
            id: id.into(),
            device: device.map(str::to_owned),
            started: "2026-11-20 08:14 UTC".into(),
            seen: "2026-11-23 17:02 UTC".into(),
            current,
        };
        let identifier = |value: &str, kind: &str, verified, primary| IdentifierLine {
            value: value.into(),
            kind: kind.into(),
            verified,
            primary,
        };
        AccountPage {
            csrf: AccountTokens {
                sign_out: "token".into(),
                profile: "token".into(),
                sessions: "token".into(),
                applications: "token".into(),
            },
            notice: Some(Notice::good(t.saved.as_str())),
            name: self.person.clone(),
            display_name: Field::new("name", Input::Name, t.name.as_str()).with_value(&self.person),
            since: "2026-11-20".into(),
            language: Some("English".into()),
            identifiers: vec![
                identifier(
                    "ada.lovelace.with.a.rather.long.address@analytical.example.com",
                    t.kind_email.as_str(),
                    true,
                    true,
                ),
                identifier("ada", t.kind_username.as_str(), false, false),
            ],
            sessions: vec![
                session("1", Some("Firefox on Linux"), true),
                session("2", Some("Safari on iPhone"), false),
                session("3", None, false),
            ],
            applications: vec![ApplicationLine {
                id: "relying-party".into(),
                name: self.client.clone(),
                since: "2026-11-20".into(),
                scopes: "See your profile, See your email address".into(),
            }],
            organizations: vec![OrganizationLine {
                name: "Analytical Engines".into(),
                roles: "owner, admin".into(),
            }],
            frame,
        }
    }

    fn error(&self) -> ErrorPage<'a> {
        ErrorPage {
            frame: self.frame(false),
            fault: Fault::Unavailable,
            reference: Some("7Q4M-9TKX-2B".into()),
        }
    }

    fn summary(&self) -> MailSummary {
        MailSummary {
            id: "2".into(),
            to: "ada@example.com".into(),
            subject: "493 027 is your verification code for Ciam".into(),
            at: "2026-11-23 17:02:11 UTC".into(),
        }
    }

    fn mail(&self) -> MailListPage<'a> {
        let older = MailSummary {
            id: "1".into(),
            subject: "You already have an account at Ciam".into(),
            ..self.summary()
        };
        MailListPage { frame: self.frame(false), messages: vec![self.summary(), older] }
    }

    fn message(&self) -> MailMessagePage<'a> {
        let body = "Hello,\n\nSomeone, hopefully you, is creating an account at Ciam with this address. Your \
                    verification code is:\n\n493027\n\nTo sign in, open: http://localhost:8080/sign-in now";
        MailMessagePage {
            frame: self.frame(false),
            message: self.summary(),
            code: Some("493027".into()),
            body: MailMessagePage::paragraphs(body, Some("493027")),
        }
    }

    fn choose(&self) -> ChoosePage<'a> {
        ChoosePage {
            frame: self.frame(true),
            csrf: "token".into(),
            handle: "handle".into(),
            client: Some(self.client.clone()),
            name: self.person.clone(),
            identifier: "ada@example.com".into(),
            other: "/sign-in".into(),
        }
    }
}
