//! What may be sent in the name of people who are not known yet.

use time::Duration;

use crate::error::PortError;
use crate::notify::Channel;
use crate::ratelimit::{Limit, RateLimitError, RateLimiter};

/// How many messages may go out that strangers ask for. A text message costs money, and some numbers pay whoever makes
/// others send to them: so there is an end for each country and in all, and not only for each recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageBudgets {
    /// Mails in all. Default 20,000 in an hour.
    pub mails: Limit,
    /// Text messages to one number. Default 5 in an hour.
    pub texts_per_recipient: Limit,
    /// Text messages to numbers of one country. Default 200 in an hour.
    pub texts_per_country: Limit,
    /// Text messages in all. Default 1,000 in an hour.
    pub texts: Limit,
}

impl Default for MessageBudgets {
    fn default() -> Self {
        Self {
            mails: Limit::new("budget.mails", 20_000, Duration::HOUR),
            texts_per_recipient: Limit::new("budget.texts_to", 5, Duration::HOUR),
            texts_per_country: Limit::new("budget.texts_country", 200, Duration::HOUR),
            texts: Limit::new("budget.texts", 1_000, Duration::HOUR),
        }
    }
}

impl MessageBudgets {
    /// Counts a message before it is sent; `Some` says how long to wait when a budget is spent.
    ///
    /// # Errors
    ///
    /// Fails when the message cannot be counted: nothing is sent then.
    pub async fn reserve(
        &self,
        limiter: &RateLimiter,
        channel: Channel,
        to: &str,
    ) -> Result<Option<Duration>, PortError> {
        let country = calling_code(to);
        let limits: &[(&Limit, &str)] = match channel {
            Channel::Email => &[(&self.mails, "")],
            Channel::Sms if to.starts_with('+') => {
                &[(&self.texts_per_recipient, to), (&self.texts_per_country, country), (&self.texts, "")]
            }
            // Whose number it is, is the account's secret; that it is one more is counted.
            Channel::Sms => &[(&self.texts, "")],
        };
        for (limit, key) in limits {
            match limiter.attempt(limit, key).await {
                Ok(()) => {}
                Err(RateLimitError::Limited { retry_after }) => return Ok(Some(retry_after)),
                Err(RateLimitError::Port(error)) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// The country's part of a number in E.164 form ([its list](https://www.itu.int/pub/T-SP-E.164D)): one digit for zones 1 and
/// 7, two for the countries that have two, and three for all others.
fn calling_code(number: &str) -> &str {
    const TWO: [&str; 44] = [
        "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48",
        "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81",
        "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
    ];
    let digits = number.strip_prefix('+').unwrap_or(number);
    let head = |length| digits.get(..length).unwrap_or(digits);
    match head(1) {
        "1" | "7" => head(1),
        _ if TWO.contains(&head(2)) => head(2),
        _ => head(3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_belong_to_countries() {
        for (number, country) in [
            ("+14155550100", "1"),
            ("+79161234567", "7"),
            ("+442079460958", "44"),
            ("+35312345678", "353"),
            ("+8801712345678", "880"),
            ("+4", "4"),
        ] {
            assert_eq!(calling_code(number), country, "{number}");
        }
    }
}
