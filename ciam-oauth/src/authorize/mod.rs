//! The authorization endpoint ([RFC 6749, section 3.1](https://www.rfc-editor.org/rfc/rfc6749#section-3.1)).

mod request;

pub use self::request::{AuthorizeRequest, Display, Prompt, PromptSet, ResponseMode};
