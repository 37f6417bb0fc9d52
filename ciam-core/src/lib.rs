//! Accounts, sessions, sign-in journeys, keys and the ports that every ciam crate shares.
