//! What applications ask people who are elsewhere ([`ciam_oauth::backchannel`]): a till, a call centre or a bank's partner starts
//! it, and the person finds it here, signed in on a device of their own.
//!
//! A request is kept for its person until its time is over, and they are written to. Whoever wants to be asked by those alone
//! whom they told a code makes one in their account.

mod answer;
mod hint;

pub(crate) use answer::{Answered, Decision, answer, named_by_client};
use async_trait::async_trait;
use ciam_core::{
    account::IdentifierKey,
    ephemeral::EphemeralKey,
    error::PortError,
    id::AccountId,
    notify::{Message, MessageCode},
    ports::Ports,
    privacy::PersonalKind,
    ratelimit::{Limit, RateLimitError, RateLimiter},
    secret::{Secret, TokenDigest},
    store::{
        Batch, EntityRef, IndexDeclaration, IndexValue, OWNER_INDEX, PageRequest, Record, RecordKind,
        StoredRecord, Write, load,
    },
    vault::{SealScope, Sealed},
};
use ciam_oauth::{
    backchannel::{
        BackchannelPeople, BackchannelQuestion, BackchannelSettings, Hint, HintProblem, Notice,
        UserCodeProblem,
    },
    client::Client,
    device::UserCode,
};
pub(crate) use hint::HintIssuers;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::{
    config::{BackchannelRules, Config},
    services::Services,
};

/// The settings of the library, with our people and page.
pub(crate) fn settings(
    config: &Config,
    rules: &BackchannelRules,
    ports: &Ports,
) -> anyhow::Result<BackchannelSettings> {
    let people = People {
        ports: ports.clone(),
        issuer: config.issuer.as_str().to_owned(),
        letters: rules.letters,
        hints: HintIssuers::new(config, ports)?,
        anybody: config.dangerous.answer_backchannel,
    };
    Ok(BackchannelSettings::new(std::sync::Arc::new(people), DONE)
        .with_delivery(rules.delivery.iter().copied())
        .with_lifetime(rules.lifetime, rules.longest)
        .with_user_codes())
}

/// Where a person is told how it went.
pub(crate) const DONE: &str = "/request/done";

/// Finds people by what they sign in with, and reaches them by letter and in their account.
#[derive(Debug)]
struct People {
    ports: Ports,
    /// What this server is called in tokens.
    issuer: String,
    letters: bool,
    hints: HintIssuers,
    /// Whether requests are found by the name that their clients have for them.
    anybody: bool,
}

#[async_trait]
impl BackchannelPeople for People {
    async fn find(
        &self,
        client: &Client,
        hint: Hint<'_>,
    ) -> Result<Result<AccountId, HintProblem>, PortError> {
        let key = match hint {
            Hint::Login(typed) => IdentifierKey::guess(typed).map_err(|_| HintProblem::Unknown),
            Hint::LoginToken(token) => self.hints.read(&self.ports, &client.id, token, &self.issuer).await?,
            _ => Err(HintProblem::Unknown),
        };
        let key = match key {
            Ok(key) => key,
            Err(why) => return Ok(Err(why)),
        };
        let found = self.ports.store().account_by_identifier(&key).await?.map(|found| found.value);
        // What is reserved for somebody who left it is nobody's.
        let found = found.filter(|account| account.held().any(|it| it.key == key));
        Ok(found.map(|account| account.id).ok_or(HintProblem::Unknown))
    }

    async fn lets_ask(
        &self,
        _: &Client,
        account: AccountId,
        user_code: Option<&Secret>,
    ) -> Result<Result<(), UserCodeProblem>, PortError> {
        let Some(own) = code_of(&self.ports, account).await? else { return Ok(Ok(())) };
        let Some(given) = user_code else { return Ok(Err(UserCodeProblem::Missing)) };
        match RateLimiter::new(self.ports.clone()).attempt(&TRIES, &account.to_string()).await {
            Ok(()) => {}
            Err(RateLimitError::Port(error)) => return Err(error),
            Err(_) => return Ok(Err(UserCodeProblem::Invalid)),
        }
        let given = UserCode::parse(given.expose()).map(|code| code.expose());
        let right = given.is_some_and(|given| own.ct_eq(&given));
        Ok(if right { Ok(()) } else { Err(UserCodeProblem::Invalid) })
    }

    async fn reach(&self, notice: &Notice<'_>) -> Result<(), PortError> {
        let (ports, account) = (&self.ports, notice.account);
        let handle = notice.handle.expose().as_bytes();
        let sealed = ports.vault().seal(&SealScope::Account(account), HANDLE, handle).await?;
        let name = notice.handle.digest().to_text();
        if self.anybody {
            let key = by_client_name(notice.request);
            let stays = notice.expires_at - ports.now();
            ports.ephemeral().put_if_absent(&key, name.clone().into_bytes(), stays).await?;
        }
        let asked = Asked { name, account, handle: sealed, expires_at: notice.expires_at };
        let mut batch = Batch::new().require_absent(EntityRef::record::<Asked>(asked.key())).put(&asked)?;
        if let Some(message) = self.letter(notice).await? {
            batch = batch.message(message.seal(ports).await?);
        }
        if ports.store().commit(batch).await?.is_applied() {
            Ok(())
        } else {
            Err(PortError::permanent("a random name was made twice"))
        }
    }
}

impl People {
    async fn letter(&self, notice: &Notice<'_>) -> Result<Option<Message>, PortError> {
        let account = self.ports.store().account(notice.account).await?.filter(|_| self.letters);
        let Some(account) = account.map(|found| found.value) else { return Ok(None) };
        let (code, until) = (MessageCode::ApplicationAsks, notice.expires_at);
        let Some(message) = Message::to_owner(&self.ports, &account, code, until)? else { return Ok(None) };
        let minutes = (until - self.ports.now()).whole_minutes().max(1);
        let client = notice.client;
        let mut message = message
            .with("client", client.display.name.as_deref().unwrap_or(client.id.as_str()))
            .with("minutes", minutes.to_string())
            .with("token", notice.handle.expose());
        if let Some(shown) = notice.binding_message {
            message = message.with("message", shown);
        }
        let languages = account.profile.text("locale").map(ToOwned::to_owned);
        Ok(Some(message.with_languages(languages.into_iter().collect())))
    }
}

/// A request that waits for its person. What is asked the library knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Asked {
    /// The digest of the handle.
    name: String,
    account: AccountId,
    handle: Sealed,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

const OWNER: IndexDeclaration = IndexDeclaration::many(OWNER_INDEX);

impl StoredRecord for Asked {
    const KIND: RecordKind = RecordKind::new("server.backchannel_request", &[OWNER]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(OWNER, self.account.to_string())]
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        Some(self.expires_at)
    }
}

/// The code by which a person lets themselves be asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct RequestCode {
    account: AccountId,
    code: Sealed,
}

impl StoredRecord for RequestCode {
    const KIND: RecordKind = RecordKind::new("server.request_code", &[OWNER]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.account.to_string()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(OWNER, self.account.to_string())]
    }
}

/// What waits for an account's answer: the name of each request, and what is asked.
///
/// # Errors
///
/// A port fails.
pub(crate) async fn waiting(
    services: &Services,
    account: AccountId,
) -> Result<Vec<(String, BackchannelQuestion)>, PortError> {
    if services.server.config().backchannel.is_none() {
        return Ok(Vec::new());
    }
    let store = services.ports.store();
    let found =
        store.records_by(Asked::KIND, OWNER_INDEX, &account.to_string(), PageRequest::first(SHOWN)).await?;
    let mut waiting = Vec::new();
    for record in found.items {
        let asked: Asked = record.value.decode()?;
        let handle = asked.open(&services.ports).await?;
        let question = services.server.backchannel_question(&handle).await?;
        waiting.extend(question.filter(|it| it.account == account).map(|it| (asked.name, it)));
    }
    waiting.sort_by_key(|(_, question)| question.expires_at);
    Ok(waiting)
}

/// The handle of an account's request; `None` where it has no such request.
///
/// # Errors
///
/// A port fails.
pub(crate) async fn handle_of(
    ports: &Ports,
    account: AccountId,
    name: &str,
) -> Result<Option<Secret>, PortError> {
    match load::<Asked>(ports.store(), name).await? {
        Some(asked) if asked.value.account == account => Ok(Some(asked.value.open(ports).await?)),
        _ => Ok(None),
    }
}

impl Asked {
    async fn open(&self, ports: &Ports) -> Result<Secret, PortError> {
        let bytes = ports.vault().open(&SealScope::Account(self.account), HANDLE, &self.handle).await?;
        let text = std::str::from_utf8(bytes.expose()).map_err(PortError::permanent)?;
        Ok(Secret::from(text))
    }
}

/// Where the name of a request is kept by the digest of what its client calls it.
fn by_client_name(auth_req_id: TokenDigest) -> EphemeralKey {
    EphemeralKey::new("server.backchannel_name", auth_req_id.to_text())
}

/// The code by which an account lets itself be asked, if it has one.
///
/// # Errors
///
/// A port fails.
pub(crate) async fn code_of(ports: &Ports, account: AccountId) -> Result<Option<Secret>, PortError> {
    let Some(stored) = load::<RequestCode>(ports.store(), &account.to_string()).await? else {
        return Ok(None);
    };
    let bytes = ports.vault().open(&SealScope::Account(account), CODE, &stored.value.code).await?;
    let text = std::str::from_utf8(bytes.expose()).map_err(PortError::permanent)?;
    Ok(Some(Secret::from(text)))
}

/// Makes a code, which takes the place of another.
///
/// # Errors
///
/// A port fails.
pub(crate) async fn make_code(ports: &Ports, account: AccountId) -> Result<(), PortError> {
    let code = UserCode::generate(ports.entropy())?.expose();
    let sealed = ports.vault().seal(&SealScope::Account(account), CODE, code.as_bytes()).await?;
    // Of two at once either may be the one that stays: the page shows which.
    let batch = Batch::new().put(&RequestCode { account, code: sealed })?;
    let _applied = ports.store().commit(batch).await?;
    Ok(())
}

/// Takes the code away: every application may ask again.
///
/// # Errors
///
/// A port fails.
pub(crate) async fn remove_code(ports: &Ports, account: AccountId) -> Result<(), PortError> {
    let gone = Write::DeleteRecord(RequestCode::KIND, account.to_string());
    let _applied = ports.store().commit(Batch::new().write(gone)).await?;
    Ok(())
}

/// The kinds of records of this module that belong to accounts.
#[must_use]
pub fn personal_kinds() -> Vec<PersonalKind> {
    vec![
        PersonalKind::told_by(Asked::KIND, told_request),
        PersonalKind::told_by(RequestCode::KIND, told_code),
    ]
}

fn told_request(record: &Record) -> Result<Option<Value>, PortError> {
    let asked: Asked = record.decode()?;
    Ok(Some(json!({ "until": asked.expires_at.unix_timestamp() })))
}

fn told_code(record: &Record) -> Result<Option<Value>, PortError> {
    let _code: RequestCode = record.decode()?;
    Ok(Some(json!({ "has_code": true })))
}

const HANDLE: &str = "server.backchannel_request";
const CODE: &str = "server.request_code";

/// Tries at an account's code, by all applications together.
const TRIES: Limit = Limit::new("server.request_code", 10, Duration::HOUR);

/// So many requests are shown; no more can wait, by the library's own limit for a person.
const SHOWN: u32 = 100;
