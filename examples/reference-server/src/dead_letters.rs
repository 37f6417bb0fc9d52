//! The command that looks at dead letters and drives them again.

use std::io::Write;

use anyhow::Context as _;
use ciam_core::{
    actor::Actor,
    id::EventId,
    ports::Ports,
    relay::{DeadLetter, DeadLetters, Redrive},
    store::PageRequest,
};

use crate::cli::DeadLetterAction;

/// Carries out the command, and writes what it found or did.
///
/// # Errors
///
/// The store fails, an event does not exist or is not an id, or nothing can be written.
pub async fn run(ports: &Ports, action: &DeadLetterAction, out: &mut impl Write) -> anyhow::Result<()> {
    let letters = DeadLetters::new(ports.clone());
    match action {
        DeadLetterAction::List { destination } => {
            for_each(&letters, destination.as_deref(), async |letter| {
                writeln!(out, "{}", serde_json::to_string(&letter)?)?;
                Ok(())
            })
            .await?;
        }
        DeadLetterAction::Redrive { destination, event } => {
            let number = change(&letters, destination, event.as_deref(), true).await?;
            writeln!(out, "{number} queued again")?;
        }
        DeadLetterAction::Discard { destination, event } => {
            let number = change(&letters, destination, event.as_deref(), false).await?;
            writeln!(out, "{number} thrown away")?;
        }
    }
    Ok(())
}

async fn change(
    letters: &DeadLetters,
    destination: &str,
    event: Option<&str>,
    again: bool,
) -> anyhow::Result<usize> {
    let actor = Actor::system("dead-letters");
    let one = async |id: EventId| match again {
        true => letters.redrive(&actor, destination, id).await,
        false => letters.discard(&actor, destination, id).await,
    };
    if let Some(event) = event {
        let id: EventId = event.parse().with_context(|| format!("`{event}` is not the id of an event"))?;
        let done = one(id).await? == Redrive::Done;
        anyhow::ensure!(done, "there is no dead letter `{event}` of `{destination}`");
        return Ok(1);
    }
    let mut number = 0;
    for_each(letters, Some(destination), async |letter: DeadLetter| {
        number += usize::from(one(letter.event.id).await? == Redrive::Done);
        Ok(())
    })
    .await?;
    Ok(number)
}

/// Goes through dead letters, a page at a time.
async fn for_each(
    letters: &DeadLetters,
    destination: Option<&str>,
    mut work: impl AsyncFnMut(DeadLetter) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut request = PageRequest::first(200);
    loop {
        let page = letters.list(destination, request).await?;
        for letter in page.items {
            work(letter).await?;
        }
        match page.next {
            Some(cursor) => request = PageRequest::after(cursor, 200),
            None => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use ciam_core::{
        error::PortError,
        event::{Event, EventType},
        memory::{self, MemoryNotifier},
        relay::{EventSink, Relay, RelayReport},
        store::Batch,
    };

    use super::*;

    /// A destination that takes nothing.
    #[derive(Debug)]
    struct Refusing;

    #[async_trait]
    impl EventSink for Refusing {
        fn name(&self) -> &str {
            "webhook:shop"
        }

        fn wants(&self, event: &Event) -> bool {
            event.event_type == EventType::ACCOUNT_UPDATED
        }

        async fn deliver(&self, _event: &Event) -> Result<(), PortError> {
            Err(PortError::permanent("the endpoint answered with status 410"))
        }
    }

    async fn work(ports: &Ports, relay: &Relay, events: usize) {
        for number in 0..events {
            let event = Event::new(ports, EventType::ACCOUNT_UPDATED, format!("account:{number}")).unwrap();
            assert!(ports.store().commit(Batch::new().event(event)).await.unwrap().is_applied());
        }
        while relay.deliver_pending().await.unwrap() != RelayReport::default() {}
    }

    async fn say(ports: &Ports, action: &DeadLetterAction) -> String {
        let mut out = Vec::new();
        run(ports, action, &mut out).await.unwrap();
        String::from_utf8(out).unwrap()
    }

    #[tokio::test]
    async fn dead_letters_are_listed_driven_again_and_thrown_away() {
        let ports = memory::ports();
        let relay = Relay::new(ports.clone(), Arc::new(MemoryNotifier::new())).with_sink(Arc::new(Refusing));
        work(&ports, &relay, 3).await;
        let list = |destination: &str| DeadLetterAction::List { destination: Some(destination.to_owned()) };
        let listed = say(&ports, &list("webhook:shop")).await;
        assert_eq!(listed.lines().count(), 3, "{listed}");
        assert!(listed.contains("status 410"), "{listed}");
        assert_eq!(say(&ports, &list("nats")).await, "");
        assert_eq!(say(&ports, &DeadLetterAction::List { destination: None }).await, listed);

        let first: DeadLetter = serde_json::from_str(listed.lines().next().unwrap()).unwrap();
        let (destination, event) = ("webhook:shop".to_owned(), Some(first.event.id.to_string()));
        let one = DeadLetterAction::Discard { destination: destination.clone(), event: event.clone() };
        assert_eq!(say(&ports, &one).await, "1 thrown away\n");
        assert!(run(&ports, &one, &mut Vec::new()).await.is_err(), "it is gone");
        let all = DeadLetterAction::Redrive { destination: destination.clone(), event: None };
        assert_eq!(say(&ports, &all).await, "2 queued again\n");
        assert_eq!(say(&ports, &list("webhook:shop")).await, "");
        work(&ports, &relay, 0).await;
        assert_eq!(say(&ports, &list("webhook:shop")).await.lines().count(), 2, "refused again");
        let wrong = DeadLetterAction::Redrive { destination, event: Some("x".to_owned()) };
        assert!(run(&ports, &wrong, &mut Vec::new()).await.is_err());
    }
}
