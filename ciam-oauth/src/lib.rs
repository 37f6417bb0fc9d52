//! OAuth 2.x authorization server, token validation and client building blocks.
