//! From a configuration to a running server, and back.

use std::{future::IntoFuture as _, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use ciam_adapters::{
    dns::HickoryDns,
    nats::NatsSink,
    redis::{OpenError, RedisDatabase},
    sms_gateway::{ByChannel, SmsGateway},
    smtp::{SmtpConfig, SmtpNotifier},
};
use ciam_core::{
    account::Accounts, clock::SystemClock, notify::Notifier, organization::Organizations, ports::Ports,
    relay::Relay, secret::Secret, store::PageRequest, webhook::Webhooks,
};
use ciam_oauth::{AuthorizationServer, backchannel::Delivery};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::{
    app::App,
    config::{Config, Gateway, Mail},
    greeting, import,
    privacy::{self, Keeper},
    routes,
    services::Services,
    storage::Storage,
    tls::{self, ClientCertificates, Connection, Listening, Suites, TlsListener},
};

/// Runs the server until the process is told to stop.
///
/// # Errors
///
/// Something that the server needs cannot be had: the address, the database, the keys, an import.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let (stop, stopped) = watch::channel(());
    let signals = tokio::spawn(async move {
        told_to_stop().await;
        drop(stop);
    });
    let served =
        serve_until(config, stopped, |app, address| println!("{}", greeting::greeting(app, address))).await;
    signals.abort();
    served
}

/// Runs the server until the other end of `stopped` is dropped. `ready` is called once requests are answered.
///
/// # Errors
///
/// As [`serve`].
pub async fn serve_until(
    config: Config,
    stopped: watch::Receiver<()>,
    ready: impl FnOnce(&App, SocketAddr) + Send,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}: is another server running there?", config.listen))?;
    let address = listener.local_addr()?;
    let storage = Storage::open(&config).await?;
    let ports = with_dns(storage.ports.clone(), &config.dns_servers);
    let app = start(config, ports).await?;

    let mut background = JoinSet::new();
    spawn_background(&app, &stopped, &mut background)?;
    let (ports, keys) = (app.ports().clone(), app.services().keys.clone());
    let (sealing, retention) = (Some(storage.sealing.clone()), app.config().retention);
    let keeper = Keeper { ports, sealing, keys, retention };
    background.spawn(keeper.run(stopped.clone()));
    if let Some(redis) = storage.redis.clone() {
        background.spawn(watch_redis(redis, stopped.clone()));
    }
    let listeners = listening(app.config(), listener).await?;
    ready(&app, address);
    let grace = app.config().shutdown_grace.std();
    let service = routes::router(app).into_make_service_with_connect_info::<Connection>();
    let mut servers = JoinSet::new();
    for listening in listeners {
        let server = axum::serve(listening, service.clone());
        servers.spawn(server.with_graceful_shutdown(until(stopped.clone())).into_future());
    }
    let overdue = async {
        until(stopped).await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        served = all(&mut servers) => served?,
        () = overdue => tracing::warn!("requests were still in flight at the end of the grace time"),
    }
    // The relay finishes the message that it is sending.
    if tokio::time::timeout(grace, background.join_all()).await.is_err() {
        tracing::warn!("background work was still going on at the end of the grace time");
    }
    storage.database.close().await;
    storage.keys.close().await;
    Ok(())
}

/// Completes when every one has, or one failed.
async fn all(servers: &mut JoinSet<std::io::Result<()>>) -> anyhow::Result<()> {
    while let Some(served) = servers.join_next().await {
        served??;
    }
    Ok(())
}

/// Everything that is listened on: the server's own address, and that where clients come with certificates.
async fn listening(config: &Config, listener: TcpListener) -> anyhow::Result<Vec<Listening>> {
    let key = config.tls.as_ref().map(|files| tls::certified(files, &config.issuer)).transpose()?;
    let suites = if config.oauth.profile.is_fapi() { Suites::Recommended } else { Suites::Usual };
    let mut all = vec![match &key {
        Some(key) => Listening::Tls(TlsListener::new(listener, Arc::clone(key), None, suites)?),
        None => Listening::Plain(listener),
    }];
    let certificates = config.oauth.mutual_tls.as_ref();
    if let Some((rules, address)) = certificates.and_then(|rules| Some((rules, rules.listen?))) {
        let key = key.context("client certificates need TLS: the configuration has no [http.tls]")?;
        let authorities = rules.authorities.as_deref().map(tls::authorities).transpose()?;
        let clients = Arc::new(ClientCertificates::new(authorities)?);
        let listener = TcpListener::bind(address).await;
        let listener =
            listener.with_context(|| format!("cannot listen on {address} for clients with certificates"))?;
        all.push(Listening::Tls(TlsListener::new(listener, key, Some(clients), suites)?));
    }
    Ok(all)
}

/// Puts the server together, imports included, without listening.
///
/// # Errors
///
/// The configuration contradicts itself, an import is refused, or a port fails.
pub async fn start(config: Config, ports: Ports) -> anyhow::Result<App> {
    let services = Services::new(&config, ports).await?;
    start_with(config, services).await
}

/// The same around services that are there already.
///
/// # Errors
///
/// An import is refused, or a port fails.
pub async fn start_with(config: Config, services: Services) -> anyhow::Result<App> {
    let clients = services.server.clients();
    let report = import::apply::apply(&services.ports, &services.password, clients, &config.imports).await?;
    if !config.imports.is_empty() {
        tracing::info!(%report, "imported");
    }
    Ok(App::new(config, services)?)
}

fn spawn_background(app: &App, stopped: &watch::Receiver<()>, tasks: &mut JoinSet<()>) -> anyhow::Result<()> {
    let notifier: Arc<dyn Notifier> = match (&app.config().mail, app.catcher()) {
        (Mail::Smtp { url, from }, _) => {
            let config = SmtpConfig::from_url(url.expose(), from.as_str())?;
            Arc::new(SmtpNotifier::new(config, app.letters().clone(), Arc::new(SystemClock::new()))?)
        }
        (Mail::Catcher, Some(catcher)) => catcher.clone(),
        (Mail::Catcher, None) => anyhow::bail!("there is no way for mail to go out"),
    };
    let notifier: Arc<dyn Notifier> = match &app.config().sms.gateway {
        Some(Gateway { url, token }) => {
            let (token, letters) = (Secret::from(token.expose()), app.letters().clone());
            let sms = SmsGateway::new(app.ports().clone(), url.as_str(), token, letters);
            Arc::new(ByChannel::new(notifier, Arc::new(sms)))
        }
        None => notifier,
    };
    let webhooks = Arc::new(Webhooks::new(app.ports().clone()));
    let mut relay = Relay::new(app.ports().clone(), notifier)
        .with_source(webhooks)
        .with_sink(privacy::audit_sink(app.ports()));
    if let Some(bus) = &app.config().bus {
        let tenant = app.ports().tenant();
        relay = relay.with_sink(Arc::new(NatsSink::new(bus.url.expose(), tenant, bus.options.clone())));
    }
    let services = app.services();
    for sink in services.provider.backchannel_sinks(&services.server) {
        relay = relay.with_sink(sink);
    }
    relay = relay.with_sink(services.server.session_grants_sink());
    if services.server.config().backchannel.is_some() {
        relay = relay.with_sink(services.server.backchannel_sink());
    }
    #[cfg(feature = "draft-status-list")]
    if services.server.config().status_lists.is_some() {
        relay = relay.with_sink(services.server.status_list_sink());
    }
    relay = relay.with_sink(crate::directory::grants_sink(services));
    relay = relay.with_source(Arc::new(services.saml.clone()));
    for fetching in services.saml.background() {
        let stop = until(stopped.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = fetching => {}
                () = stop => {}
            }
        });
    }
    relay = relay.with_sink(services.scim.later_sink());
    let stop = until(stopped.clone());
    tasks.spawn(async move { relay.run(stop).await });

    let (keys, stop) = (app.services().keys.clone(), until(stopped.clone()));
    tasks.spawn(async move { keys.run(stop).await });

    let (ports, stop) = (app.ports().clone(), stopped.clone());
    tasks.spawn(prune(ports, stop));

    let (accounts, stop) = (app.services().accounts.clone(), stopped.clone());
    tasks.spawn(settle(accounts, stop));

    let elsewhere = services.server.config().backchannel.as_ref();
    if elsewhere.is_some_and(|it| it.delivery.contains(&Delivery::Push)) {
        tasks.spawn(end_unanswered(services.server.clone(), stopped.clone()));
    }

    let (organizations, stop) = (app.services().organizations.clone(), stopped.clone());
    tasks.spawn(recheck_domains(organizations, stop));
    Ok(())
}

/// The same ports with these resolvers, or those of this machine, for the verification of domains. Without one no domain is
/// verified, and everything else goes on.
fn with_dns(ports: Ports, servers: &[SocketAddr]) -> Ports {
    let dns = if servers.is_empty() { HickoryDns::from_system() } else { HickoryDns::with_servers(servers) };
    match dns {
        Ok(dns) => ports.with_dns(Arc::new(dns)),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "no DNS: domains cannot be verified");
            ports
        }
    }
}

/// Removes what has expired, in small steps, for as long as the server runs.
async fn prune(ports: Ports, stopped: watch::Receiver<()>) {
    let mut steps = 0;
    loop {
        let more = match ports.store().prune(ports.now(), PRUNE_STEP).await {
            Ok(removed) => removed == PRUNE_STEP,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot prune");
                false
            }
        };
        // So many steps, and then others have the database for a while.
        steps = if more { steps + 1 } else { 0 };
        let pause = match steps {
            0 => PRUNE_PAUSE,
            PRUNE_STEPS => {
                steps = 0;
                Duration::from_secs(5)
            }
            _ => Duration::ZERO,
        };
        tokio::select! {
            biased;
            () = until(stopped.clone()) => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Says it when the Redis server begins to evict, or has become a replica: nothing else would.
async fn watch_redis(redis: RedisDatabase, stopped: watch::Receiver<()>) {
    loop {
        tokio::select! {
            () = until(stopped.clone()) => return,
            () = tokio::time::sleep(REDIS_LOOK) => {}
        }
        match redis.check().await {
            Ok(()) => {}
            Err(error @ OpenError::Backend(_)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "Redis does not answer");
            }
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "Redis forgets"),
        }
    }
}

/// Ends suspensions and reservations whose time is over, for as long as the server runs. Every node does; each thing is done
/// once.
async fn settle(accounts: Accounts, stopped: watch::Receiver<()>) {
    loop {
        match accounts.settle_due(SETTLE_STEP).await {
            Ok(SETTLE_STEP) => continue,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot settle what is due")
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PRUNE_PAUSE) => {}
            () = until(stopped.clone()) => return,
        }
    }
}

/// Ends what nobody answered in time, for applications that are sent their tokens and do not ask. Every node looks; each ends once.
async fn end_unanswered(server: AuthorizationServer, stopped: watch::Receiver<()>) {
    loop {
        match server.end_unanswered(SETTLE_STEP).await {
            Ok(SETTLE_STEP) => continue,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot end what nobody answered");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(UNANSWERED_LOOK) => {}
            () = until(stopped.clone()) => return,
        }
    }
}

/// Looks every hour whether the proofs of domains are still there whose time has come.
async fn recheck_domains(organizations: Organizations, stopped: watch::Receiver<()>) {
    loop {
        let mut request = Some(PageRequest::first(RECHECK_STEP));
        while let Some(page) = request.take() {
            match organizations.recheck_domains(page).await {
                Ok((_, next)) => request = next,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "cannot recheck domains");
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(RECHECK_PAUSE) => {}
            () = until(stopped.clone()) => return,
        }
    }
}

/// Completes when the sender is gone.
async fn until(mut stopped: watch::Receiver<()>) {
    while stopped.changed().await.is_ok() {}
}

/// Completes on Ctrl-C, and on Unix on the signal by which services are stopped.
async fn told_to_stop() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! { () = interrupt => {}, _ = terminate.recv() => {} }
            }
            Err(_) => interrupt.await,
        }
    }
    #[cfg(not(unix))]
    interrupt.await;
}

/// How much of what is due is settled at once.
const SETTLE_STEP: u32 = 100;

const UNANSWERED_LOOK: Duration = Duration::from_secs(5);
const PRUNE_STEP: u32 = 500;
const PRUNE_STEPS: u32 = 200;
const REDIS_LOOK: Duration = Duration::from_secs(60);
const RECHECK_STEP: u32 = 100;
const RECHECK_PAUSE: Duration = Duration::from_secs(3600);
const PRUNE_PAUSE: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests;
