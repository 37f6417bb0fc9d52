//! OpenID Connect provider and relying party on top of ciam-oauth.
