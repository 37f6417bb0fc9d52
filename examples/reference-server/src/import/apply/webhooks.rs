//! Webhooks of an import file.

use ciam_core::{
    actor::Actor,
    error::PortError,
    ports::Ports,
    webhook::{EventFilter, WebhookError, WebhookId, WebhookPut, WebhookSecret, WebhookSettings, Webhooks},
};

use super::Done;
use crate::{
    document::{KeyPath, Problem},
    import::{Import, WebhookEntry},
};

/// Reads the entries and asks the registry what it makes of them.
pub(super) fn plan(ports: &Ports, import: &Import, problems: &mut Vec<Problem>) -> Vec<WebhookSettings> {
    let registry = Webhooks::new(ports.clone());
    let mut plans = Vec::new();
    for (index, entry) in import.content().webhooks.iter().enumerate() {
        let planned = settings(entry).and_then(|it| match registry.check(&it) {
            Ok(()) => Ok(it),
            Err(why) => Err(why.to_string()),
        });
        match planned {
            Ok(settings) => plans.push(settings),
            Err(why) => problems.push(import.document().problem(&KeyPath::of("webhooks").at(index), why)),
        }
    }
    plans
}

/// Creates the webhook or updates it where it differs.
pub(super) async fn apply(ports: &Ports, settings: &WebhookSettings) -> Result<Done, PortError> {
    match Webhooks::new(ports.clone()).put(&Actor::system("import"), settings).await {
        Ok(WebhookPut::Created) => Ok(Done::Created),
        Ok(WebhookPut::Updated) => Ok(Done::Updated),
        Ok(WebhookPut::Unchanged) => Ok(Done::Unchanged),
        Err(WebhookError::Port(error)) => Err(error),
        // Refusals were found by `plan`.
        Err(other) => Err(PortError::permanent(other)),
    }
}

fn settings(entry: &WebhookEntry) -> Result<WebhookSettings, String> {
    let inline = entry.secret.as_ref().map(|it| it.expose().to_owned());
    let variable = || entry.secret_env.as_ref().and_then(|it| std::env::var(it).ok());
    let text = inline.or_else(variable).ok_or("the secret is missing")?;
    let secret = WebhookSecret::parse(&text).map_err(|why| why.to_string())?;
    let id = WebhookId::new(entry.id.as_str()).map_err(|why| why.to_string())?;
    let events = entry.events.iter().map(|it| EventFilter::new(it.as_str()));
    let events = events.collect::<Result<_, _>>().map_err(|why| why.to_string())?;
    Ok(WebhookSettings::new(id, entry.url.as_str(), secret).with_events(events).with_enabled(entry.enabled))
}
