//! The factors of an account: passkeys, authenticator apps, recovery codes.

use qrcodegen::{QrCode, QrCodeEcc};
use serde::Serialize;

use super::{Section, proof::Proof};
use crate::pages::{
    Frame,
    factor::PasskeyForm,
    page,
    parts::{Action, Confirm, Field, Input, Nav, Notice},
    samples::{Gallery, Samples},
};

/// What the account proves itself with beside the password.
#[derive(Clone, Debug, Serialize)]
pub struct FactorsPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The navigation of the account area.
    pub nav: Nav,
    /// What was just done.
    pub notice: Option<Notice>,
    /// What is asked for before anything can be changed.
    pub proof: Option<Proof>,
    /// The factors.
    pub factors: Vec<FactorLine>,
    /// Which passkeys there are, for the browser to forget all others, as JSON.
    pub accepted: Option<String>,
    /// Where the forms go.
    pub action: Action,
    /// Makes a passkey, where this server can.
    pub passkey: Option<PasskeyForm>,
    /// What the new factor is to be called.
    pub label: Field,
    /// Makes new recovery codes in the place of those that there are.
    pub codes: Option<Confirm>,
}

page!(FactorsPage, "account/factors.html", notice, label);

/// A factor of the account.
#[derive(Clone, Debug, Serialize)]
pub struct FactorLine {
    /// What it is.
    pub kind: String,
    /// What it is called.
    pub label: Option<String>,
    /// Since when, and when it was used.
    pub hint: String,
    /// It is the last way in, and stays.
    pub last: bool,
    /// Gives it the name in `name`.
    pub rename: Option<Confirm>,
    /// What it is to be called.
    pub name: Field,
    /// Removes it.
    pub remove: Option<Confirm>,
}

/// An authenticator app that is being added.
#[derive(Clone, Debug, Serialize)]
pub struct TotpPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The navigation of the account area.
    pub nav: Nav,
    /// What went wrong.
    pub notice: Option<Notice>,
    /// Where the form goes.
    pub action: Action,
    /// The enrolment.
    pub enrolment: String,
    /// The seed, to type.
    pub seed: String,
    /// The seed, as an address for this device.
    pub uri: String,
    /// The seed, as a path of a QR code.
    pub qr: Qr,
    /// What the app is to be called.
    pub label: Field,
    /// The code that it shows.
    pub code: Field,
}

page!(TotpPage, "account/factor_totp.html", notice, label, code);

/// A QR code: how wide it is, and the path of its dark squares.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Qr {
    /// The number of squares on a side, with the quiet zone.
    pub size: i32,
    /// The path, for an SVG picture.
    pub path: String,
}

impl Qr {
    /// The code of a text; `None` where it is too long for one.
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
        let side = 0..code.size();
        let dark = side.clone().flat_map(|y| side.clone().map(move |x| (x, y)));
        let path = dark
            .filter(|(x, y)| code.get_module(*x, *y))
            .map(|(x, y)| format!("M{} {}h1v1h-1z", x + QUIET, y + QUIET))
            .collect();
        Some(Self { size: code.size() + 2 * QUIET, path })
    }
}

/// New recovery codes, shown once.
#[derive(Clone, Debug, Serialize)]
pub struct CodesPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The navigation of the account area.
    pub nav: Nav,
    /// The codes.
    pub codes: Vec<String>,
}

page!(CodesPage, "account/factor_codes.html");

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    let path = "/account/factors";
    for (name, asks) in [("account-factors", false), ("account-factors-proof", true)] {
        let frame = s.frame(true);
        let t = frame.t;
        let ask = |words: &str, question: &str| Confirm::new(s.action(path), words, question, words);
        let line = |at: usize, kind: &str, last: bool| FactorLine {
            kind: kind.to_owned(),
            label: Some(s.person.clone()),
            hint: t.factors.since.with("time", "2026-11-20 08:14 UTC"),
            last,
            rename: (!asks)
                .then(|| ask(t.factors.rename.as_str(), t.factors.rename_lead.as_str()).about(&s.person)),
            name: Field::new(format!("name-{at}"), Input::Text { max: 64 }, t.factors.label.as_str())
                .named("label")
                .with_value(&s.person),
            remove: (!asks && !last).then(|| {
                ask(t.factors.remove.as_str(), t.factors.remove_question.as_str())
                    .dangerous()
                    .about(&s.person)
            }),
        };
        out.add(
            name,
            &FactorsPage {
                nav: Section::Factors.nav(t),
                notice: None,
                proof: asks.then(|| Proof::new(t, s.action("/account/prove"), path, false)),
                factors: vec![
                    line(0, t.factors.passkey.as_str(), true),
                    line(1, t.factors.totp.as_str(), false),
                ],
                accepted: Some("{}".to_owned()),
                action: s.action(path),
                passkey: Some(PasskeyForm {
                    action: s.action(path),
                    hidden: vec![("action", "passkey".to_owned())],
                    kind: "create",
                    options: "{}".to_owned(),
                    submit: t.factors.passkey_add.to_string(),
                    script: None,
                }),
                label: Field::new("label", Input::Text { max: 64 }, t.factors.label.as_str()).optional(),
                codes: Some(ask(t.factors.codes_new.as_str(), t.factors.codes_question.as_str())),
                frame,
            },
        );
    }
    let frame = s.frame(true);
    let t = frame.t;
    out.add(
        "account-factor-totp-errors",
        &TotpPage {
            nav: Section::Factors.nav(t),
            notice: None,
            action: s.action(path),
            enrolment: "handle".to_owned(),
            seed: "GEZD GNBV GY3T QOJQ".to_owned(),
            uri: "otpauth://totp/Example".to_owned(),
            qr: Qr::of("otpauth://totp/Example?secret=GEZDGNBVGY3TQOJQ").unwrap_or_default(),
            label: Field::new("label", Input::Text { max: 64 }, t.factors.label.as_str()).optional(),
            code: Field::new("code", Input::Code { digits: 6 }, t.field.code.as_str())
                .with_error(Some(t.factors.code_wrong.to_string())),
            frame,
        },
    );
    let frame = s.frame(true);
    let codes = vec!["0123-4567-89AB".to_owned(), "CDEF-GHJK-MNPQ".to_owned()];
    out.add("account-factor-codes", &CodesPage { nav: Section::Factors.nav(frame.t), codes, frame });
}

/// The white space around a QR code, in squares.
const QUIET: i32 = 4;
