//! SAML 2.0 identity provider and service provider.
