//! Consent.

use serde::Serialize;

use super::{Frame, factor::PasskeyForm, page, parts::Notice};
use crate::{
    i18n::{Message, Texts},
    transactions::Payment,
};

/// Asks whether an application may have what it wants.
#[derive(Clone, Debug, Serialize)]
pub struct ConsentPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What went wrong.
    pub notice: Option<Notice>,
    /// Where the form posts to.
    pub action: &'static str,
    /// The form's anti-forgery token.
    pub csrf: String,
    /// The pending request of the application.
    pub handle: String,
    /// The application's name.
    pub client: String,
    /// Who is signed in.
    pub viewer: String,
    /// Where the person returns to, as a host name that they can recognise.
    pub host: String,
    /// What is asked for.
    pub asked: Vec<ScopeLine>,
    /// What was allowed before and is not asked again.
    pub granted: Vec<ScopeLine>,
    /// What is to be done once, and signed for.
    pub payments: Vec<PaymentLines>,
    /// Asks for the signature; none where there is nothing to sign, or nothing to sign with.
    pub sign: Option<PasskeyForm>,
    /// The answer will be kept.
    pub remembered: bool,
    /// What waits for the answer elsewhere, a device or an application, and what the person compares.
    pub waits: Option<String>,
    /// Where to sign in as somebody else.
    pub switch: String,
    /// What the application says of itself.
    pub about: AboutClient,
}

/// What an application says of itself: addresses of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AboutClient {
    /// Its logo.
    pub logo: Option<String>,
    /// Its privacy policy.
    pub policy: Option<String>,
    /// Its terms.
    pub terms: Option<String>,
}

page!(ConsentPage, "consent.html", notice);

/// A payment in human words: all that is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PaymentLines {
    /// How much.
    pub amount: String,
    /// The rest of it, each with its name.
    pub lines: Vec<(String, String)>,
}

impl PaymentLines {
    /// The words for a payment.
    pub fn new(texts: &Texts, payment: Payment) -> Self {
        let t = &texts.consent;
        let mut lines = vec![(t.payment_to.to_string(), payment.creditor_name)];
        lines.extend(payment.creditor_account.map(|it| (t.payment_account.to_string(), it.iban)));
        let purpose = payment.remittance_information_unstructured;
        lines.extend(purpose.map(|it| (t.payment_purpose.to_string(), it)));
        let amount = payment.instructed_amount;
        Self { amount: format!("{} {}", amount.currency, amount.amount), lines }
    }
}

/// One permission in human words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScopeLine {
    /// What the application will be able to do.
    pub title: String,
    /// What that means.
    pub detail: Option<String>,
}

impl ScopeLine {
    /// The words for `scope`: those of the standard, else the operator's `description`, else the bare name.
    pub fn new(texts: &Texts, scope: &str, description: Option<&str>) -> Self {
        let t = &texts.scopes;
        let known = |title: &Message, detail: &Message| Self {
            title: title.to_string(),
            detail: Some(detail.to_string()),
        };
        match scope {
            "openid" => known(&t.openid, &t.openid_hint),
            "profile" => known(&t.profile, &t.profile_hint),
            "email" => known(&t.email, &t.email_hint),
            "phone" => known(&t.phone, &t.phone_hint),
            "address" => known(&t.address, &t.address_hint),
            "organization" => known(&t.organization, &t.organization_hint),
            "offline_access" => known(&t.offline_access, &t.offline_access_hint),
            other => Self {
                title: description.map_or_else(|| t.other.with("scope", other), str::to_owned),
                detail: None,
            },
        }
    }
}
