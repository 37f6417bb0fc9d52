//! Clients and resources of import files.

use ciam_core::entropy::Entropy;
use ciam_oauth::{
    client::{
        AuthMethod, Client, ClientAuthentication, ClientKeys, ClientSecret, Clients, ClientsError, Put,
    },
    server::{ResourceServer, SupportedScope, TokenFormat as Format},
};

use super::Done;
use crate::{
    document::{KeyPath, Problem},
    import::{ClientEntry, Import, ResourceEntry, TokenFormat},
};
