//! The check that costs a machine something.

use serde::Serialize;

use super::{
    Frame, StepForm, page,
    parts::Notice,
    samples::{Gallery, Samples},
};

/// Asks for a check, and goes on by itself where a script runs.
#[derive(Clone, Debug, Serialize)]
pub struct CheckPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What went wrong.
    pub notice: Option<Notice>,
    /// The script of the check.
    pub script: Option<String>,
    /// The form.
    pub form: StepForm,
    /// A proof of work.
    pub work: Option<Work>,
    /// A captcha of another service.
    pub captcha: Option<CaptchaBox>,
}

page!(CheckPage, "check.html", notice);

/// A proof of work.
#[derive(Clone, Debug, Serialize)]
pub struct Work {
    /// What the digest is of.
    pub challenge: String,
    /// How many zero bits.
    pub bits: u64,
    /// How many seconds one may wait instead.
    pub wait: Option<u64>,
    /// The answer of those who waited.
    pub otherwise: &'static str,
}

/// Where a captcha of another service puts itself.
#[derive(Clone, Debug, Serialize)]
pub struct CaptchaBox {
    /// The class by which its script finds the place.
    pub class: &'static str,
    /// The site key.
    pub site_key: String,
}

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    for name in ["check", "check-errors"] {
        let frame = s.frame(false);
        let t = frame.t;
        let page = CheckPage {
            notice: name.ends_with("errors").then(|| Notice::bad(t.check.failed.as_str())),
            // Not run in the gallery: it would send the form.
            script: None,
            form: StepForm {
                action: s.action("/check"),
                hidden: vec![("journey", "handle".to_owned())],
                submit: t.check.submit.to_string(),
            },
            work: Some(Work { challenge: "challenge".into(), bits: 18, wait: Some(30), otherwise: "waited" }),
            captcha: None,
            frame,
        };
        out.add(name, &page);
    }
}
