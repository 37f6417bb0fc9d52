//! Every page with made-up data: for the gallery, for the tests, and to try the operator's templates before the server
//! starts.
//!
//! A page brings its samples along, as the function `samples` of its module; `SAMPLES` lists them.

use super::{
    account,
    parts::{Action, Field, Input, LanguageLink, Notice},
    *,
};
use crate::{
    i18n::Language,
    templates::{TemplateError, Templates},
};

/// The samples of every page module: a new one is one line.
const SAMPLES: &[fn(&Samples<'_>, &mut Gallery<'_>)] = &[
    general,
    step::samples,
    sign_in::samples,
    agree_again::samples,
    check::samples,
    connection::samples,
    saml_post::samples,
    device::samples,
    request::samples,
    factor::samples,
    enrol::samples,
    account::factors::samples,
    account::overview::samples,
    account::profile::samples,
    account::identifiers::samples,
    account::security::samples,
    account::sessions::samples,
    account::applications::samples,
    account::requests::samples,
    account::privacy::samples,
    account::organizations::samples,
    choose_organization::samples,
    invitation::samples,
    organization::samples,
];

/// Made-up data in one language.
#[derive(Clone, Debug)]
pub struct Samples<'a> {
    templates: &'a Templates,
    language: Language,
    /// What a person may call themselves.
    pub person: String,
    /// What an application or an organization may be called.
    pub client: String,
    /// What somebody may sign in with.
    pub identifier: String,
}

/// Rendered pages by name.
#[derive(Debug)]
pub struct Gallery<'a> {
    templates: &'a Templates,
    pages: Vec<(&'static str, String)>,
    failed: Option<TemplateError>,
}

impl Gallery<'_> {
    /// One more page. A name that ends in `-errors` is of a page that complains.
    pub fn add(&mut self, name: &'static str, page: &impl Page) {
        match self.templates.page(page) {
            Ok(html) => self.pages.push((name, html)),
            Err(error) => self.failed = self.failed.take().or(Some(error)),
        }
    }
}

impl<'a> Samples<'a> {
    /// Pages with friendly data.
    pub fn new(templates: &'a Templates, language: Language) -> Self {
        let (person, client, identifier) = ("Ada Lovelace", "Relying Party", "ada@example.com");
        Self {
            templates,
            language,
            person: person.into(),
            client: client.into(),
            identifier: identifier.into(),
        }
    }

    /// Pages in which `text` stands wherever a stranger can put something.
    pub fn filled_with(templates: &'a Templates, language: Language, text: &str) -> Self {
        Self {
            person: text.into(),
            client: text.into(),
            identifier: text.into(),
            ..Self::new(templates, language)
        }
    }

    /// What surrounds a page.
    pub fn frame(&self, signed_in: bool) -> Frame<'a> {
        let link = |language: &Language| LanguageLink {
            code: language.code(),
            name: self.templates.texts(*language).meta.name.to_string(),
            href: format!("?ui_locales={language}"),
            current: *language == self.language,
        };
        Frame {
            t: self.templates.texts(self.language),
            templates: self.templates,
            language: self.language,
            languages: Language::ALL.iter().map(link).collect(),
            product: "Ciam",
            style: "/assets/style.css",
            theme: None,
            development: true,
            signed_in,
            sign_out: signed_in.then(|| self.action("/sign-out")),
        }
    }

    /// A form that posts to `path`.
    pub fn action(&self, path: &str) -> Action {
        Action::new(path, "token")
    }

    /// Every page by name.
    ///
    /// # Errors
    ///
    /// A template fails.
    pub fn pages(&self) -> Result<Vec<(&'static str, String)>, TemplateError> {
        let mut gallery = Gallery { templates: self.templates, pages: Vec::new(), failed: None };
        for samples in SAMPLES {
            samples(self, &mut gallery);
        }
        gallery.failed.map_or(Ok(gallery.pages), Err)
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
            journey: None,
            sign_in: "sign-in".into(),
            open: true,
            frame,
        }
    }

    fn verify_phone(&self) -> VerifyPage<'a> {
        let page = self.verify(false);
        let lead = page.frame.t.verify.sms_lead.with("to", "+43 664 1234567");
        VerifyPage { by_phone: true, lead, restart: "/sign-in".into(), ..page }
    }

    fn verify(&self, errors: bool) -> VerifyPage<'a> {
        let frame = self.frame(false);
        let t = frame.t;
        VerifyPage {
            csrf: "token".into(),
            by_phone: false,
            notice: (!errors).then(|| Notice::good(t.verify.resent.as_str())),
            lead: t.verify.lead.with("email", &self.identifier),
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
            password: Some(Field::new("password", Input::CurrentPassword, t.field.password.as_str())),
            passkey: None,
            code: true,
            sms: false,
            own: Some(own_device(t)),
            organization: None,
            upstreams: Vec::new(),
            journey: None,
            continuation: Some("handle".into()),
            recover: "/recover".into(),
            sign_up: Some("/sign-up".into()),
            frame,
        }
    }

    fn sign_out(&self) -> SignOutPage<'a> {
        SignOutPage {
            frame: Frame { sign_out: None, ..self.frame(true) },
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
            notice: None,
            payments: Vec::new(),
            sign: None,
            action: "/consent",
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
            waits: None,
            about: AboutClient::default(),
            switch: "#".into(),
            frame,
        }
    }

    fn payment(&self, can_sign: bool) -> ConsentPage<'a> {
        let consent = self.consent();
        let t = consent.frame.t;
        let lines = vec![
            (t.consent.payment_to.to_string(), self.client.clone()),
            (t.consent.payment_account.to_string(), "DE02100100109307118603".into()),
        ];
        let sign = factor::PasskeyForm {
            action: self.action("/consent"),
            hidden: vec![("handle", "handle".to_owned())],
            kind: "get",
            options: "{}".into(),
            submit: t.consent.sign.to_string(),
            script: None,
        };
        ConsentPage {
            notice: (!can_sign).then(|| Notice::bad(t.consent.sign_refused.as_str())),
            payments: vec![PaymentLines { amount: "EUR 123.50".into(), lines }],
            sign: can_sign.then_some(sign),
            asked: Vec::new(),
            granted: Vec::new(),
            remembered: false,
            ..consent
        }
    }

    fn error(&self) -> ErrorPage<'a> {
        ErrorPage::new(self.frame(false), Fault::Unavailable, Some("7Q4M-9TKX-2B".into()))
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
            identifier: self.identifier.clone(),
            other: "/sign-in".into(),
        }
    }
}

/// The pages that are older than this way of keeping samples.
fn general(s: &Samples<'_>, out: &mut Gallery<'_>) {
    out.add("home", &s.home(None));
    out.add("home-signed-in", &s.home(Some(&s.person)));
    out.add("sign-up", &s.sign_up(false));
    out.add("sign-up-errors", &s.sign_up(true));
    out.add("verify", &s.verify(false));
    out.add("verify-phone", &s.verify_phone());
    out.add("verify-errors", &s.verify(true));
    out.add("sign-in", &s.sign_in(false));
    out.add("sign-in-errors", &s.sign_in(true));
    out.add("sign-out", &s.sign_out());
    out.add("signed-out", &SignedOutPage { frame: s.frame(false) });
    out.add("consent", &s.consent());
    out.add("consent-payment", &s.payment(true));
    out.add("consent-payment-errors", &s.payment(false));
    let consent = s.consent();
    let device = consent.frame.t.consent.device.with("code", "WDJB-MJHT");
    let elsewhere = [("client", s.client.as_str()), ("message", "W4SCT 12.50")];
    let request = consent.frame.t.request.compare.fill(&elsewhere);
    out.add("consent-device", &ConsentPage { waits: Some(device), ..consent.clone() });
    out.add("consent-request", &ConsentPage { waits: Some(request), ..consent });
    out.add("error", &s.error());
    out.add("mail", &s.mail());
    out.add("mail-message", &s.message());
    out.add("choose", &s.choose());
}
