//! Texts and the choice of a language.
//!
//! A catalogue is a typed structure read from `templates/i18n/*.toml`, so a template that names a text that
//! does not exist does not compile, and a language that lacks one does not start. Adding a language is one
//! file and one line in [`Language::ALL`].

mod language;

use std::{collections::BTreeSet, fmt};

use askama::filters::HtmlSafe;
use serde::{Deserialize, de};

pub use language::Language;

/// One text of the catalogue. It may hold parameters, written `{name}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message(String);

impl Message {
    /// The text with the parameter `{name}` replaced by `value`.
    ///
    /// The result is plain text: templates escape it like any other value.
    pub fn with(&self, name: &str, value: impl fmt::Display) -> String {
        self.fill(&[(name, value)])
    }

    /// The text with each named parameter replaced by its value, in one pass: what a value contains is not
    /// looked at again.
    pub fn fill<T: fmt::Display>(&self, values: &[(&str, T)]) -> String {
        let mut filled = String::with_capacity(self.0.len());
        let mut rest = self.0.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let named = after.split_once('}');
            match named.and_then(|(name, tail)| Some((values.iter().find(|it| it.0 == name)?, tail))) {
                Some(((_, value), tail)) => {
                    filled.push_str(&value.to_string());
                    rest = tail;
                }
                None => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled.push_str(rest);
        filled
    }

    /// The text as it stands.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names of the parameters in the text.
    pub fn parameters(&self) -> BTreeSet<&str> {
        self.0.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Message> for String {
    fn from(message: Message) -> Self {
        message.0
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim().is_empty() {
            return Err(de::Error::custom("a text must not be empty"));
        }
        Ok(Self(text))
    }
}

/// Declares the catalogue: its sections, and the texts of each.
macro_rules! catalogue {
    ($($(#[$doc:meta])* $section:ident: $name:ident { $($key:ident,)* })*) => {
        /// All texts in one language.
        #[derive(Clone, Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Texts {
            $($(#[$doc])* pub $section: $name,)*
        }

        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Deserialize)]
            #[serde(deny_unknown_fields)]
            #[expect(missing_docs, reason = "each field is the text of that name in the catalogue")]
            pub struct $name { $(pub $key: Message,)* }
        )*

        impl Texts {
            /// Every text with its section and key.
            pub fn entries(&self) -> Vec<(&'static str, &'static str, &Message)> {
                vec![$($((stringify!($section), stringify!($key), &self.$section.$key),)*)*]
            }
        }
    };
}

catalogue! {
    /// The language itself.
    meta: MetaTexts {
        code, name,
    }
    /// What surrounds every page.
    frame: FrameTexts {
        skip, error_prefix, language, account, sign_in, sign_out, development, mail,
    }
    /// Labels and complaints of form fields.
    field: FieldTexts {
        email, display_name, password, code, email_invalid, name_invalid, password_short,
        password_long, password_common, password_context, code_wrong, slow_down,
    }
    /// The start page.
    home: HomeTexts {
        title, lead, sign_up, signed_in_as, open_account, try_title, try_lead, demo_account,
        demo_application, demo_application_hint, demo_api, demo_api_hint, mail, mail_hint,
        discovery, discovery_hint,
    }
    /// Registration.
    sign_up: SignUpTexts {
        title, lead, password_hint, name_hint, submit, have_account, closed,
    }
    /// Proof of the email address.
    verify: VerifyTexts {
        title, lead, hint, submit, no_mail, resend, resent, restart, taken,
    }
    /// Sign-in.
    sign_in: SignInTexts {
        title, continue_to, identifier, submit, failed, again, no_account, create,
    }
    /// Sign-out.
    sign_out: SignOutTexts {
        title, lead, by_client, submit, stay, done_title, done_lead, again,
    }
    /// Consent.
    consent: ConsentTexts {
        title, lead, again_title, allow, deny, remember, redirect, first_time, switch,
    }
    /// Scopes in human words.
    scopes: ScopesTexts {
        openid, openid_hint, profile, profile_hint, email, email_hint, phone, phone_hint, address,
        address_hint, offline_access, offline_access_hint, other,
    }
    /// The account page.
    account: AccountTexts {
        title, profile, name, language, member_since, save, saved, identifiers, identifiers_hint,
        verified, unverified, primary, kind_email, kind_phone, kind_username, sessions,
        sessions_hint, this_device, started, seen, unknown_device, end, end_others, ended,
        ended_one, applications, applications_none, granted, revoke, revoked, organizations,
    }
    /// Error pages.
    error: ErrorTexts {
        title, lead, bad_request_title, bad_request_lead, expired_title, expired_lead,
        forbidden_title, forbidden_lead, not_found_title, not_found_lead, too_large_title,
        too_large_lead, method_title, method_lead, busy_title, busy_lead, unavailable_title,
        unavailable_lead, reference, home,
    }
    /// The mail catcher.
    mailbox: MailboxTexts {
        title, lead, empty, to, at, back, code, refresh,
    }
    /// The choice of an account.
    choose: ChooseTexts {
        title, other,
    }
    /// Messages to the account holder.
    mail: MailTexts {
        greeting, code_subject, code_body, code_valid, code_ignore, exists_subject, exists_body,
        exists_action, exists_ignore, other_subject, other_body, footer,
    }
}

/// The catalogues of every language.
#[derive(Clone, Debug)]
pub struct Catalogues {
    default: Texts,
    all: Vec<(Language, Texts)>,
}

impl Catalogues {
    /// Reads the catalogues that are part of the program.
    ///
    /// # Errors
    ///
    /// A catalogue lacks a text, has an unknown one, or is not TOML.
    pub fn load() -> Result<Self, CatalogueError> {
        let read = |language: &Language| match toml::from_str::<Texts>(language.source()) {
            Ok(texts) => Ok((*language, texts)),
            Err(source) => Err(CatalogueError { language: language.code(), source }),
        };
        let default = read(&Language::default())?.1;
        let others = Language::ALL.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { default, all: others })
    }

    /// The texts of a language.
    pub fn of(&self, language: Language) -> &Texts {
        self.all.iter().find(|(it, _)| *it == language).map_or(&self.default, |(_, texts)| texts)
    }
}

/// A catalogue that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the texts for language `{language}` cannot be used")]
pub struct CatalogueError {
    language: &'static str,
    source: toml::de::Error,
}

impl HtmlSafe for Language {}

#[cfg(test)]
mod tests;
