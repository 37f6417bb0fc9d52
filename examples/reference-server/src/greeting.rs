//! What the server says when it has started: what to do next.

use std::{fmt::Write as _, net::SocketAddr};

use crate::{
    app::App,
    config::{Config, Mail, Mode},
};

/// The text for the terminal.
pub(crate) fn greeting(app: &App, address: SocketAddr) -> String {
    let config = app.config();
    let issuer = config.issuer.as_str();
    let mut text = format!("\n  {} is ready at {issuer} (listening on {address})\n", config.ui.product);
    let mut step = 0;
    let mut say = |line: &str| {
        step += 1;
        // Writing to a string cannot fail.
        let _infallible = write!(text, "\n  {step}. {line}\n");
    };
    if config.mode == Mode::Development {
        say(&format!(
            "Create an account:  {issuer}/sign-up\n     The verification code is caught at  {issuer}/dev/mail"
        ));
        if let Some((email, password)) = demo_account(config) {
            say(&format!("Or sign in with  {email}  and  {password}"));
            say("In a second terminal, an API:  cargo run -p resource-server");
            say(
                "In a third, an application:  cargo run -p relying-party\n     Then open  http://localhost:8081",
            );
        }
    } else {
        say(&format!("Discovery document:  {issuer}/.well-known/openid-configuration"));
    }
    let (database, key) = (&config.database, config.key_file.display());
    let _infallible = write!(text, "\n  State is in {database}, sealed under {key}. Stop with Ctrl-C.\n");
    text
}

fn demo_account(config: &Config) -> Option<(&str, &str)> {
    let import = config.imports.first().filter(|_| config.demo)?;
    let account = import.content().accounts.first()?;
    Some((&account.email, account.password.as_ref()?.expose()))
}

/// What a configuration comes to, for `check-config`: no secret is in it.
pub(crate) fn summary(config: &Config) -> String {
    let mode = match config.mode {
        Mode::Development => "development",
        Mode::Production => "production",
    };
    let mail = match &config.mail {
        Mail::Catcher => "caught at /dev/mail".to_owned(),
        Mail::Smtp { from, .. } => format!("sent over SMTP from {from}"),
    };
    let mut text = String::from("The configuration is valid.\n\n");
    let mut say = |name: &str, value: &str| {
        let _infallible = writeln!(text, "  {name:<22} {value}");
    };
    say("issuer", config.issuer.as_str());
    say("listen", &config.listen.to_string());
    say("mode", mode);
    say("database", &config.database.to_string());
    say("short-lived values", &config.ephemeral.name());
    if let Some(bus) = &config.bus {
        say("message bus", &bus.name());
    }
    say("key file", &config.key_file.display().to_string());
    say("vault", &config.vault.to_string());
    say("mail", &mail);
    say("sign-up", if config.ui.sign_up { "open" } else { "closed" });
    say("sessions", &format!("{} idle, {} at most", config.sessions.idle, config.sessions.lifetime));
    say("access tokens", &config.access_tokens.to_string());
    say("new signing keys", &format!("every {}", config.keys.rotate_after));
    for import in &config.imports {
        let content = import.content();
        let counts = [
            (content.clients.len(), "clients"),
            (content.resources.len(), "resources"),
            (content.accounts.len(), "accounts"),
            (content.organizations.len(), "organizations"),
            (content.webhooks.len(), "webhooks"),
        ];
        let counts: Vec<_> = counts.iter().map(|(count, what)| format!("{count} {what}")).collect();
        say("import", &format!("{}: {}", import.document().name(), counts.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn it_says_what_to_do_next() {
        let text = greeting(&testing::app(&[]).await, "127.0.0.1:8080".parse().unwrap());
        for part in
            ["http://localhost:8080/sign-up", "/dev/mail", "demo@example.com", "quiet-river", "relying-party"]
        {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn the_summary_holds_no_secret() {
        let config =
            testing::config(&["--smtp-url", "smtps://me:hunter2@mail.example", "--mail-from", "a@b.example"]);
        let text = summary(&config);
        assert!(text.contains("1 clients, 1 resources") && text.contains("1d idle, 30d at most"), "{text}");
        for secret in ["hunter2", "quiet-river", "demo-secret"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
