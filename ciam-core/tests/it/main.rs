//! Public-API tests of ciam-core, one module per topic.
