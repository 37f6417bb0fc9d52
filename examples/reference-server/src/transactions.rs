//! What applications ask people to do once, such as a payment ([RFC 9396](https://www.rfc-editor.org/rfc/rfc9396)): it is shown
//! as it is, signed for with a passkey, and the signature is kept.
//!
//! An application asks with `authorization_details` of the type `payment_initiation`, when it is registered for it. Another type is
//! one more [`DetailType`] and its words on the page.

use ciam_core::{
    error::PortError,
    id::AccountId,
    ports::Ports,
    privacy::PersonalKind,
    secret::TokenDigest,
    store::{Batch, EntityRef, IndexDeclaration, IndexValue, OWNER_INDEX, Record, RecordKind, StoredRecord},
};
use ciam_mfa::transaction::SignedTransaction;
use ciam_oauth::{
    authorization_details::{AuthorizationDetail, DetailProblem, DetailType},
    client::Client,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A payment, as in the example of RFC 9396.
#[derive(Clone, Copy, Debug)]
pub struct PaymentType;

/// What a payment says. There is nothing in it that the page does not show.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Payment {
    #[serde(rename = "type")]
    _name: String,
    /// Where it can be used.
    #[serde(default, rename = "locations")]
    _locations: Vec<String>,
    /// How much.
    pub instructed_amount: Amount,
    /// To whom.
    pub creditor_name: String,
    /// To which account.
    #[serde(default)]
    pub creditor_account: Option<AccountNumber>,
    /// What for.
    #[serde(default)]
    pub remittance_information_unstructured: Option<String>,
}

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// Three capital letters.
    pub currency: String,
    /// A decimal number with a dot, such as `123.50`.
    pub amount: String,
}

/// The number of an account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountNumber {
    /// Capital letters and digits.
    pub iban: String,
}

impl Payment {
    /// The value of `type`.
    pub const NAME: &'static str = "payment_initiation";
    /// The longest text in one, in characters.
    const LONGEST: usize = 140;

    /// Reads a payment; `None` when it is another thing, or could be shown as something that it is not.
    pub fn read(detail: &AuthorizationDetail) -> Option<Self> {
        let payment: Self = detail.read().ok()?;
        let Amount { currency, amount } = &payment.instructed_amount;
        let money = currency.len() == 3 && currency.bytes().all(|it| it.is_ascii_uppercase());
        let iban = payment.creditor_account.as_ref().is_none_or(|it| is_iban(&it.iban));
        let purpose = payment.remittance_information_unstructured.as_deref().is_none_or(is_text);
        let right = money && is_amount(amount) && is_text(&payment.creditor_name) && iban && purpose;
        (right && detail.name() == Self::NAME).then_some(payment)
    }
}

/// Digits with at most three behind a dot, and not nothing.
fn is_amount(text: &str) -> bool {
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits =
        |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit());
    digits(whole, 12) && digits(rest, 3) && text.bytes().any(|it| (b'1'..=b'9').contains(&it))
}

fn is_iban(text: &str) -> bool {
    (15..=34).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit())
}

/// A line that reads as it is written: nothing in it turns the direction, hides or breaks the line.
fn is_text(text: &str) -> bool {
    let odd = |it: char| {
        it.is_control()
            || matches!(it, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    !text.trim().is_empty() && text.chars().count() <= Payment::LONGEST && !text.chars().any(odd)
}

impl DetailType for PaymentType {
    fn name(&self) -> &str {
        Payment::NAME
    }

    fn check(&self, detail: &AuthorizationDetail, _: &Client) -> Result<(), DetailProblem> {
        Payment::read(detail).map(drop).ok_or(DetailProblem)
    }

    fn describe(&self, detail: &AuthorizationDetail) -> String {
        Payment::read(detail).map_or_else(String::new, |it| {
            let Amount { currency, amount } = it.instructed_amount;
            format!("Pay {currency} {amount} to {}", it.creditor_name)
        })
    }
}

/// What a person has signed for. Whoever has it can show what was agreed to, by which passkey and when.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    signed: SignedTransaction,
    client: String,
}

const OWNER: IndexDeclaration = IndexDeclaration::many(OWNER_INDEX);

impl StoredRecord for Kept {
    const KIND: RecordKind = RecordKind::new("server.signed_transaction", &[OWNER]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        TokenDigest::of_bytes(self.signed.nonce.as_bytes()).to_text()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(OWNER, self.signed.account.to_string())]
    }
}

/// Keeps what was signed for, with the client that asked.
///
/// # Errors
///
/// The store fails, or has it already.
pub(crate) async fn keep(ports: &Ports, signed: SignedTransaction, client: &str) -> Result<(), PortError> {
    let kept = Kept { signed, client: client.to_owned() };
    let batch = Batch::new().require_absent(EntityRef::record::<Kept>(kept.key())).put(&kept)?;
    if ports.store().commit(batch).await?.is_applied() {
        Ok(())
    } else {
        Err(PortError::permanent("the transaction is kept already"))
    }
}

/// What was kept of an account, the newest last.
///
/// # Errors
///
/// The store fails.
pub async fn kept(ports: &Ports, account: AccountId) -> Result<Vec<SignedTransaction>, PortError> {
    let page = ciam_core::store::PageRequest::first(100);
    let found = ports.store().records_by(Kept::KIND, OWNER_INDEX, &account.to_string(), page).await?;
    let read = |record: ciam_core::store::Versioned<Record>| {
        Ok(record.value.decode::<Kept>().map_err(PortError::from)?.signed)
    };
    let mut all: Vec<SignedTransaction> =
        found.items.into_iter().map(read).collect::<Result<_, PortError>>()?;
    all.sort_by_key(|it| it.at);
    Ok(all)
}

/// The kinds of records of this server that belong to accounts.
#[must_use]
pub fn personal_kinds() -> Vec<PersonalKind> {
    vec![PersonalKind::told_by(Kept::KIND, told)]
}

fn told(record: &Record) -> Result<Option<Value>, PortError> {
    let kept: Kept = record.decode()?;
    let at = kept.signed.at.unix_timestamp();
    Ok(Some(serde_json::json!({ "details": kept.signed.details.items(), "client": kept.client, "at": at })))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(change: impl FnOnce(&mut Value)) -> Option<Payment> {
        let mut payment = json!({
            "type": "payment_initiation", "instructedAmount": { "currency": "EUR", "amount": "123.50" },
            "creditorName": "Merchant A", "creditorAccount": { "iban": "DE02100100109307118603" },
            "remittanceInformationUnstructured": "Ref Number 1",
        });
        change(&mut payment);
        Payment::read(&serde_json::from_value(payment).ok()?)
    }

    #[test]
    fn a_payment_says_what_it_is_and_nothing_that_is_not_shown() {
        assert_eq!(read(|_| {}).unwrap().creditor_name, "Merchant A");
        let bad: [(&str, Value); 16] = [
            ("/type", json!("payment")),
            ("/instructedAmount/currency", json!("eur")),
            ("/instructedAmount/currency", json!("EURO")),
            ("/instructedAmount/amount", json!("1e9")),
            ("/instructedAmount/amount", json!("-1")),
            ("/instructedAmount/amount", json!("0.00")),
            ("/instructedAmount/amount", json!("1.")),
            ("/instructedAmount/amount", json!("1.0000")),
            ("/instructedAmount/amount", json!(123)),
            ("/creditorName", json!("")),
            ("/creditorName", json!("Merchant\nA")),
            ("/creditorName", json!("tnahcreM\u{202e} A")),
            ("/creditorName", json!("x".repeat(141))),
            ("/creditorAccount/iban", json!("de02")),
            ("/remittanceInformationUnstructured", json!("a\u{200b}b")),
            ("/instructedAmount", json!({ "currency": "EUR", "amount": "1", "more": 1 })),
        ];
        for (pointer, value) in bad {
            let shown = format!("{pointer} {value}");
            assert_eq!(read(|it| *it.pointer_mut(pointer).unwrap() = value), None, "{shown}");
        }
        assert_eq!(read(|it| it["recurring"] = json!(true)), None, "what is not shown is not signed for");
    }
}
