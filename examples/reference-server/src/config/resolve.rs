//! From flags, variables and file to the configuration.

mod keys;
mod protocols;

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use ciam_adapters::{postgres::PostgresOptions, redis::RedisOptions, smtp::SmtpConfig};
use ciam_core::password::foreign::{FirebaseProject, ForeignHashes};
use ciam_core::session::{AtLimit, SessionLimit};
use url::Url;

use super::{
    Bus, Config, Database, FactorRules, HumanChecks, Log, Mail, Mode, Origin, Passwords, RiskRules, Sessions,
    Settings, ShortLived, Sms, Span, Ui, UpstreamConfig,
};
use crate::{
    cli::Flags,
    document::{Document, Format, KeyPath, Problem},
    import::{DEMO, Import, SecretText},
    keeping::KeysPlace,
    templates::Templates,
};

impl Config {
    /// Reads the configuration file, puts flags and variables over it, and checks the whole, import files included.
    ///
    /// # Errors
    ///
    /// Every problem that was found.
    pub fn load(flags: &Flags) -> Result<Self, Vec<Problem>> {
        let (document, settings) = match &flags.config {
            None => (None, Settings::default()),
            Some(file) => {
                let read = Document::read(file).and_then(|it| Ok((it.parse()?, it)));
                let (settings, document) = read.map_err(|problem| vec![problem])?;
                (Some(document), settings)
            }
        };
        let folder = flags.config.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let mut resolve = Resolve { document: document.as_ref(), folder, problems: Vec::new() };
        let config = resolve.all(flags, &settings);
        match config {
            Some(config) if resolve.problems.is_empty() => Ok(config),
            _ => Err(resolve.problems),
        }
    }
}

/// A setting, and where it was made.
struct Given<T> {
    value: T,
    place: Place,
}

/// Where a setting was made: what an error message names.
#[derive(Clone)]
enum Place {
    Flag(&'static str),
    Key(KeyPath),
}

struct Resolve<'a> {
    document: Option<&'a Document>,
    folder: &'a Path,
    problems: Vec<Problem>,
}

impl Resolve<'_> {
    fn all(&mut self, flags: &Flags, file: &Settings) -> Option<Config> {
        let listen = self.listen(flags, file);
        let issuer = self.issuer(flags, file, listen);
        let mode = self.mode(flags, file, issuer.as_ref());
        let database = self.database(flags, file);
        let key_file = pick(&flags.key_file, "--key-file", &file.key_file, KeyPath::of("key_file"))
            .map(|it| self.path(&it))
            .or_else(|| Some(database.as_ref()?.key_file()));
        let vault = self.vault(flags, file, key_file.as_deref());
        let ephemeral = self.ephemeral(flags, file);
        let bus = self.bus(flags, file);
        let mail = self.mail(flags, file, mode);
        let sms = Sms::from_file(&file.sms, mail.as_ref()).unwrap_or_else(|(key, why)| {
            self.refuse(&Place::Key(KeyPath::of("sms").key(key)), why);
            Sms::default()
        });
        let (demo, imports) = self.imports(flags, file, mode);
        let elsewhere = !file.upstream.is_empty() || imports.iter().any(|it| it.content().has_connections());
        let ui = self.ui(flags, file, elsewhere);
        let human_check = self.human_check(file, mode);
        let factors = self.factors(file);
        let risk = self.risk(file);
        let upstreams = self.upstreams(file, mode);
        let sessions = self.sessions(file);
        let retention = file.retention.policy().unwrap_or_else(|(key, why)| {
            self.refuse(&Place::Key(KeyPath::of("retention").key(key)), why);
            Default::default()
        });
        let passwords = self.passwords(file);
        let keys = self.keys(file);
        let trusted_proxies = self.proxies(flags, file);
        let dns_servers = self.dns_servers(file);
        let log = self.log(flags, file);
        let oauth = self.oauth(flags, file);
        let dangerous = self.dangerous(file, mode);
        let tls = self.tls(file, mode);
        Some(Config {
            listen: listen?,
            issuer: issuer?,
            mode: mode?,
            database: database?,
            ephemeral: ephemeral?,
            bus: bus?,
            key_file: key_file?,
            vault: vault?,
            imports,
            demo,
            mail: mail?,
            sms,
            ui: ui?,
            human_check: human_check?,
            factors: factors?,
            risk: risk?,
            upstreams: upstreams?,
            saml: file.saml.unwrap_or(false),
            sessions,
            retention,
            oauth: oauth?,
            dangerous: dangerous?,
            tls: tls?,
            access_tokens: file.tokens.access.unwrap_or(Span::minutes(10)),
            passwords,
            keys,
            trusted_proxies,
            dns_servers,
            shutdown_grace: file.http.shutdown_grace.unwrap_or(Span::seconds(20)),
            log: log?,
        })
    }

    fn refuse(&mut self, place: &Place, message: impl Into<String>) {
        let message = message.into();
        self.problems.push(match (place, self.document) {
            (Place::Key(path), Some(document)) => document.problem(path, message),
            (Place::Key(path), None) => {
                Problem { file: "configuration".into(), line: None, key: Some(path.to_string()), message }
            }
            (Place::Flag(flag), _) => Problem { file: (*flag).into(), line: None, key: None, message },
        });
    }

    fn parse<T: FromStr>(&mut self, given: &Given<String>, message: &str) -> Option<T> {
        let parsed = given.value.parse().ok();
        if parsed.is_none() {
            self.refuse(&given.place, format!("`{}` {message}", given.value));
        }
        parsed
    }

    /// Paths in a file are relative to the file, those of flags to the working directory.
    fn path(&self, given: &Given<PathBuf>) -> PathBuf {
        match given.place {
            Place::Key(_) => self.folder.join(&given.value),
            Place::Flag(_) => given.value.clone(),
        }
    }

    fn listen(&mut self, flags: &Flags, file: &Settings) -> Option<SocketAddr> {
        match pick(&flags.listen, "--listen", &file.listen, KeyPath::of("listen")) {
            None => Some(SocketAddr::from(([127, 0, 0, 1], 8080))),
            Some(given) => self.parse(&given, "must be an IP address and a port, such as 127.0.0.1:8080"),
        }
    }

    fn issuer(&mut self, flags: &Flags, file: &Settings, listen: Option<SocketAddr>) -> Option<Origin> {
        let Some(given) = pick(&flags.issuer, "--issuer", &file.issuer, KeyPath::of("issuer")) else {
            let local = format!("http://localhost:{}", listen?.port());
            return Url::parse(&local).ok().map(Origin);
        };
        let why = match Url::parse(&given.value).map(Origin) {
            Err(_) => "must be a URL such as https://id.example.com",
            // What a URL parser would write differently invites two spellings of one issuer.
            Ok(origin) if origin.0.origin().ascii_serialization() != given.value => {
                "must be a plain origin such as https://id.example.com: in lower case, without a path, a slash at \
                 the end, or a default port"
            }
            Ok(origin) if origin.is_https() => return Some(origin),
            Ok(origin) if origin.0.scheme() == "http" && origin.is_loopback() => return Some(origin),
            Ok(_) => "must be https; plain http is for localhost only",
        };
        self.refuse(&given.place, format!("`{}` {why}", given.value));
        None
    }

    fn mode(&mut self, flags: &Flags, file: &Settings, issuer: Option<&Origin>) -> Option<Mode> {
        let local = issuer?.is_loopback();
        let Some(given) = pick(&flags.mode, "--mode", &file.mode, KeyPath::of("mode")) else {
            return Some(if local { Mode::Development } else { Mode::Production });
        };
        match given.value.as_str() {
            "production" => Some(Mode::Production),
            "development" if local => Some(Mode::Development),
            "development" => {
                self.refuse(
                    &given.place,
                    "development mode shows everybody's mail; it is for localhost only",
                );
                None
            }
            other => {
                self.refuse(&given.place, format!("`{other}` must be development or production"));
                None
            }
        }
    }

    fn database(&mut self, flags: &Flags, file: &Settings) -> Option<Database> {
        let options = self.postgres(flags, file)?;
        let key = KeyPath::of("database_url");
        let in_file = file.database_url.as_ref().map(|it| it.expose().to_owned());
        let Some(given) = pick(&flags.database_url, "--database-url", &in_file, key) else {
            return Some(Database::File("ciam.db".into()));
        };
        match Database::from_url(given.value, options) {
            Ok(database) => Some(database),
            Err(why) => {
                self.refuse(&given.place, why);
                None
            }
        }
    }

    fn postgres(&mut self, flags: &Flags, file: &Settings) -> Option<PostgresOptions> {
        let (section, set) = (KeyPath::of("database"), &file.database);
        let mut options = PostgresOptions::default();
        let key = section.key("connections");
        if let Some(given) =
            pick(&flags.database_connections, "--database-connections", &set.connections, key)
        {
            if !(1..=1_000).contains(&given.value) {
                self.refuse(&given.place, "must be 1 to 1000");
                return None;
            }
            options = options.with_max_connections(given.value);
        }
        if let Some(schema) = &set.schema {
            options = options.with_schema(schema);
            if !options.has_plain_schema() {
                let place = Place::Key(section.key("schema"));
                self.refuse(&place, "must be lower-case letters, digits and `_`, at most 63");
                return None;
            }
        }
        let or = |span: Option<Span>, default| span.map_or(default, Span::std);
        Some(
            options
                .clone()
                .with_acquire_timeout(or(set.acquire_timeout, options.acquire_timeout))
                .with_statement_timeout(or(set.statement_timeout, options.statement_timeout))
                .with_lock_timeout(or(set.lock_timeout, options.lock_timeout)),
        )
    }

    /// The vault: beside the key file, which every node needs too, unless it is named.
    fn vault(&mut self, flags: &Flags, file: &Settings, key_file: Option<&Path>) -> Option<KeysPlace> {
        let in_file = file.vault_url.as_ref().map(|it| it.expose().to_owned());
        let Some(given) = pick(&flags.vault_url, "--vault-url", &in_file, KeyPath::of("vault_url")) else {
            return Some(KeysPlace::Sqlite(key_file?.with_extension("vault")));
        };
        if given.value.starts_with("postgres://") || given.value.starts_with("postgresql://") {
            return Some(KeysPlace::Postgres(SecretText::from(given.value)));
        }
        // The URL of a server holds a password, so the value is never repeated.
        let path = given.value.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
        match path {
            Some(path) if !path.is_empty() && !path.contains('?') && !path.starts_with(':') => {
                Some(KeysPlace::Sqlite(path.into()))
            }
            _ => {
                self.refuse(&given.place, "must be sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE");
                None
            }
        }
    }

    fn ephemeral(&mut self, flags: &Flags, file: &Settings) -> Option<ShortLived> {
        let (section, set) = (KeyPath::of("ephemeral"), &file.ephemeral);
        let in_file = set.url.as_ref().map(|it| it.expose().to_owned());
        let url = pick(&flags.ephemeral_url, "--ephemeral-url", &in_file, section.key("url"));
        let prefix = pick(&flags.ephemeral_prefix, "--ephemeral-prefix", &set.prefix, section.key("prefix"));
        let mut options = RedisOptions::default();
        if let Some(given) = prefix {
            let plain = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '-';
            if !(1..=64).contains(&given.value.len()) || !given.value.chars().all(plain) {
                self.refuse(&given.place, "must be 1 to 64 letters, digits, `-` and `_`");
                return None;
            }
            if url.is_none() {
                self.refuse(&given.place, "is of use with --ephemeral-url only");
                return None;
            }
            options = options.with_prefix(given.value);
        }
        let Some(given) = url else { return Some(ShortLived::WithDatabase) };
        match ShortLived::from_url(given.value, options) {
            Ok(ephemeral) => Some(ephemeral),
            Err(why) => {
                self.refuse(&given.place, why);
                None
            }
        }
    }

    fn bus(&mut self, flags: &Flags, file: &Settings) -> Option<Option<Bus>> {
        let (section, set) = (KeyPath::of("nats"), &file.nats);
        let in_file = set.url.as_ref().map(|it| it.expose().to_owned());
        let url = pick(&flags.nats_url, "--nats-url", &in_file, section.key("url"));
        let stream = pick(&flags.nats_stream, "--nats-stream", &set.stream, section.key("stream"));
        let Some(given) = url else {
            if let Some(stream) = stream {
                self.refuse(&stream.place, "is of use with --nats-url only");
                return None;
            }
            return Some(None);
        };
        match Bus::from_url(given.value, stream.as_ref().map_or("CIAM", |it| it.value.as_str())) {
            Ok(bus) => Some(Some(bus)),
            Err(why) => {
                self.refuse(&given.place, why);
                None
            }
        }
    }

    fn mail(&mut self, flags: &Flags, file: &Settings, mode: Option<Mode>) -> Option<Mail> {
        let section = KeyPath::of("mail");
        let in_file = file.mail.smtp_url.as_ref().map(|it| it.expose().to_owned());
        let url = pick(&flags.smtp_url, "--smtp-url", &in_file, section.key("smtp_url"));
        let from = pick(&flags.mail_from, "--mail-from", &file.mail.from, section.key("from"));
        match (url, from) {
            (Some(url), Some(from)) => {
                if let Err(why) = SmtpConfig::from_url(&url.value, from.value.as_str()) {
                    self.refuse(&url.place, why.to_string());
                }
                if !from.value.contains('@') {
                    self.refuse(&from.place, format!("`{}` must be a mail address", from.value));
                }
                Some(Mail::Smtp { url: SecretText::from(url.value), from: from.value })
            }
            (Some(url), None) => {
                self.refuse(&url.place, "needs a sender: --mail-from");
                None
            }
            (None, _) if mode? == Mode::Development => Some(Mail::Catcher),
            (None, _) => {
                self.refuse(&Place::Flag("--smtp-url"), "is needed in production mode: mail must go out");
                None
            }
        }
    }

    fn ui(&mut self, flags: &Flags, file: &Settings, elsewhere: bool) -> Option<Ui> {
        let section = KeyPath::of("ui");
        let product = match pick(&flags.product_name, "--product-name", &file.ui.name, section.key("name")) {
            None => "Ciam".to_owned(),
            Some(given) if (1..=60).contains(&given.value.trim().chars().count()) => {
                given.value.trim().to_owned()
            }
            Some(given) => {
                self.refuse(&given.place, "must have 1 to 60 characters");
                return None;
            }
        };
        let theme = match pick(&flags.theme, "--theme", &file.ui.theme, section.key("theme")) {
            None => None,
            Some(given) => match std::fs::read_to_string(self.path(&given)) {
                Ok(css) => Some(css),
                Err(error) => {
                    self.refuse(&given.place, format!("cannot read `{}`: {error}", given.value.display()));
                    return None;
                }
            },
        };
        let templates = pick(&flags.templates, "--templates", &file.ui.templates, section.key("templates"));
        let folder = templates.as_ref().map(|it| self.path(it));
        if let (Some(given), Err(error)) = (&templates, Templates::load(folder.as_deref())) {
            self.refuse(&given.place, error.to_string());
            return None;
        }
        Some(Ui {
            product,
            theme,
            templates: folder,
            sign_up: file.ui.sign_up.unwrap_or(true),
            create_organizations: file.ui.create_organizations,
            identifier_first: file.ui.identifier_first.unwrap_or(elsewhere),
        })
    }

    fn human_check(&mut self, file: &Settings, mode: Option<Mode>) -> Option<HumanChecks> {
        match HumanChecks::from_file(&file.human_check, mode?) {
            Ok(checks) => Some(checks),
            Err(refused) => {
                for (key, why) in refused {
                    self.refuse(&Place::Key(KeyPath::of("human_check").key(key)), why);
                }
                None
            }
        }
    }

    fn factors(&mut self, file: &Settings) -> Option<FactorRules> {
        let rules = FactorRules::from_file(&file.factors);
        rules
            .map_err(|refused| {
                for (key, why) in refused {
                    self.refuse(&Place::Key(KeyPath::of("factors").key(key)), why);
                }
            })
            .ok()
    }

    fn risk(&mut self, file: &Settings) -> Option<RiskRules> {
        let rules = RiskRules::from_file(&file.risk);
        rules
            .map_err(|refused| {
                for (key, why) in refused {
                    self.refuse(&Place::Key(KeyPath::of("risk").key(key)), why);
                }
            })
            .ok()
    }

    fn upstreams(&mut self, file: &Settings, mode: Option<Mode>) -> Option<Vec<UpstreamConfig>> {
        match UpstreamConfig::from_file(&file.upstream, mode?, self.folder) {
            Ok(upstreams) => Some(upstreams),
            Err(refused) => {
                for (at, key, why) in refused {
                    self.refuse(&Place::Key(KeyPath::of("upstream").at(at).key(key)), why);
                }
                None
            }
        }
    }

    fn sessions(&mut self, file: &Settings) -> Sessions {
        let idle = file.sessions.idle.unwrap_or(Span::hours(24));
        let lifetime = file.sessions.lifetime.unwrap_or(Span::days(30).max(idle));
        if idle > lifetime {
            self.refuse(
                &Place::Key(KeyPath::of("sessions").key("idle")),
                "must not be longer than the lifetime",
            );
        }
        Sessions { idle, lifetime, limit: self.session_limit(file) }
    }

    fn session_limit(&mut self, file: &Settings) -> Option<SessionLimit> {
        let key = |name| Place::Key(KeyPath::of("sessions").key(name));
        let then = match file.sessions.at_limit.as_deref() {
            None | Some("end_oldest") => AtLimit::EndOldest,
            Some("refuse") => AtLimit::Refuse,
            Some(other) => {
                self.refuse(&key("at_limit"), format!("`{other}` must be end_oldest or refuse"));
                return None;
            }
        };
        match file.sessions.most {
            None if file.sessions.at_limit.is_some() => {
                self.refuse(&key("at_limit"), "means nothing without `most`");
                None
            }
            None => None,
            Some(0) => {
                self.refuse(&key("most"), "must be at least 1: nobody could sign in");
                None
            }
            Some(most) => Some(SessionLimit::new(most, then)),
        }
    }

    fn passwords(&mut self, file: &Settings) -> Passwords {
        let section = KeyPath::of("passwords");
        let floor_ms = file.passwords.floor_ms.unwrap_or_default();
        if floor_ms > 10_000 {
            self.refuse(&Place::Key(section.key("floor_ms")), "must be at most 10000");
        }
        let mut hashes = ForeignHashes::new();
        for (name, project) in &file.passwords.firebase {
            let (key, separator) = (project.signer_key.expose(), &project.salt_separator);
            match FirebaseProject::new(key, separator, project.rounds, project.memory_cost) {
                Ok(project) => hashes = hashes.with_firebase(name.as_str(), project),
                Err(error) => {
                    self.refuse(&Place::Key(section.key("firebase").key(name)), error.to_string());
                }
            }
        }
        Passwords { hashes, floor: Duration::from_millis(floor_ms) }
    }

    fn proxies(&mut self, flags: &Flags, file: &Settings) -> Vec<IpAddr> {
        let message = "must be an IP address";
        let parse = |given: Given<String>, this: &mut Self| this.parse(&given, message);
        if !flags.trusted_proxies.is_empty() {
            let given =
                |text: &String| Given { value: text.clone(), place: Place::Flag("--trusted-proxies") };
            return flags.trusted_proxies.iter().filter_map(|it| parse(given(it), self)).collect();
        }
        let key = KeyPath::of("http").key("trusted_proxies");
        let given =
            |(index, text): (usize, &String)| Given { value: text.clone(), place: Place::Key(key.at(index)) };
        file.http.trusted_proxies.iter().enumerate().filter_map(|it| parse(given(it), self)).collect()
    }

    fn dns_servers(&mut self, file: &Settings) -> Vec<SocketAddr> {
        let key = KeyPath::of("dns").key("servers");
        let given =
            |(index, text): (usize, &String)| Given { value: text.clone(), place: Place::Key(key.at(index)) };
        let message = "must be an IP address with a port";
        file.dns.servers.iter().enumerate().filter_map(|it| self.parse(&given(it), message)).collect()
    }

    fn log(&mut self, flags: &Flags, file: &Settings) -> Option<Log> {
        let section = KeyPath::of("log");
        let json = match pick(&flags.log_format, "--log-format", &file.log.format, section.key("format")) {
            None => false,
            Some(given) => match given.value.as_str() {
                "text" => false,
                "json" => true,
                other => {
                    self.refuse(&given.place, format!("`{other}` must be text or json"));
                    return None;
                }
            },
        };
        let filter = match pick(&flags.log_filter, "--log-filter", &file.log.filter, section.key("filter")) {
            None => "info".to_owned(),
            Some(given) => {
                self.parse::<tracing_subscriber::EnvFilter>(&given, "is not a log filter")?;
                given.value
            }
        };
        Some(Log { json, filter })
    }

    fn imports(&mut self, flags: &Flags, file: &Settings, mode: Option<Mode>) -> (bool, Vec<Import>) {
        let files: Vec<PathBuf> = if flags.import.is_empty() {
            file.import.iter().map(|it| self.folder.join(it)).collect()
        } else {
            flags.import.clone()
        };
        let development = mode == Some(Mode::Development);
        let demo = flags.demo.or(file.demo).unwrap_or(development && files.is_empty());
        if demo && mode == Some(Mode::Production) {
            let place =
                if flags.demo.is_some() { Place::Flag("--demo") } else { Place::Key(KeyPath::of("demo")) };
            self.refuse(&place, "the demo account's password is public; it is for development mode only");
        }
        let demo_file = demo.then(|| Import::from_document(Document::new("demo.toml", DEMO, Format::Toml)));
        let mut imports = Vec::new();
        for import in demo_file.into_iter().chain(files.iter().map(|it| Import::read(it))) {
            match import {
                Ok(import) => imports.push(import),
                Err(problems) => self.problems.extend(problems),
            }
        }
        (demo, imports)
    }
}

fn pick<T: Clone>(flag: &Option<T>, name: &'static str, file: &Option<T>, key: KeyPath) -> Option<Given<T>> {
    let from_flag = flag.clone().map(|value| Given { value, place: Place::Flag(name) });
    from_flag.or_else(|| file.clone().map(|value| Given { value, place: Place::Key(key) }))
}
