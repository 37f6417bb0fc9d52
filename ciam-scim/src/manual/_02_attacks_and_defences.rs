//! Attacks, and what stops them.
//!
//! - **Takeover by e-mail.** A directory provisions somebody else's address. It gets no account but a new one, cannot set a
//!   password, and is not told: see [accounts](super::_01_accounts).
//! - **Lock-out.** A directory deactivates or deletes somebody else's customer: only the membership changes.
//! - **Lost members.** A `PATCH` of members is a change of edges: two at once cannot overwrite each other. `remove` with a value
//!   never removes everybody.
//! - **A filter that costs a core.** Parsing, binding, evaluating and dropping a filter take time linear in its length and no
//!   stack; it is at most 64 KiB, 1024 comparisons and 64 deep. A search looks at a bounded number of resources.
//! - **Deep or wide JSON.** Refused at a depth of 32 and 1024 members of an object, while it is read.
//! - **A body that says two things.** Two members that differ only in case are refused.
//! - **Reading a secret by filters.** What is never returned can be neither filtered nor sorted by.
//! - **Another organization's data.** Every key and every index value begins with the organization of the connection; cursors are
//!   sealed with it; an id of another organization is not found, and as a member it is unknown.
//! - **Forged cursors.** They are sealed by the tenant's vault and bound to the query and the page size.
//! - **Lost updates.** Every change is committed at the version that it was decided on. With `If-Match` a lost race is 412,
//!   otherwise it is decided again.
//! - **Duplicates in a race.** Uniqueness is a condition of the commit, on folded spellings.
//! - **Stolen tokens.** They are kept as digests, begin with `ciam_scim_` so that scanners find them, rotate with an overlap and
//!   can be revoked at once.
//! - **Path tricks.** Each part of a path is decoded once; none has a slash in it or is `..`; an id of another form is not looked
//!   up.
//! - **A token for more than it is for.** A token of a connection reads alone, or manages; so does an access token, by its scope. A
//!   service that is asked to change something by a token for reading answers 403 before it looks at anything.
//! - **A result of somebody else's request.** What came of a request that was done later is told to its organization alone, and is
//!   signed. What was asked is sealed until it is done, and gone then.
//! - **A source that breaks.** The sync engine takes whoever is not listed for gone. More than a few are not seen off: the run
//!   says so, and a person decides.
//! - **A service provider that lies.** What is recorded is what was written, never what was answered; of it there are digests and
//!   no second copy of people's data. Requests go through core's outbound rules: no private address, no redirect.
