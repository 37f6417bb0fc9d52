//! Recovery codes: a sheet of codes for the day on which the other factors are gone.
//!
//! What [NIST SP 800-63B-4, section 3.1.2](https://pages.nist.gov/800-63-4/sp800-63b.html) calls look-up secrets: something
//! that the person has. Ten codes of 60 random bits, shown once; a new sheet takes the place of the old one.
//!
//! # Security
//!
//! - A code is kept as a hash under the tenant's key, salted with the sheet: a copy of the database without the key vault
//!   does not even let one guess.
//! - **Once**: a used code is marked in the commit that it proves, which requires that nobody has touched the sheet. Of a
//!   hundred requests with one code one succeeds; a sheet that is replaced at the same moment leaves either the old or the
//!   new one good, never both.
//! - The owner gets a message when one is used.

mod codes;
mod factor;

pub(crate) use self::codes::sheet;
pub use self::codes::{RecoveryCodes, remaining};
pub use self::factor::RecoveryCodeFactor;
