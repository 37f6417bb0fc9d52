//! A further factor that is to be added before the person goes on.

use serde::Serialize;

use super::{
    Frame,
    account::factors::Qr,
    factor::PasskeyForm,
    page,
    parts::{Action, Field, Input, Notice},
    samples::{Gallery, Samples},
};

/// Asks for a further factor: which, and then to add it.
#[derive(Clone, Debug, Serialize)]
pub struct EnrolPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// How.
    pub lead: String,
    /// What went wrong.
    pub notice: Option<Notice>,
    /// Where the forms go.
    pub action: Action,
    /// What every form carries along.
    pub hidden: Vec<(&'static str, String)>,
    /// The factors that can be chosen: their names, and what they are called.
    pub choices: Vec<(String, String)>,
    /// An authenticator app that is being added.
    pub app: Option<NewApp>,
    /// A passkey that is being made.
    pub passkey: Option<PasskeyForm>,
    /// Until when it can be put off.
    pub until: Option<String>,
}

page!(EnrolPage, "enrol.html", notice, app);

/// An authenticator app that is being added.
#[derive(Clone, Debug, Serialize)]
pub struct NewApp {
    /// The seed, to type.
    pub seed: String,
    /// The seed, as an address for this device.
    pub uri: String,
    /// The seed, as a picture.
    pub qr: Qr,
    /// The code that it shows.
    pub code: Field,
}

impl super::parts::Complains for NewApp {
    fn complains(&self) -> bool {
        self.code.is_invalid()
    }
}

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    let path = "/enrol";
    for name in ["enrol", "enrol-app-errors", "enrol-passkey"] {
        let frame = s.frame(false);
        let t = frame.t;
        let code = Field::new("code", Input::Code { digits: 6 }, t.field.code.as_str());
        let choices = vec![
            ("passkey".to_owned(), t.factors.passkey.to_string()),
            ("totp".to_owned(), t.factors.totp.to_string()),
        ];
        out.add(
            name,
            &EnrolPage {
                lead: t.factors.enrol_lead.to_string(),
                notice: None,
                action: s.action(path),
                hidden: vec![("journey", "handle".to_owned())],
                choices: if name == "enrol" { choices } else { Vec::new() },
                app: (name == "enrol-app-errors").then(|| NewApp {
                    seed: "GEZD GNBV GY3T QOJQ".to_owned(),
                    uri: "otpauth://totp/Example".to_owned(),
                    qr: Qr::of("otpauth://totp/Example?secret=GEZDGNBVGY3TQOJQ").unwrap_or_default(),
                    code: code.with_error(Some(t.factors.code_wrong.to_string())),
                }),
                passkey: (name == "enrol-passkey").then(|| PasskeyForm {
                    action: s.action(path),
                    hidden: vec![("journey", "handle".to_owned())],
                    kind: "create",
                    options: "{}".to_owned(),
                    submit: t.factors.passkey_add.to_string(),
                    script: None,
                }),
                until: (name == "enrol").then(|| "2026-12-10 08:14 UTC".to_owned()),
                frame,
            },
        );
    }
}
