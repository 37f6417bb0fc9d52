//! Providers of OAuth 2.0 and a profile.

use super::{
    ClientProof, EmailPlace, KnownProvider, OAuthPlace, OPENIDDICT, Pkce, Protocol, host, published, read,
    segment,
};
use crate::rp::oauth::SubjectKind;

const fn at(
    issuer: &'static str,
    authorize: &'static str,
    token: &'static str,
    profile: &'static str,
) -> OAuthPlace {
    OAuthPlace {
        issuer,
        authorization_endpoint: authorize,
        token_endpoint: token,
        profile,
        profile_by_post: false,
        accept: "application/json",
        secret_proof: false,
        subject: "/id",
        subject_kind: SubjectKind::Text,
        email: EmailPlace::Nowhere,
        name: None,
        names: None,
        picture: None,
    }
}

const fn row(id: &'static str, name: &'static str, scope: &'static str, place: OAuthPlace) -> KnownProvider {
    KnownProvider {
        id,
        name,
        protocol: Protocol::OAuth(place),
        values: &[],
        scope,
        authentication: ClientProof::Post,
        pkce: Pkce::Unstated,
        form_post: false,
        parameters: &[],
        quirks: &[],
        sources: &[],
    }
}

const GITHUB_LIST: [&str; 3] = ["email", "primary", "verified"];

pub(super) const ROWS: &[KnownProvider] = &[
    KnownProvider {
        pkce: Pkce::Checked,
        quirks: &["The subject is `user_id`; whether an address is verified is not said."],
        sources: &[OPENIDDICT],
        ..row(
            "amazon",
            "Amazon",
            "profile",
            OAuthPlace {
                subject: "/user_id",
                email: EmailPlace::Unverified("/email"),
                name: Some("/name"),
                ..at(
                    "https://www.amazon.com",
                    "https://www.amazon.com/ap/oa",
                    "https://api.amazon.com/auth/o2/token",
                    "https://api.amazon.com/user/profile",
                )
            },
        )
    },
    KnownProvider {
        authentication: ClientProof::Basic,
        quirks: &[
            "The subject is `uuid`, in braces; a user name can change.",
            "The address is in a list of its own: that which is primary and confirmed.",
        ],
        sources: &[read("https://developer.atlassian.com/cloud/bitbucket/rest/api-group-users/"), OPENIDDICT],
        ..row(
            "bitbucket",
            "Bitbucket",
            "account email",
            OAuthPlace {
                subject: "/uuid",
                email: EmailPlace::List {
                    url: "https://api.bitbucket.org/2.0/user/emails",
                    at: "/values",
                    members: ["email", "is_primary", "is_confirmed"],
                },
                name: Some("/display_name"),
                picture: Some("/links/avatar/href"),
                ..at(
                    "https://bitbucket.org",
                    "https://bitbucket.org/site/oauth2/authorize",
                    "https://bitbucket.org/site/oauth2/access_token",
                    "https://api.bitbucket.org/2.0/user",
                )
            },
        )
    },
    KnownProvider {
        pkce: Pkce::Checked,
        quirks: &["An address is verified when `verified` says so; people without one can sign in."],
        sources: &[OPENIDDICT],
        ..row(
            "discord",
            "Discord",
            "identify email",
            OAuthPlace {
                email: EmailPlace::Flagged { at: "/email", flag: "/verified" },
                name: Some("/global_name"),
                ..at(
                    "https://discord.com",
                    "https://discord.com/oauth2/authorize",
                    "https://discord.com/api/oauth2/token",
                    "https://discord.com/api/users/@me",
                )
            },
        )
    },
    KnownProvider {
        values: &[segment("version", Some("v23.0"))],
        pkce: Pkce::Checked,
        quirks: &[
            "The fields of the profile are named in its address.",
            "`appsecret_proof`, an HMAC of the token under the secret, goes along.",
            "The version of the interface ends some day, and is set by `version`.",
            "The subject is another for each application. Whether an address is verified is not said.",
        ],
        sources: &[
            published(
                "https://developers.facebook.com/documentation/facebook-login/guides/advanced/manual-flow",
                "2026-03-10",
            ),
            read("https://developers.facebook.com/docs/facebook-login/security"),
            OPENIDDICT,
        ],
        ..row(
            "facebook",
            "Facebook",
            "public_profile email",
            OAuthPlace {
                secret_proof: true,
                email: EmailPlace::Unverified("/email"),
                name: Some("/name"),
                names: Some(("/first_name", "/last_name")),
                picture: Some("/picture/data/url"),
                ..at(
                    "https://www.facebook.com",
                    "https://www.facebook.com/{version}/dialog/oauth",
                    "https://graph.facebook.com/{version}/oauth/access_token",
                    "https://graph.facebook.com/{version}/me?fields=id,name,first_name,last_name,email,picture",
                )
            },
        )
    },
    KnownProvider {
        quirks: &[
            "A refused code is answered with status 200.",
            "The address is in a list of its own: that which is primary and verified. That of the profile is what is shown, and is not taken.",
            "A request without a `User-Agent` is not answered.",
        ],
        sources: &[
            read(
                "https://github.com/github/docs/blob/029b09ac7206a46ede804fd54fa6273376490c3c/content/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps.md",
            ),
            OPENIDDICT,
        ],
        ..row(
            "github",
            "GitHub",
            "read:user user:email",
            OAuthPlace {
                accept: "application/vnd.github+json",
                subject_kind: SubjectKind::Number,
                email: EmailPlace::List {
                    url: "https://api.github.com/user/emails",
                    at: "",
                    members: GITHUB_LIST,
                },
                name: Some("/name"),
                picture: Some("/avatar_url"),
                ..at(
                    "https://github.com",
                    "https://github.com/login/oauth/authorize",
                    "https://github.com/login/oauth/access_token",
                    "https://api.github.com/user",
                )
            },
        )
    },
    KnownProvider {
        values: &[host(None)],
        quirks: &[
            "A server of one's own, with its interface below `/api/v3`.",
            "Whether addresses are verified there is what that server says.",
        ],
        sources: &[read(
            "https://docs.github.com/es/enterprise-server@3.20/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps",
        )],
        ..row(
            "github-enterprise",
            "GitHub Enterprise",
            "read:user user:email",
            OAuthPlace {
                accept: "application/vnd.github+json",
                subject_kind: SubjectKind::Number,
                email: EmailPlace::List {
                    url: "https://{host}/api/v3/user/emails",
                    at: "",
                    members: GITHUB_LIST,
                },
                name: Some("/name"),
                picture: Some("/avatar_url"),
                ..at(
                    "https://{host}",
                    "https://{host}/login/oauth/authorize",
                    "https://{host}/login/oauth/access_token",
                    "https://{host}/api/v3/user",
                )
            },
        )
    },
    KnownProvider {
        pkce: Pkce::Checked,
        quirks: &[
            "ID tokens of web sign-ins are signed with the client's secret (HS256), which anybody can who has it: the profile is asked for instead.",
            "The profile has no address.",
        ],
        sources: &[read("https://developers.line.biz/en/docs/line-login/verify-id-token/")],
        ..row(
            "line",
            "LINE",
            "profile",
            OAuthPlace {
                subject: "/userId",
                name: Some("/displayName"),
                picture: Some("/pictureUrl"),
                ..at(
                    "https://access.line.me",
                    "https://access.line.me/oauth2/v2.1/authorize",
                    "https://api.line.me/oauth2/v2.1/token",
                    "https://api.line.me/v2/profile",
                )
            },
        )
    },
    KnownProvider {
        authentication: ClientProof::Basic,
        quirks: &[
            "The profile has no address.",
            "A request without a `User-Agent` of its own is slowed down.",
        ],
        sources: &[OPENIDDICT],
        ..row(
            "reddit",
            "Reddit",
            "identity",
            OAuthPlace {
                name: Some("/name"),
                ..at(
                    "https://www.reddit.com",
                    "https://www.reddit.com/api/v1/authorize",
                    "https://www.reddit.com/api/v1/access_token",
                    "https://oauth.reddit.com/api/v1/me",
                )
            },
        )
    },
    KnownProvider {
        authentication: ClientProof::Basic,
        pkce: Pkce::Checked,
        quirks: &["The address is what somebody typed, and is not verified."],
        sources: &[OPENIDDICT],
        ..row(
            "spotify",
            "Spotify",
            "user-read-email",
            OAuthPlace {
                email: EmailPlace::Unverified("/email"),
                name: Some("/display_name"),
                picture: Some("/images/0/url"),
                ..at(
                    "https://accounts.spotify.com",
                    "https://accounts.spotify.com/authorize",
                    "https://accounts.spotify.com/api/token",
                    "https://api.spotify.com/v1/me",
                )
            },
        )
    },
    KnownProvider {
        authentication: ClientProof::Basic,
        pkce: Pkce::Checked,
        quirks: &[
            "The profile is nested in `data`; its fields are named in its address.",
            "`confirmed_email` needs an application that may ask for it (scope `users.email`).",
        ],
        sources: &[
            read("https://docs.x.com/ko/fundamentals/authentication/oauth-2-0/authorization-code.md"),
            OPENIDDICT,
        ],
        ..row(
            "x",
            "X",
            "users.read tweet.read",
            OAuthPlace {
                subject: "/data/id",
                email: EmailPlace::Verified("/data/confirmed_email"),
                name: Some("/data/name"),
                picture: Some("/data/profile_image_url"),
                ..at(
                    "https://x.com",
                    "https://x.com/i/oauth2/authorize",
                    "https://api.x.com/2/oauth2/token",
                    "https://api.x.com/2/users/me?user.fields=profile_image_url,confirmed_email",
                )
            },
        )
    },
    KnownProvider {
        authentication: ClientProof::Basic,
        pkce: Pkce::Checked,
        quirks: &[
            "The scope is what the application is registered with.",
            "An address is not taken as verified: who administers an account says what its people's addresses are.",
        ],
        sources: &[OPENIDDICT],
        ..row(
            "zoom",
            "Zoom",
            "",
            OAuthPlace {
                email: EmailPlace::Unverified("/email"),
                name: Some("/display_name"),
                names: Some(("/first_name", "/last_name")),
                picture: Some("/pic_url"),
                ..at(
                    "https://zoom.us",
                    "https://zoom.us/oauth/authorize",
                    "https://zoom.us/oauth/token",
                    "https://api.zoom.us/v2/users/me",
                )
            },
        )
    },
];
