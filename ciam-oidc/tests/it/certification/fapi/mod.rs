//! `fapi2-security-profile-final-test-plan` and `fapi2-message-signing-final-test-plan`.
//!
//! The modules of the two plans are the same; each runs in the variants that it is for. What is about TLS is the host's, and the
//! modules of single countries are left out. The table of verdicts is in the crate's manual.

mod bank;
mod dpop;
mod objects;
mod requests;
mod tokens;

/// Makes a test of each module for each variant of the plans.
macro_rules! in_plans {
    ([$($name:ident: $plan:ident),+] $modules:tt) => {
        $(in_plans!(@one $name $plan $modules);)+
    };
    (@one $name:ident $plan:ident [$($module:ident),+ $(,)?]) => {
        mod $name {
            use super::super::bank::{Bank, Plan};

            $(#[tokio::test]
            async fn $module() {
                super::$module(&Bank::new(Plan::$plan).await).await;
            })+
        }
    };
}
use in_plans;
