//! Public-API tests of ciam-oidc, one module per topic.
