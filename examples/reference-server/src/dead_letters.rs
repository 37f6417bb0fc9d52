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
