//! What a directory does to accounts.
//!
//! A user of a directory is an account that is a member of the directory's organization. The directory says who has which
//! e-mail address; that is a claim, not a proof. The rules keep a customer who buys a directory connection from getting at
//! people who are not theirs.
//!
//! # Which account a new user is
//!
//! The address is the primary or first of `emails`, else a `userName` that is an address.
//!
//! | The address | Its domain proved by the organization | Not proved |
//! | --- | --- | --- |
//! | is nobody's | a new account, verified and active | a new account, pending until its person proves the address |
//! | is proved by a member of the organization | that account | that account |
//! | is proved by somebody else | that account; it becomes a member | a new account without the address |
//! | is claimed and proved by nobody | a new account, which takes the address | a new account without the address |
//! | is given up lately, or another user's of the directory | a new account without the address | the same |
//!
//! The directory is answered the same in every case: it does not learn who else is a customer. A new account without the address
//! cannot be signed in to by it; the person who has the address can be invited.
//!
//! # What the organization owns
//!
//! An account that its directory made, all of whose e-mail addresses are in domains that it has proved, and that is a member of
//! no other organization. Lost is any of these, lost is the ownership.
//!
//! | | An owned account | Any other |
//! | --- | --- | --- |
//! | `active: false` | membership suspended, account suspended: no session survives | membership suspended, sessions that act for the organization end, tokens of before stay void |
//! | `active: true` | the membership goes on, and the account where the directory stopped it | the membership goes on |
//! | `password` | set, if the policy accepts it; every session ends | not set; the answer is the same |
//! | names, address | follow the directory | stay the person's |
//! | `DELETE` | membership ends, account closed; erased after the grace period | membership ends |
//!
//! `active: false` suspends an owned account instead of closing it: directories switch people off and on again, and an account
//! that is closed is erased when its time has come. What an administrator, a protection rule or the person has stopped, a
//! directory does not bring back: neither with `active: true` nor by deleting the user and making it again. The last owner of an
//! organization can neither be suspended nor deleted by it: 403.
//!
//! # Roles
//!
//! New members are `member`. [`Connection::group_roles`](crate::connection::Connection::group_roles) says which groups give
//! which roles; those roles are the directory's to give and take, no others are touched, and `owner` is never among them.
//! Groups in groups give no roles.
