//! SCIM 2.0 service provider and client.
