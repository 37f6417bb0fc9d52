//! What `--help` teaches.

pub(super) const MORE: &str = "\
Where a setting comes from:
  A flag comes before its variable, the variable before the configuration file, the file before the default.
  Unknown keys in a file and misspelt CIAM_* variables are refused: no setting is skipped silently.

Try it:
  reference-server                                  then open http://localhost:8080
  cargo run -p relying-party                        an application that signs people in with it
  cargo run -p resource-server                      an API that accepts its tokens

Let a person in where nobody may register:
  reference-server invite --name 'Grace Hopper' --language de grace@example.com

Rotate the signing keys at once, while every node runs:
  reference-server keys rotate --soon               new keys sign in two minutes; old tokens stay good
  reference-server keys list

Bring accounts from elsewhere:
  reference-server import accounts --format auth0 --dry-run users.json
  reference-server import accounts --format auth0 users.json

Run it for real, behind a TLS proxy:
  reference-server --issuer https://id.example.com --listen 127.0.0.1:8080 \\
      --database-url sqlite:/var/lib/ciam/ciam.db --import /etc/ciam/clients.toml \\
      --smtp-url smtps://user:password@mail.example.com --mail-from 'Example <no-reply@example.com>'

A configuration file (every key is optional):
  listen = \"127.0.0.1:8080\"
  issuer = \"https://id.example.com\"
  database_url = \"sqlite:/var/lib/ciam/ciam.db\"
  key_file = \"/var/lib/ciam/ciam.key\"
  vault_url = \"sqlite:/var/lib/ciam-vault/ciam.vault\"
  mode = \"production\"
  import = [\"clients.toml\"]
  saml = true                       # metadata at /saml/metadata before a service is known [default: with one]
  [database]                        # only for postgres://
  connections = 16                  # of this node, at most
  schema = \"ciam\"
  acquire_timeout = \"2s\"            # a request waits for a connection
  statement_timeout = \"5s\"
  lock_timeout = \"2s\"
  [ephemeral]
  url = \"redis://redis.internal:6379/0\"
  prefix = \"ciam\"
  [nats]
  url = \"nats://nats.internal:4222\"
  stream = \"CIAM\"
  [mail]
  smtp_url = \"smtps://user:password@mail.example.com\"     # better: CIAM_SMTP_URL
  from = \"Example <no-reply@example.com>\"
  [sms]
  url = \"https://sms.example.com/v1/messages\"    # takes {id, to, text} as JSON
  token = \"…\"
  sign_in = true                    # people may sign in with a code by text message [default: no]
  [ui]
  name = \"Example ID\"
  theme = \"theme.css\"
  templates = \"templates\"           # files here take the place of the server's own
  sign_up = true                    # false: accounts come from imports only
  identifier_first = true           # who, before how [default: where people may come from elsewhere]
  [sessions]
  idle = \"24h\"                      # sign-in ends without use
  lifetime = \"30d\"                  # sign-in ends in any case
  most = 20                         # an account has at most so many sessions at once [default: any number]
  at_limit = \"end_oldest\"           # or refuse: what happens to one more
  [retention]
  unverified = \"30d\"                # an account of which nobody proved an address is erased
  inactive = \"1095d\"                # an account that nobody uses is closed, and erased later [default: kept]
  warning = \"30d\"                   # so long before, its owner is told
  grace = \"30d\"                     # so long after, they can sign in and take it back
  audit = \"400d\"                    # the audit log forgets what is older [default: never]
  [human_check]
  kind = \"proof_of_work\"            # or turnstile, hcaptcha, recaptcha (with site_key, secret), none
  bits = 18                         # how much work
  always = [\"sign_up\"]              # sign_in, recovery [default: only under pressure]
  [factors]
  required = [\"passkey\", \"totp\"]  # everybody must have one of these [default: nobody must]
  since = \"2026-12-01T00:00:00Z\"   # from then on [default: always]
  grace = \"14d\"                    # so long people may put it off [default: not at all]
  related_origins = [\"https://example.de\"]  # pages of other domains that may ask for our passkeys
  [[upstream]]                      # an OpenID Provider to sign in with
  name = \"partner\"                  # of /upstream/partner/callback
  label = \"Partner\"
  issuer = \"https://login.partner.example\"
  client_id = \"ciam\"
  client_secret = \"…\"
  [[upstream]]                      # a well-known provider: all else is known of it
  name = \"keycloak\"
  provider = \"keycloak\"           # google, apple, microsoft, github, gitlab, facebook, discord, slack, x, …
  values = { host = \"login.example\", realm = \"staff\" }  # what it has to be told
  client_id = \"ciam\"
  client_secret = \"…\"
  [[upstream]]
  name = \"apple\"
  provider = \"apple\"
  client_id = \"com.example.web\"
  key_file = \"AuthKey.p8\"         # signs the secret; with key_id and team
  key_id = \"KEY1234567\"
  team = \"TEAM123456\"
  [[upstream]]                      # one that speaks OAuth 2.0 and not OpenID Connect
  name = \"forge\"
  issuer = \"https://forge.example\" # the name under which its people are known
  client_id = \"ciam\"
  client_secret = \"…\"
  [upstream.oauth]
  authorization_endpoint = \"https://forge.example/oauth/authorize\"
  token_endpoint = \"https://forge.example/oauth/token\"
  profile = \"https://forge.example/api/user\"
  subject = \"/id\"                 # JSON pointers into the profile
  subject_is_number = true          # [default: a text]
  display_name = \"/name\"
  email = \"/email\"
  email_verified = \"/confirmed\"   # without it no address is believed
  [tokens]
  access = \"10m\"                    # access tokens are valid this long
  [passwords]
  floor_ms = 300                    # while there are imported hashes: no sign-in is answered sooner
  [passwords.firebase.shop]         # of a Firebase project: its password hash parameters
  signer_key = \"jxspr8Ki0RYycVU8zykbdL…\"
  salt_separator = \"Bw==\"
  rounds = 8
  memory_cost = 14
  [keys]
  rotate_after = \"90d\"              # a new signing key takes over
  look_after = \"1m\"                # a node looks whether another one, or an operator, changed the keys
  [http]
  trusted_proxies = [\"127.0.0.1\"]
  shutdown_grace = \"20s\"            # requests in flight may finish
  [dns]
  servers = [\"10.0.0.2:53\"]         # who is asked whose a domain is [default: the system's resolvers]
  [log]
  format = \"json\"
  filter = \"info\"

An import file (the whole schema is in examples/reference-server/README.md):
  [[clients]]
  id = \"shop\"
  name = \"The Shop\"
  authentication = \"client_secret_basic\"   # none, client_secret_post, private_key_jwt
  secret_env = \"SHOP_SECRET\"
  redirect_uris = [\"https://shop.example.com/callback\"]
  [[accounts]]
  email = \"ada@example.com\"
  name = \"Ada Lovelace\"
  password_env = \"ADA_PASSWORD\"
  [[webhooks]]
  id = \"crm\"
  url = \"https://crm.example.com/hooks/ciam\"
  events = [\"ciam.account.*\"]               # every event without it
  secret_env = \"CRM_WEBHOOK_SECRET\"         # whsec_ and base64
  [[saml_services]]                         # a service that people sign in to from here
  id = \"https://payroll.example.com/saml\"
  name = \"Payroll\"
  metadata_file = \"payroll.xml\"            # beside this file
  attributes = [\"mail\", \"displayName\"]   # what it may know
  [[saml_connections]]                      # an organization's identity provider: our metadata at /saml/sp/acme
  name = \"acme\"
  metadata_file = \"acme.xml\"
  domains = [\"acme.example\"]              # where its word for addresses counts
  # Instead of a file, metadata that is fetched: remote = { url = \"https://…\", certificate = \"-----BEGIN …\" },
  # or { query = \"https://mdq.…\", … }; for a connection with entity_id
  [[organizations]]
  slug = \"engines\"
  name = \"Analytical Engines\"
  members = [{ email = \"ada@example.com\", roles = [\"owner\"] }]
";
