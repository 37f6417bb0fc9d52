//! The rules that need more than one key.

use std::{collections::BTreeSet, path::Path};

use ciam_core::{
    account::{IdentifierKey, schema::AttributeSchema},
    organization::{RoleName, Slug},
    webhook::{EventFilter, WebhookId, WebhookSecret},
};

use ciam_oauth::client::{AuthMethod, ClientSecret, GrantType};

use super::schema::{
    AccountEntry, ClientEntry, ImportFile, OrganizationEntry, PolicyEntry, PurposeEntry, WebhookEntry,
};
use crate::{
    document::{Document, KeyPath, Problem},
    i18n::Language,
};

/// A file that was read and checked.
#[derive(Clone, Debug)]
pub struct Import {
    document: Document,
    content: ImportFile,
}

impl Import {
    /// Reads and checks a file.
    ///
    /// # Errors
    ///
    /// Every problem that was found; the file is refused whole.
    pub fn read(file: &Path) -> Result<Self, Vec<Problem>> {
        Self::from_document(Document::read(file).map_err(|problem| vec![problem])?)
    }

    /// Checks a document.
    ///
    /// # Errors
    ///
    /// Every problem that was found; the document is refused whole.
    pub fn from_document(document: Document) -> Result<Self, Vec<Problem>> {
        let content: ImportFile = document.parse().map_err(|problem| vec![problem])?;
        let mut check = Check { document: &document, problems: Vec::new() };
        check.file(&content);
        let problems = check.problems;
        if problems.is_empty() { Ok(Self { document, content }) } else { Err(problems) }
    }

    /// What the file says.
    pub fn content(&self) -> &ImportFile {
        &self.content
    }

    /// The text, to say where a later problem is.
    pub fn document(&self) -> &Document {
        &self.document
    }
}

struct Check<'a> {
    document: &'a Document,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn refuse(&mut self, path: &KeyPath, message: impl Into<String>) {
        self.problems.push(self.document.problem(path, message));
    }

    fn file(&mut self, file: &ImportFile) {
        let list = |key| move |index| KeyPath::of(key).at(index);
        self.unique(list("clients"), "id", file.clients.iter().map(|it| Some(it.id.as_str().to_owned())));
        for (index, client) in file.clients.iter().enumerate() {
            self.client(&list("clients")(index), client);
        }
        self.unique(list("resources"), "id", file.resources.iter().map(|it| Some(it.id.as_str().to_owned())));
        if let Err(why) = AttributeSchema::standard().and(&file.attributes).validate() {
            self.refuse(&KeyPath::of("attributes").key(&why.name), why.to_string());
        }
        for (name, labels) in &file.attribute_labels {
            let key = KeyPath::of("attribute_labels").key(name);
            if file.attributes.get(name).is_none() {
                self.refuse(&key, "there is no such attribute in this file");
            }
            for (language, label) in labels {
                if Language::from_tag(language).is_none() {
                    self.refuse(&key.key(language), "must be en, fr or de");
                }
                if label.trim().is_empty() || label.chars().count() > 80 {
                    self.refuse(&key.key(language), "must have 1 to 80 characters");
                }
            }
        }
        let email = |text: &str| IdentifierKey::email(text).ok().map(|it| it.as_str().to_owned());
        self.unique(list("accounts"), "email", file.accounts.iter().map(|it| email(&it.email)));
        for (index, account) in file.accounts.iter().enumerate() {
            self.account(&list("accounts")(index), account);
        }
        self.unique(list("roles"), "name", file.roles.iter().map(|it| Some(it.name.clone())));
        for (index, role) in file.roles.iter().enumerate() {
            if let Err(why) = role.role() {
                self.refuse(&list("roles")(index), why);
            }
        }
        self.unique(list("organizations"), "slug", file.organizations.iter().map(|it| Some(it.slug.clone())));
        for (index, organization) in file.organizations.iter().enumerate() {
            self.organization(&list("organizations")(index), organization);
        }
        self.unique(list("purposes"), "id", file.purposes.iter().map(|it| Some(it.id.clone())));
        for (index, purpose) in file.purposes.iter().enumerate() {
            self.purpose(&list("purposes")(index), purpose);
        }
        let services = file.saml_services.iter().map(|it| Some(it.id.clone()));
        self.unique(list("saml_services"), "id", services);
        let connections = file.saml_connections.iter().map(|it| Some(it.name.clone()));
        self.unique(list("saml_connections"), "name", connections);
        for (kind, index, key, why) in super::saml::check(file, self.document.name()) {
            self.refuse(&list(kind)(index).key(key), why);
        }
        self.unique(list("webhooks"), "id", file.webhooks.iter().map(|it| Some(it.id.clone())));
        for (index, webhook) in file.webhooks.iter().enumerate() {
            self.webhook(&list("webhooks")(index), webhook);
        }
    }

    /// No two entries of a list name the same thing. What cannot be read is refused elsewhere.
    fn unique(
        &mut self,
        entry: impl Fn(usize) -> KeyPath,
        key: &str,
        values: impl Iterator<Item = Option<String>>,
    ) {
        let mut seen = BTreeSet::new();
        for (index, value) in values.enumerate() {
            if value.is_some_and(|value| !seen.insert(value)) {
                self.refuse(&entry(index).key(key), "an entry above has the same value");
            }
        }
    }

    /// The name stands in records and URLs, and what people are shown has words.
    fn purpose(&mut self, path: &KeyPath, purpose: &PurposeEntry) {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
        if !(1..=64).contains(&purpose.id.len()) || !purpose.id.bytes().all(allowed) {
            self.refuse(&path.key("id"), "must be 1 to 64 lower-case letters, digits, `-` and `_`");
        }
        for (key, text, max) in
            [("version", &purpose.version, 64), ("title", &purpose.title, 128), ("text", &purpose.text, 2000)]
        {
            if text.trim().is_empty() || text.chars().count() > max {
                self.refuse(&path.key(key), format!("must have 1 to {max} characters"));
            }
        }
        for code in
            purpose.translations.keys().filter(|it| Language::ALL.iter().all(|known| known.code() != *it))
        {
            self.refuse(&path.key("translations").key(code), "is not a language of the pages");
        }
    }

    fn client(&mut self, path: &KeyPath, client: &ClientEntry) {
        self.name(path, &client.name);
        self.client_authentication(path, client);
        // Such a URI is well formed, and would never match what its author hopes.
        for (index, _) in
            client.redirect_uris.iter().enumerate().filter(|(_, uri)| uri.as_str().contains('*'))
        {
            let path = path.key("redirect_uris").at(index);
            self.refuse(&path, "must not have wildcards: redirect URIs are compared character by character");
        }
        let code = client.grants.contains(&GrantType::AuthorizationCode);
        if code && client.redirect_uris.is_empty() {
            self.refuse(&path.key("redirect_uris"), "is needed for the grant authorization_code");
        }
        if let Some(hints) = client.backchannel.as_ref().and_then(|it| it.login_hint_tokens.as_ref()) {
            let path = path.key("backchannel").key("login_hint_tokens");
            if hints.jwks.is_some() == hints.jwks_uri.is_some() {
                self.refuse(&path, "needs exactly one of `jwks` and `jwks_uri`");
            }
            if hints.jwks_uri.as_deref().is_some_and(|it| !it.starts_with("https://")) {
                self.refuse(&path.key("jwks_uri"), "must be an https URL");
            }
        }
        let device = client.grants.contains(&GrantType::DeviceCode);
        let elsewhere = client.backchannel.is_some();
        if !code && !device && !elsewhere && client.grants.contains(&GrantType::RefreshToken) {
            self.refuse(
                &path.key("grants"),
                "refresh_token is of use with authorization_code, device_code and ciba only",
            );
        }
        if client.grants.contains(&GrantType::ClientCredentials) && client.authentication == AuthMethod::None
        {
            self.refuse(&path.key("grants"), "client_credentials needs a client that authenticates");
        }
    }

    fn client_authentication(&mut self, path: &KeyPath, client: &ClientEntry) {
        let secrets = usize::from(client.secret.is_some()) + usize::from(client.secret_env.is_some());
        let keys = usize::from(client.jwks.is_some()) + usize::from(client.jwks_uri.is_some());
        let (want_secrets, want_keys, what) = match client.authentication {
            AuthMethod::None => (0, 0, "none: neither a secret nor keys"),
            AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost | AuthMethod::ClientSecretJwt => {
                (1, 0, "a client secret: exactly one of `secret` and `secret_env`, and no keys")
            }
            #[cfg(feature = "draft-attested-clients")]
            AuthMethod::AttestJwtClientAuth => {
                (0, 1, "the keys of its attesters: exactly one of `jwks` and `jwks_uri`, and no secret")
            }
            AuthMethod::PrivateKeyJwt => {
                (0, 1, "private_key_jwt: exactly one of `jwks` and `jwks_uri`, and no secret")
            }
            // Keys beside a certificate are for signed requests.
            AuthMethod::TlsClientAuth | AuthMethod::SelfSignedTlsClientAuth => {
                (0, keys.min(1), "a certificate, and no secret")
            }
            _ => (0, 0, "nothing that this server knows"),
        };
        if (secrets, keys) != (want_secrets, want_keys) {
            self.refuse(&path.key("authentication"), format!("goes with {what}"));
        }
        if let Some(Err(why)) = client.secret.as_ref().map(|it| ClientSecret::new(it.expose())) {
            self.refuse(&path.key("secret"), why.to_string());
        }
        if let Some(variable) = &client.secret_env {
            let path = path.key("secret_env");
            if let Some(Err(why)) = self.variable(&path, variable).map(|it| ClientSecret::new(it.as_str())) {
                self.refuse(&path, format!("the variable `{variable}`: {why}"));
            }
        }
        if client.jwks_uri.as_deref().is_some_and(|it| !it.starts_with("https://")) {
            self.refuse(&path.key("jwks_uri"), "must be an https URL");
        }
    }

    fn webhook(&mut self, path: &KeyPath, webhook: &WebhookEntry) {
        if let Err(why) = WebhookId::new(webhook.id.as_str()) {
            self.refuse(&path.key("id"), why.to_string());
        }
        for (index, filter) in webhook.events.iter().enumerate() {
            if let Err(why) = EventFilter::new(filter.as_str()) {
                self.refuse(&path.key("events").at(index), why.to_string());
            }
        }
        if webhook.secret.is_some() == webhook.secret_env.is_some() {
            self.refuse(path, "exactly one of `secret` and `secret_env`");
        }
        if let Some(Err(why)) = webhook.secret.as_ref().map(|it| WebhookSecret::parse(it.expose())) {
            self.refuse(&path.key("secret"), why.to_string());
        }
        if let Some(variable) = &webhook.secret_env {
            let path = path.key("secret_env");
            if let Some(Err(why)) = self.variable(&path, variable).map(|it| WebhookSecret::parse(&it)) {
                self.refuse(&path, format!("the variable `{variable}`: {why}"));
            }
        }
    }

    fn account(&mut self, path: &KeyPath, account: &AccountEntry) {
        if IdentifierKey::email(&account.email).is_err() {
            self.refuse(&path.key("email"), "is not an email address");
        }
        if account.username.as_deref().is_some_and(|it| IdentifierKey::username(it).is_err()) {
            self.refuse(&path.key("username"), "must be 2 to 64 letters, digits, `.`, `-` and `_`");
        }
        if account.phone.as_deref().is_some_and(|it| IdentifierKey::phone(it).is_err()) {
            self.refuse(&path.key("phone"), "is not a phone number such as +44 20 7946 0958");
        }
        for (key, text) in [
            ("name", &account.name),
            ("given_name", &account.given_name),
            ("family_name", &account.family_name),
        ] {
            if text.as_deref().is_some_and(|it| !is_name(it)) {
                self.refuse(&path.key(key), NAME_RULE);
            }
        }
        let given =
            [account.password.is_some(), account.password_env.is_some(), account.password_hash.is_some()];
        if given.iter().filter(|it| **it).count() > 1 {
            self.refuse(path, "at most one of `password`, `password_env` and `password_hash`");
        }
        if let Some(variable) = &account.password_env {
            self.variable(&path.key("password_env"), variable);
        }
        if account.password_hash.as_ref().is_some_and(|it| !it.expose().starts_with('$')) {
            self.refuse(&path.key("password_hash"), "is not a PHC string such as $argon2id$v=19$...");
        }
    }

    fn organization(&mut self, path: &KeyPath, organization: &OrganizationEntry) {
        if let Err(why) = Slug::new(organization.slug.as_str()) {
            self.refuse(&path.key("slug"), why.to_string());
        }
        self.name(path, &organization.name);
        if let Some(Err(field)) = organization.policy.as_ref().map(PolicyEntry::policy) {
            self.refuse(&path.key("policy").key(field), "is not valid");
        }
        let email = |text: &str| IdentifierKey::email(text).ok().map(|it| it.as_str().to_owned());
        let entry = |index| path.key("members").at(index);
        self.unique(entry, "email", organization.members.iter().map(|it| email(&it.email)));
        for (index, member) in organization.members.iter().enumerate() {
            let path = path.key("members").at(index);
            if IdentifierKey::email(&member.email).is_err() {
                self.refuse(&path.key("email"), "is not an email address");
            }
            for role in &member.roles {
                if let Err(why) = RoleName::new(role.as_str()) {
                    self.refuse(&path.key("roles"), why.to_string());
                }
            }
        }
    }

    fn name(&mut self, path: &KeyPath, name: &str) {
        if !is_name(name) {
            self.refuse(&path.key("name"), NAME_RULE);
        }
    }

    /// The value of a variable, which must be there. It is read again when it is used.
    fn variable(&mut self, path: &KeyPath, name: &str) -> Option<String> {
        match std::env::var(name) {
            Ok(value) if !value.is_empty() => Some(value),
            Ok(_) | Err(_) => {
                self.refuse(path, format!("the variable `{name}` is not set"));
                None
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= MAX_NAME && !text.chars().any(char::is_control)
}

/// Whether a URL is on the machine itself.
pub(crate) fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

const NAME_RULE: &str = "must be 1 to 200 characters without control characters";
const MAX_NAME: usize = 200;
