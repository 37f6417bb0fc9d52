//! Providers of OpenID Connect.

use super::{
    ClientProof, IssuerNames, KnownProvider, OPENIDDICT, OpenIdPlace, Pkce, Protocol, Value, ValueKind, host,
    published, read, segment,
};
use crate::rp::identity::EmailRule;

/// The tenant of personal Microsoft accounts.
const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

const MICROSOFT: &[super::Source] = &[
    published(
        "https://github.com/MicrosoftDocs/entra-docs/blob/main/docs/identity-platform/id-token-claims-reference.md",
        "2023-05-30",
    ),
    read("https://docs.azure.cn/en-us/Entra/identity-platform/v2-protocols-oidc"),
];

const EVERY_TENANT: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";

const fn at(issuer: &'static str) -> OpenIdPlace {
    OpenIdPlace {
        issuer,
        discovery: None,
        issuers: IssuerNames::One,
        nonce: true,
        posted_user: false,
        hosted_domains: false,
        email: EmailRule::Claimed,
    }
}

const fn row(id: &'static str, name: &'static str, place: OpenIdPlace) -> KnownProvider {
    KnownProvider {
        id,
        name,
        protocol: Protocol::OpenId(place),
        values: &[],
        scope: "openid profile email",
        authentication: ClientProof::Post,
        pkce: Pkce::Checked,
        form_post: false,
        parameters: &[],
        quirks: &[],
        sources: &[],
    }
}

pub(super) const ROWS: &[KnownProvider] = &[
    KnownProvider {
        scope: "openid name email",
        authentication: ClientProof::Signed { audience: "https://appleid.apple.com" },
        pkce: Pkce::Unstated,
        form_post: true,
        quirks: &[
            "The client secret is a JWT that the team's key signs, ES256, good for six months at most; here for a minute, made anew each time.",
            "With `name` or `email` in the scope the response comes as a form: the binding cookie needs `SameSite=None`.",
            "The name comes once, in `user` beside the code, through the browser: it is taken as a name and nothing else of it.",
            "`email_verified` may be the text `true`; the address may be one of the private relay.",
            "There is no UserInfo endpoint.",
        ],
        sources: &[
            read(
                "https://developer.apple.com/documentation/signinwithapplerestapi/request-an-authorization-to-the-sign-in-with-apple-server.",
            ),
            OPENIDDICT,
        ],
        ..row(
            "apple",
            "Apple",
            OpenIdPlace {
                posted_user: true,
                email: EmailRule::ClaimedOrText,
                ..at("https://appleid.apple.com")
            },
        )
    },
    KnownProvider {
        values: &[host(None)],
        quirks: &["The issuer ends in `/`.", "The host is the tenant's, or the operator's own domain."],
        sources: &[OPENIDDICT],
        ..row("auth0", "Auth0", at("https://{host}/"))
    },
    KnownProvider {
        values: &[segment("region", None), segment("pool", None)],
        authentication: ClientProof::Basic,
        quirks: &["`email_verified` is a text at UserInfo."],
        sources: &[OPENIDDICT],
        ..row(
            "cognito",
            "Amazon Cognito",
            OpenIdPlace {
                email: EmailRule::ClaimedOrText,
                ..at("https://cognito-idp.{region}.amazonaws.com/{pool}")
            },
        )
    },
    KnownProvider {
        authentication: ClientProof::Basic,
        quirks: &["At least one of `profile` and `email` must be asked for."],
        sources: &[OPENIDDICT],
        ..row("dropbox", "Dropbox", at("https://www.dropbox.com"))
    },
    KnownProvider {
        values: &[Value { name: "tenant", kind: ValueKind::TenantId, default: None }],
        quirks: &[
            "The tenant is its id, not its domain: the issuer has the id.",
            "An address is taken as verified only with the optional claim `xms_edov`; `email` alone is what an administrator has typed.",
            "`sub` is another for each application; `oid` is the same for all of the tenant.",
        ],
        sources: MICROSOFT,
        ..row(
            "entra",
            "Microsoft Entra ID",
            OpenIdPlace {
                email: EmailRule::DomainOwnerVerified,
                ..at("https://login.microsoftonline.com/{tenant}/v2.0")
            },
        )
    },
    KnownProvider {
        values: &[host(Some("gitlab.com"))],
        authentication: ClientProof::Basic,
        quirks: &["The name and the address are at UserInfo.", "A server of one's own is another host."],
        sources: &[read("https://docs.gitlab.com/integration/openid_connect_provider"), OPENIDDICT],
        ..row("gitlab", "GitLab", at("https://{host}"))
    },
    KnownProvider {
        quirks: &[
            "Older ID tokens name the issuer without its scheme.",
            "An address is taken as verified when Google gives it out itself: `@gmail.com`, or one of a hosted domain.",
            "A hosted domain that is asked for is checked in `hd`: the parameter alone is a wish.",
        ],
        sources: &[read("https://developers.google.com/identity/openid-connect/reference"), OPENIDDICT],
        ..row(
            "google",
            "Google",
            OpenIdPlace {
                issuers: IssuerNames::Also(&["accounts.google.com"]),
                hosted_domains: true,
                email: EmailRule::Hosted,
                ..at("https://accounts.google.com")
            },
        )
    },
    KnownProvider {
        scope: "openid account_email profile_nickname",
        pkce: Pkce::Unstated,
        quirks: &["Scope values are the provider's own; the address needs a verified business."],
        sources: &[read("https://developers.kakao.com/docs/ko/kakaologin/rest-api"), OPENIDDICT],
        ..row("kakao", "Kakao", at("https://kauth.kakao.com"))
    },
    KnownProvider {
        values: &[host(None), segment("realm", None)],
        authentication: ClientProof::Basic,
        sources: &[OPENIDDICT],
        ..row("keycloak", "Keycloak", at("https://{host}/realms/{realm}"))
    },
    KnownProvider {
        pkce: Pkce::Refused,
        quirks: &[
            "A code verifier beside a secret is refused: PKCE is for native applications.",
            "ID tokens do not repeat `nonce`: `state` alone ties a response to its sign-in.",
        ],
        sources: &[
            read(
                "https://learn.microsoft.com/en-us/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2",
            ),
            published("https://github.com/directus/directus/issues/23645", "2025-04-30"),
            published("https://github.com/pretix/pretix/pull/4824", "2025-02-20"),
            OPENIDDICT,
        ],
        ..row("linkedin", "LinkedIn", OpenIdPlace { nonce: false, ..at("https://www.linkedin.com/oauth") })
    },
    KnownProvider {
        quirks: &[
            "Each tenant is an issuer of its own, with the token's `tid` in it; tenants can be listed.",
            "Personal accounts are a tenant like any other.",
            "An address is taken as verified only with the optional claim `xms_edov`; `email` alone is what an administrator has typed.",
        ],
        sources: MICROSOFT,
        ..row(
            "microsoft",
            "Microsoft",
            OpenIdPlace {
                discovery: Some(
                    "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration",
                ),
                issuers: IssuerNames::Tenants { but: &[] },
                email: EmailRule::DomainOwnerVerified,
                ..at(EVERY_TENANT)
            },
        )
    },
    KnownProvider {
        quirks: &["The issuer is that of the tenant of personal accounts."],
        sources: MICROSOFT,
        ..row(
            "microsoft-personal",
            "Microsoft",
            OpenIdPlace {
                discovery: Some(
                    "https://login.microsoftonline.com/consumers/v2.0/.well-known/openid-configuration",
                ),
                email: EmailRule::DomainOwnerVerified,
                ..at("https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0")
            },
        )
    },
    KnownProvider {
        quirks: &[
            "Each tenant is an issuer of its own, with the token's `tid` in it; tenants can be listed.",
            "A personal account is refused, however the browser came by it.",
            "An address is taken as verified only with the optional claim `xms_edov`; `email` alone is what an administrator has typed.",
        ],
        sources: MICROSOFT,
        ..row(
            "microsoft-work",
            "Microsoft",
            OpenIdPlace {
                discovery: Some(
                    "https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration",
                ),
                issuers: IssuerNames::Tenants { but: &[PERSONAL] },
                email: EmailRule::DomainOwnerVerified,
                ..at(EVERY_TENANT)
            },
        )
    },
    KnownProvider {
        values: &[host(None)],
        authentication: ClientProof::Basic,
        quirks: &["This is the authorization server of the organization; a custom one is `okta-server`."],
        sources: &[OPENIDDICT],
        ..row("okta", "Okta", at("https://{host}"))
    },
    KnownProvider {
        values: &[host(None), segment("server", Some("default"))],
        authentication: ClientProof::Basic,
        quirks: &["This is a custom authorization server; that of the organization is `okta`."],
        sources: &[OPENIDDICT],
        ..row("okta-server", "Okta", at("https://{host}/oauth2/{server}"))
    },
    KnownProvider {
        values: &[host(Some("auth.pingone.com")), segment("environment", None)],
        authentication: ClientProof::Basic,
        quirks: &["The host is that of a region: `auth.pingone.eu`, `auth.pingone.ca`, and so on."],
        sources: &[OPENIDDICT],
        ..row("ping", "PingOne", at("https://{host}/{environment}/as"))
    },
    KnownProvider {
        values: &[host(Some("login.salesforce.com"))],
        quirks: &["With a domain of one's own, that is the host and the issuer."],
        sources: &[OPENIDDICT],
        ..row("salesforce", "Salesforce", at("https://{host}"))
    },
    KnownProvider {
        pkce: Pkce::Unstated,
        quirks: &[
            "An address is not taken as verified: who administers a workspace says what its people's addresses are.",
        ],
        sources: &[read("https://docs.slack.dev/reference/methods/openid.connect.token"), OPENIDDICT],
        ..row("slack", "Slack", OpenIdPlace { email: EmailRule::Never, ..at("https://slack.com") })
    },
    KnownProvider {
        scope: "openid user:read:email",
        pkce: Pkce::Unstated,
        parameters: &[("claims", "{\"id_token\":{\"email\":null,\"email_verified\":null,\"picture\":null}}")],
        quirks: &[
            "The address comes when it is asked for by `claims`.",
            "The scope of a token response is a list.",
        ],
        sources: &[read("https://dev.twitch.tv/docs/authentication/getting-tokens-oidc"), OPENIDDICT],
        ..row("twitch", "Twitch", at("https://id.twitch.tv/oauth2"))
    },
    KnownProvider {
        authentication: ClientProof::Basic,
        quirks: &["ID tokens may be signed with ES256."],
        sources: &[OPENIDDICT],
        ..row("yahoo", "Yahoo", at("https://api.login.yahoo.com"))
    },
];
