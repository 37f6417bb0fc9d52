//! Error pages.

use http::StatusCode;
use serde::Serialize;

use super::{Frame, page};
use crate::i18n::{ErrorTexts, Message};

/// Says that something did not work, and nothing about why: the log has that, under the reference.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What did not work.
    pub title: String,
    /// What to do about it.
    pub lead: String,
    /// The correlation id under which the log has the details.
    pub reference: Option<String>,
}

page!(ErrorPage, "error.html");

impl<'a> ErrorPage<'a> {
    /// The page for a kind of problem.
    pub fn new(frame: Frame<'a>, fault: Fault, reference: Option<String>) -> Self {
        let (title, lead) = words(&frame.t.error, fault);
        Self { title: title.to_string(), lead: lead.to_string(), reference, frame }
    }
}

fn words(t: &ErrorTexts, fault: Fault) -> (&Message, &Message) {
    match fault {
        Fault::Internal => (&t.title, &t.lead),
        Fault::BadRequest => (&t.bad_request_title, &t.bad_request_lead),
        Fault::Expired => (&t.expired_title, &t.expired_lead),
        Fault::Forbidden => (&t.forbidden_title, &t.forbidden_lead),
        Fault::NotFound => (&t.not_found_title, &t.not_found_lead),
        Fault::TooLarge => (&t.too_large_title, &t.too_large_lead),
        Fault::Method => (&t.method_title, &t.method_lead),
        Fault::Busy => (&t.busy_title, &t.busy_lead),
        Fault::Unavailable => (&t.unavailable_title, &t.unavailable_lead),
    }
}

/// What kind of problem a person is told about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The server has a defect.
    Internal,
    /// An application sent a request that cannot be answered, nor sent back to it.
    BadRequest,
    /// What the page was about is over.
    Expired,
    /// The form did not come from this person's browser.
    Forbidden,
    /// There is nothing at the address.
    NotFound,
    /// The body is too large.
    TooLarge,
    /// The method is not accepted.
    Method,
    /// Too many requests.
    Busy,
    /// Something that the server needs does not answer.
    Unavailable,
}

impl Fault {
    /// Every kind of problem.
    pub const ALL: &'static [Self] = &[
        Self::Internal,
        Self::BadRequest,
        Self::Expired,
        Self::Forbidden,
        Self::NotFound,
        Self::TooLarge,
        Self::Method,
        Self::Busy,
        Self::Unavailable,
    ];

    /// The status that goes with the page.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::BadRequest | Self::Expired => StatusCode::BAD_REQUEST,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
