//! Clients that publish what they are: the client id is the address of a document
//! ([draft-ietf-oauth-client-id-metadata-document-02](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-02)).
//!
//! A program that has never been registered names itself by an `https` URL. The server fetches the metadata from there, checks
//! them like every registration, and keeps them for a while. Nothing is stored: a client that takes its document away is gone.
//! A client that the host registered under such an id is that client, and nothing is fetched.
//!
//! ```
//! use ciam_core::memory;
//! use ciam_oauth::AuthorizationServer;
//! use ciam_oauth::client_document::ClientDocuments;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = AuthorizationServer::builder(memory::ports())
//!     .issuer("https://id.example".parse()?)
//!     .interaction_url("/interaction/")
//!     .client_documents(ClientDocuments::default())
//!     .build()
//!     .await?;
//! assert_eq!(server.metadata()["client_id_metadata_document_supported"], true);
//! # Ok(())
//! # }
//! ```
//!
//! # Security
//!
//! Anybody can publish such a document, so that its name and logo are what a stranger says: a consent page shows the host of the
//! client id. By default the client is answered at its own origin, or in an app on the person's device, which the person
//! confirms each time. Documents are fetched by the rules of [`ciam_core::outbound`] and counted for each host.
//!
//! It does not follow what a document links to but `jwks_uri`, and takes no client that authenticates with a secret or a
//! certificate.

mod document;
mod resolve;
mod settings;
mod url;

pub use self::document::DocumentProblem;
pub(crate) use self::resolve::Documents;
pub use self::settings::ClientDocuments;
