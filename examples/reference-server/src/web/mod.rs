//! The web side: routes to pages and endpoints, and what every request goes through.

mod assets;
#[cfg(feature = "draft-dbsc")]
mod bound;
mod failure;
mod form;
mod guard;
mod host;
mod reply;
mod visit;

pub use assets::Assets;
pub(crate) use assets::routes as assets;
pub use failure::Failure;
pub use form::Form;
pub use guard::guard;
pub use reply::{FormTargets, Images, RouteName, Scripts, Sources, page, see_other};
pub use visit::{Visit, moment};
