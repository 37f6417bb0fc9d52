//! Every limit and default, with its reason and its place.
//!
//! | what | default | where | why |
//! | --- | --- | --- | --- |
//! | Session without use | 12 hours | [`SessionPolicy`](crate::session::SessionPolicy) | a working day |
//! | Session in any case | 14 days | [`SessionPolicy`](crate::session::SessionPolicy) | a stolen one ends |
//! | Use of a session is noted | every 5 minutes | [`SessionPolicy`](crate::session::SessionPolicy) | a page view costs no write |
//! | Password | 15 to 256 code points | [`PasswordPolicy`](crate::password::PasswordPolicy) | NIST SP 800-63B-4 for a password alone |
//! | Argon2id | 19 MiB, 2 passes, 1 lane | `Argon2idHasher` | OWASP's minimum; about 20 ms |
//! | Imported hashes | bcrypt cost 14, PBKDF2 2,000,000 iterations, scrypt 144 MiB, SHA-crypt 1,000,000 rounds, Argon2 256 MiB | `ForeignLimits` | about a second of one core; a line of a file stops no server |
//! | Old system: deadline, asked for one identifier | 2 s, 10 in a day | [`LegacyPolicy`](crate::migration::LegacyPolicy) | every refused sign-in takes as long, so that nobody learns who is there |
//! | Imported row | 256 KiB, external id of 255 bytes | `import` | one row is in memory |
//! | Import: a store that fails is asked | 10 times, after 0.2 to 15 s | [`ImportRetry`](crate::import::ImportRetry) | a database restarts in less than a minute |
//! | A password is answered no sooner than | 0 | [`PasswordFactor`](crate::password::PasswordFactor) | hides the time of imported hashes while there are some |
//! | Journey | 30 minutes | [`JourneyPolicy`](crate::journey::JourneyPolicy) | a person reads their mail first |
//! | Sessions of an account | any number; one more ends the oldest or is refused where there is a limit, at most 16 end at once | [`SessionPolicy`](crate::session::SessionPolicy) | people have many devices |
//! | Remembered device | 180 days without a sign-in, trusted for 30 days, the secret before is taken for 60 seconds, 8 older ones are known as copies | [`DevicePolicy`](crate::session::DevicePolicy) | tabs sign in at once; a copied secret ends the device |
//! | Notice of a new device | 1 day | [`SessionPolicy`](crate::session::SessionPolicy) | news of yesterday is of no use |
//! | Place: country, city | 80 characters each | [`Place`](crate::place::Place) | it is shown |
//! | Failed sign-ins for one identifier | 10 in 15 minutes from one source, 100 in a day from everywhere | [`JourneyPolicy`](crate::journey::JourneyPolicy) | guessing is slow; NIST allows 100 in a row |
//! | Sign-ins from one address | 300 in 5 minutes | [`JourneyPolicy`](crate::journey::JourneyPolicy) | an office shares an address, a botnet has many |
//! | Wait behind ten failures in a row for one pair | 1 minute, twice as long each time, at most 1 hour | [`Backoff`](crate::abuse::Backoff) | guessing gets slower, a typing mistake costs nothing |
//! | Over a limit, others of the pair in flight | up to 5 s | [`JourneyPolicy`](crate::journey::JourneyPolicy) | fifty right sign-ins at once all succeed |
//! | Sign-ins from one network | 2,000 in 5 minutes | [`JourneyPolicy`](crate::journey::JourneyPolicy) | who has a whole /24 or /56 moves about in it |
//! | Credential stuffing | 20 accounts and 80 % refused in 10 minutes from one source, remembered for 1 hour | [`StuffingPolicy`](crate::abuse::StuffingPolicy) | a list of stolen passwords looks like this, an office does not |
//! | Answers for one passed check | 5 | [`JourneyPolicy`](crate::journey::JourneyPolicy) | a machine pays for each five |
//! | Proof of work | 18 bits, or 30 seconds of waiting | [`ProofOfWork`](crate::abuse::ProofOfWork) | about a second of a browser, and a way for who runs no scripts |
//! | Registrations, recoveries from one network until a check is asked | 20 in an hour each | [`JourneyPolicy`](crate::journey::JourneyPolicy) | an office registers no more, a machine does |
//! | Identifiers typed alone from one address | 300 in 5 minutes | [`JourneyPolicy`](crate::journey::JourneyPolicy) | as many as sign-ins |
//! | Registrations from one network, with one domain | 300, 2,000 in an hour | [`JourneyPolicy`](crate::journey::JourneyPolicy) | a bought domain and a rented network have an end |
//! | Messages for strangers | 20,000 mails in an hour; text messages 5 to a number, 200 to a country, 1,000 in all | [`MessageBudgets`](crate::abuse::MessageBudgets) | text messages are paid for by us and earned by others |
//! | A browser is known | 30 days | [`JourneyPolicy`](crate::journey::JourneyPolicy) | it is counted on its own, so that strangers lock no owner out |
//! | Answers to a further factor | 5 | [`JourneyPolicy`](crate::journey::JourneyPolicy) | a code of six digits is not guessed |
//! | A further factor that everybody must have | none; where one is, it cannot be put off | [`EnrolmentPolicy`](crate::journey::EnrolmentPolicy) | who it is demanded of is the tenant's to say |
//! | Registrations from one address | 50 in an hour | [`JourneyPolicy`](crate::journey::JourneyPolicy) | each costs a password hash and a mail |
//! | Recoveries asked for from one address | 50 in an hour | [`JourneyPolicy`](crate::journey::JourneyPolicy) | each costs a mail |
//! | Messages with codes for one identifier | 5 in an hour, 20 in a day; as many again in each known browser | [`JourneyPolicy`](crate::journey::JourneyPolicy) | nobody's mailbox is flooded, and no owner is kept out by that |
//! | Messages with codes to one mailbox, whichever identifier was typed | 30 in a day, then silence | [`JourneyPolicy`](crate::journey::JourneyPolicy) | three identifiers are not three floods |
//! | Invitation of a person to the tenant | 7 days | [`AccountInvitations`](crate::journey::AccountInvitations) | people are on holiday for a week |
//! | First factors | password, code by mail; a code by text message when a tenant says so | [`JourneyPolicy`](crate::journey::JourneyPolicy) | text messages cost money and need a provider |
//! | Recovery | by mail only | [`JourneyPolicy`](crate::journey::JourneyPolicy) | who takes over a phone number has not the password too |
//! | Notices to an owner | tried for 3 days | [`JourneyPolicy`](crate::journey::JourneyPolicy) | a mail server may be down over a weekend |
//! | Code by mail or text message | 6 digits, 15 minutes, 5 guesses | [`JourneyPolicy`](crate::journey::JourneyPolicy) | at most 100 guesses a day at a million codes |
//! | Name | 128 characters | [`JourneyPolicy`](crate::journey::JourneyPolicy) | it is shown |
//! | Risk engine | 150 ms; silence counts as medium, at registration as low, at recovery as high | [`JourneyPolicy`](crate::journey::JourneyPolicy) | nobody waits, and nothing is waved through |
//! | Confirmation by a code | where risk wants more than a password and the account has no further factor | [`JourneyPolicy`](crate::journey::JourneyPolicy) | who found a password has not the mailbox with it |
//! | Codes to a phone number | none for 72 hours after its SIM card was changed, where a host can say so | [`JourneyPolicy::sim_age`](crate::journey::JourneyPolicy::sim_age), [`SimSwaps`](crate::abuse::SimSwaps) | who talks an operator into a new card has the number |
//! | Breached passwords at a sign-in | asked for each, half of the risk engine's time | [`JourneyPolicy`](crate::journey::JourneyPolicy) | a right password may be one that everybody has |
//! | Interaction | 30 minutes | [`Interactions`](crate::interaction::Interactions) | a person has to find their phone |
//! | Query strings and forms | 64 KiB, 64 parameters | [`ParamsLimits`](crate::http::ParamsLimits) | the largest legitimate request is a few KiB |
//! | Token, header | 16 KiB, 8 KiB | [`JwsLimits`](crate::jose::JwsLimits) | what HTTP servers accept as a header line |
//! | Encrypted token, header; keys tried without `kid` | 64 KiB, 8 KiB; 4 | `JweLimits`, `Decrypter` | a signed token of the largest size, encrypted, fits |
//! | Key set of others | 256 KiB, 64 keys | [`JwkSetLimits`](crate::jose::JwkSetLimits) | sets with certificates are large |
//! | Keys tried for a token without `kid` | 4 | [`KeySet`](crate::jose::KeySet) | a signature check costs |
//! | Keys of others: fetched again, stale, cooldown | 15 minutes, 24 hours, 30 seconds | [`RemoteKeysPolicy`](crate::jose::RemoteKeysPolicy) | rotation is seen, an outage is survived, a flood is not passed on |
//! | Own keys | sign for 90 days, are published 24 hours before and as long as tokens live after, remembered for 400 days | [`KeyPolicy`](crate::keys::KeyPolicy) | no client sees a key that signs before it was published |
//! | Outbound exchange | 5 s, 256 KiB, URL of 2,048 bytes | [`OutboundPolicy`](crate::outbound::OutboundPolicy) | nobody waits longer |
//! | Versions of terms | 256, in at most 64 languages each | [`TermsCatalogue`](crate::terms::TermsCatalogue) | they are read at a sign-in |
//! | Data keys in memory | 10,000, for 60 seconds each | [`KeyCachePolicy`](crate::vault::KeyCachePolicy) | sealing costs no call; a shredded key is gone everywhere within a minute |
//! | An account that nobody proved to be theirs | 30 days | [`RetentionPolicy`](crate::privacy::RetentionPolicy) | nobody needs it |
//! | An account that nobody uses | kept; where there is a rule, its owner is told 30 days before it is closed, and has 30 days to take it back | [`InactivityPolicy`](crate::privacy::InactivityPolicy) | how long is for the host to say |
//! | Entries of the audit log | for ever; where there is a rule, 30 go in one commit | [`RetentionPolicy`](crate::privacy::RetentionPolicy) | who removes evidence says so |
//! | Batch | 64 writes, 64 preconditions | [`Batch`](crate::store::Batch) | one transaction stays short |
//! | Page | 1,000 items | [`PageRequest`](crate::store::PageRequest) | nothing loads everything |
//! | Cursor | 512 bytes | [`Cursor`](crate::store::Cursor) | it travels in URLs |
//! | Grace period of a closed account | 30 days | [`AccountPolicy`](crate::account::AccountPolicy) | people change their minds |
//! | Proof before a change of what one signs in with | 5 minutes | [`AccountPolicy`](crate::account::AccountPolicy) | an unlocked screen is not its owner |
//! | Current passwords tried as proof | 10 in 15 minutes | [`AccountPolicy`](crate::account::AccountPolicy) | a stolen session guesses nothing |
//! | Identifiers that an owner begins to add | 10 in a day | [`AccountPolicy`](crate::account::AccountPolicy) | nobody is written to without end |
//! | Codes to one new address | 5 in an hour, 20 in a day; 6 digits, 15 minutes, 5 guesses | [`AccountPolicy`](crate::account::AccountPolicy) | as at registration |
//! | An identifier that was given up | can be taken back for 72 hours | [`AccountPolicy`](crate::account::AccountPolicy) | a weekend passes before people read their mail |
//! | Linked identities of an account | 32 | [`Accounts`](crate::account::Accounts) | a person has a handful |
//! | Attributes | names of 128 characters, as the schema says | [`AttributeSchema`](crate::account::schema::AttributeSchema) | they are shown |
//! | Identifiers of an account | 16 | [`Account`](crate::account::Account) | a person has a handful |
//! | Identifier | 254 bytes | [`IdentifierKey`](crate::account::IdentifierKey) | the longest e-mail address |
//! | Profile | 64 attributes, 4 KiB each | [`Profile`](crate::account::Profile) | it is read at every sign-in |
//! | Credentials of an account | 64 | [`Credential`](crate::credential::Credential) | they are read at every sign-in |
//! | Organizations that one person creates | 5 in a day, where people may create them | [`OrganizationSettings`](crate::organization::OrganizationSettings) | slugs are not hoarded |
//! | Invitation | 7 days, sent 10 times | [`OrganizationSettings`](crate::organization::OrganizationSettings) | people are on holiday |
//! | Invitations | 200 in an hour from one organization, 5 in a day to one address | [`OrganizationSettings`](crate::organization::OrganizationSettings) | nobody's mailbox is flooded |
//! | Owners, roles of a member | 32, 16 | [`Organization`](crate::organization::Organization), [`Membership`](crate::organization::Membership) | they are read at every decision |
//! | Roles in a scope, permissions and inherited roles of one, steps of inheritance | 100, 64, 16, 8 | [`Role`](crate::organization::Role), [`RoleBook`](crate::organization::RoleBook) | they are resolved at every decision |
//! | Permission | `resource:action`, 64 bytes each | [`Permission`](crate::organization::Permission) | they travel in tokens |
//! | Relay: lease, batch, idle | 30 s, 64, 250 ms | [`RelayPolicy`](crate::relay::RelayPolicy) | mail leaves within a second, a dead node's share within half a minute |
//! | Relay: one delivery, at once to one destination, turn | 15 s, 16, 30 s | [`RelayPolicy`](crate::relay::RelayPolicy) | a slow receiver is waited for, a hanging one is not |
//! | Relay: retries | 5 s, three times longer each, at most 4 h, ±20 %, for 24 h | [`RetrySchedule`](crate::relay::RetrySchedule) | 14 attempts outlive a night's outage; what comes back does not come back at once |
//! | Relay: a destination is down after, is probed every | 5 subjects, 5 s to 2 min | [`RelayPolicy`](crate::relay::RelayPolicy) | one poisonous event is no outage, and an outage costs one request in two minutes |
//! | Dead letters are kept | 30 days | [`RelayPolicy`](crate::relay::RelayPolicy) | somebody is back from holiday |
//! | Webhooks: endpoints, filters of one, old secret beside a new one | 200, 64, 1 day | [`Webhooks`](crate::webhook::Webhooks) | each gets every event that it asked for |
//! | Webhooks: time of a request may differ by | 5 min | [`WebhookVerifier`](crate::webhook::WebhookVerifier) | as Standard Webhooks recommends |
//! | Domains of an organization, look-ups | 50, 60 in an hour | [`OrganizationSettings`](crate::organization::OrganizationSettings) | DNS is not ours to flood |
//! | Proof of a domain: looked for again | after 7 days, after a miss a day later; 3 misses in a row lapse | [`OrganizationSettings`](crate::organization::OrganizationSettings) | a sold domain routes nobody for long, a slip in a zone file is no loss |
//! | Policy of an organization | 64 methods, 64 domains, limits of 60 s at least | [`OrganizationPolicy`](crate::organization::OrganizationPolicy) | it is read with the organization |
//! | Organizations to choose from | 200 | [`Organizations`](crate::organization::Organizations) | a page shows them |
//! | Relay: lease, batch, attempts, idle | 30 s, 64, 50, 250 ms | [`RelayPolicy`](crate::relay::RelayPolicy) | mail leaves within a second, a dead node's share within half a minute |
