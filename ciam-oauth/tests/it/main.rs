//! Public-API tests of ciam-oauth, one module per topic.
