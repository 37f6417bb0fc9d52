//! Which implementations of others this crate signs in with, and out again.
//!
//! The target `interop` of this crate's tests tries each of them, in both roles where the other has both, and fails when what
//! works is not what is written here: `cargo test -p ciam-saml --test interop`. A no is what the other does not have.
//!
//! lasso and python3-saml are those of Debian 12; pysaml2 7.5.5 is from PyPI, node-saml 5.1.0 and samlify 2.13.1 are from npm.
//! Software that is set up by files and not by a program is tried in a browser, by the suites of the reference server:
//! Apache with mod_auth_mellon and Apache with the Shibboleth SP sign in with our identity provider, and our service provider
//! signs in with SimpleSAMLphp, each with sign-in and single logout.
//!
//! # The peer is the service provider
//!
//! | | lasso | pysaml2 | python3-saml | node-saml | samlify |
//! | --- | --- | --- | --- | --- | --- |
//! | it reads our metadata | yes | yes | yes | no (1) | yes |
//! | we read its metadata | yes | yes | yes | yes | yes |
//! | sign-in: redirect, and back by POST | yes | yes | yes | yes | yes |
//! | signed request by redirect | yes | yes | yes | yes | yes |
//! | signed request by POST | yes | yes | no (2) | yes | yes |
//! | encrypted assertion | yes | yes | yes | yes | yes |
//! | a changed assertion is refused | yes | yes | yes | yes | yes |
//! | logout, it asks by redirect | yes | yes | yes | yes | yes |
//! | logout, it asks by POST | yes | yes | no (2) | no (3) | yes |
//! | logout, we ask by redirect | yes | yes | yes | yes | yes |
//! | logout, we ask by POST | yes | yes | no (2) | yes | yes |
//! | sign-in, and back by artifact | yes | no (4) | no (5) | no (6) | no (7) |
//! | logout, it asks from server to server | yes | no (4) | no (8) | no (9) | no (10) |
//! | logout, we ask from server to server | yes | no (4) | no (8) | no (9) | no (10) |
//!
//! # The peer is the identity provider
//!
//! | | lasso | pysaml2 | python3-saml | node-saml | samlify |
//! | --- | --- | --- | --- | --- | --- |
//! | it reads our metadata | yes | yes | no (11) | no (12) | yes |
//! | we read its metadata | yes | yes | no (11) | no (12) | yes |
//! | sign-in: redirect, and back by POST | yes | yes | no (11) | no (12) | yes |
//! | signed request by redirect | yes | yes | no (11) | no (12) | yes |
//! | signed request by POST | yes | yes | no (11) | no (12) | yes |
//! | encrypted assertion | yes | yes | no (11) | no (12) | yes |
//! | a changed assertion is refused | yes | yes | no (11) | no (12) | yes |
//! | logout, it asks by redirect | yes | yes | no (11) | no (12) | yes |
//! | logout, it asks by POST | yes | yes | no (11) | no (12) | yes |
//! | logout, we ask by redirect | yes | yes | no (11) | no (12) | yes |
//! | logout, we ask by POST | yes | yes | no (11) | no (12) | yes |
//! | sign-in, and back by artifact | yes | no (13) | no (11) | no (12) | no (7) |
//! | logout, it asks from server to server | yes | no (4) | no (11) | no (12) | no (10) |
//! | logout, we ask from server to server | yes | no (4) | no (11) | no (12) | no (10) |
//!
//! 1. node-saml lacks it: it reads no metadata: addresses and certificate are copied.
//! 2. python3-saml lacks it: it sends and reads requests by redirect only.
//! 3. node-saml lacks it: it asks for logout by redirect only.
//! 4. pysaml2 lacks it: it writes what is in an envelope again, and then the signature of others is wrong.
//! 5. python3-saml lacks it: it has no artifacts.
//! 6. node-saml lacks it: it has no artifacts.
//! 7. samlify lacks it: it has no artifacts.
//! 8. python3-saml lacks it: it has no logout from server to server.
//! 9. node-saml lacks it: it has no logout from server to server.
//! 10. samlify lacks it: it has no logout from server to server.
//! 11. python3-saml lacks it: it is a service provider only.
//! 12. node-saml lacks it: it is a service provider only.
//! 13. pysaml2 lacks it: it writes the number of the endpoint into artifacts as text.
