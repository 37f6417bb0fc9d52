//! The check that costs a machine something, as it is configured.

use std::sync::Arc;

use ciam_adapters::captcha::Captcha;
use ciam_core::{
    abuse::{HumanCheck, ProofOfWork},
    journey::HumanFor,
    secret::Secret,
};

use super::{HumanCheckSettings, Mode};
use crate::{import::SecretText, web::Sources};

/// The check, and where everybody is asked for it.
#[derive(Clone, Debug, Default)]
pub struct HumanChecks {
    /// Which.
    pub kind: HumanKind,
    /// Where everybody is asked.
    pub always: HumanFor,
}

/// Which check.
#[derive(Clone, Debug, Default)]
pub enum HumanKind {
    /// None: nobody is asked.
    #[default]
    Nobody,
    /// A proof of work.
    Work {
        /// How many zero bits.
        bits: u32,
    },
    /// A captcha of another service.
    Captcha {
        /// Whose.
        kind: CaptchaKind,
        /// The site key, which pages show.
        site_key: String,
        /// The secret.
        secret: SecretText,
    },
}

/// Whose captcha.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptchaKind {
    /// Cloudflare Turnstile.
    Turnstile,
    /// hCaptcha.
    HCaptcha,
    /// Google reCAPTCHA, the kind with a box to tick.
    ReCaptcha,
}

impl CaptchaKind {
    const ALL: [Self; 3] = [Self::Turnstile, Self::HCaptcha, Self::ReCaptcha];

    /// The name in the configuration, and of the check.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Turnstile => "turnstile",
            Self::HCaptcha => "hcaptcha",
            Self::ReCaptcha => "recaptcha",
        }
    }

    /// The captcha of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The script that shows it.
    pub const fn script(self) -> &'static str {
        match self {
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/api.js",
            Self::HCaptcha => "https://js.hcaptcha.com/1/api.js",
            Self::ReCaptcha => "https://www.google.com/recaptcha/api.js",
        }
    }

    /// The class of the element that it fills.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Turnstile => "cf-turnstile",
            Self::HCaptcha => "h-captcha",
            Self::ReCaptcha => "g-recaptcha",
        }
    }

    /// The field of a form in which its answer comes.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Turnstile => "cf-turnstile-response",
            Self::HCaptcha => "h-captcha-response",
            Self::ReCaptcha => "g-recaptcha-response",
        }
    }

    /// What its pages may load, for the content security policy: what its provider says that it needs, and nothing else.
    pub const fn sources(self) -> &'static Sources {
        match self {
            Self::Turnstile => &TURNSTILE,
            Self::HCaptcha => &HCAPTCHA,
            Self::ReCaptcha => &RECAPTCHA,
        }
    }

    const fn verify(self) -> &'static str {
        match self {
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
            Self::HCaptcha => "https://api.hcaptcha.com/siteverify",
            Self::ReCaptcha => "https://www.google.com/recaptcha/api/siteverify",
        }
    }
}

/// [Turnstile](https://developers.cloudflare.com/turnstile/reference/content-security-policy/).
const TURNSTILE: Sources = Sources {
    scripts: &["https://challenges.cloudflare.com"],
    frames: &["https://challenges.cloudflare.com"],
    connections: &[],
    styles: &[],
};

/// [hCaptcha](https://docs.hcaptcha.com/#content-security-policy-settings).
const HCAPTCHA: Sources = Sources {
    scripts: &["https://hcaptcha.com", "https://*.hcaptcha.com"],
    frames: &["https://hcaptcha.com", "https://*.hcaptcha.com"],
    connections: &["https://hcaptcha.com", "https://*.hcaptcha.com"],
    styles: &["https://hcaptcha.com", "https://*.hcaptcha.com"],
};

/// [reCAPTCHA](https://developers.google.com/recaptcha/docs/faq#im-using-content-security-policy-csp-on-my-website.-how-can-i-configure-it-to-work-with-recaptcha).
const RECAPTCHA: Sources = Sources {
    scripts: &["https://www.google.com/recaptcha/", "https://www.gstatic.com/recaptcha/"],
    frames: &["https://www.google.com/recaptcha/", "https://recaptcha.google.com/recaptcha/"],
    connections: &["https://www.google.com/recaptcha/"],
    styles: &[],
};

impl HumanKind {
    /// The check. A captcha's answer must come from a page of this host.
    pub fn check(&self, host: &str) -> Option<Arc<dyn HumanCheck>> {
        match self {
            Self::Nobody => None,
            Self::Work { bits } => Some(Arc::new(ProofOfWork::new().with_bits(*bits))),
            Self::Captcha { kind, site_key, secret } => {
                let secret = Secret::from(secret.expose());
                let captcha = Captcha::like_turnstile(kind.name(), kind.verify(), site_key, secret);
                Some(Arc::new(captcha.with_hostname(host)))
            }
        }
    }
}

/// The key of a setting that cannot be used, and why.
pub(super) type Refused = (&'static str, String);

impl HumanChecks {
    /// What the file says.
    pub(super) fn from_file(file: &HumanCheckSettings, mode: Mode) -> Result<Self, Vec<Refused>> {
        let mut refused: Vec<Refused> = Vec::new();
        let fallback = if mode == Mode::Production { "proof_of_work" } else { "none" };
        let name = file.kind.as_deref().unwrap_or(fallback);
        let captcha = CaptchaKind::named(name);
        let kind = match (name, captcha) {
            ("none", _) => HumanKind::Nobody,
            ("proof_of_work", _) => {
                let bits = file.bits.unwrap_or(ProofOfWork::DEFAULT_BITS);
                if !(8..=ProofOfWork::MAX_BITS).contains(&bits) {
                    refused.push(("bits", format!("must be 8 to {}", ProofOfWork::MAX_BITS)));
                }
                HumanKind::Work { bits }
            }
            (_, Some(kind)) => match (&file.site_key, &file.secret) {
                (Some(site_key), Some(secret)) => {
                    HumanKind::Captcha { kind, site_key: site_key.clone(), secret: secret.clone() }
                }
                _ => {
                    refused.push(("kind", format!("`{name}` needs site_key and secret")));
                    HumanKind::Nobody
                }
            },
            (other, None) => {
                let known = "proof_of_work, turnstile, hcaptcha, recaptcha or none";
                refused.push(("kind", format!("`{other}` must be {known}")));
                HumanKind::Nobody
            }
        };
        if file.bits.is_some() && name != "proof_of_work" {
            refused.push(("bits", "is of use with kind = \"proof_of_work\" only".to_owned()));
        }
        let mut always = HumanFor::nobody();
        for place in &file.always {
            always = match place.as_str() {
                "sign_in" => always.in_sign_in(true),
                "sign_up" => always.in_sign_up(true),
                "recovery" => always.in_recovery(true),
                other => {
                    refused.push(("always", format!("`{other}` must be sign_in, sign_up or recovery")));
                    always
                }
            };
        }
        if always != HumanFor::nobody() && matches!(kind, HumanKind::Nobody) && refused.is_empty() {
            refused.push(("always", "means nothing without a check".to_owned()));
        }
        if refused.is_empty() { Ok(Self { kind, always }) } else { Err(refused) }
    }
}
