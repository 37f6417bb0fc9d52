//! What a hash of another system may cost.

/// The most that verifying one imported hash may cost. What costs more is refused when it is imported, and proves nobody
/// when it stands in the store all the same.
///
/// A hash says itself how much work its verification is. Whoever can write one (into an export, into a database) could
/// stop a server with a single line, if nobody counted: scrypt with N = 2⁴⁰ asks for a petabyte.
///
/// The defaults take what systems are known to have written, with room to spare, and end at about one second of one core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForeignLimits {
    /// bcrypt's cost. Default 14: 16 times the work of the usual 10.
    pub bcrypt_cost: u32,
    /// PBKDF2's iterations, times the blocks of output that they are done for. Default 2,000,000.
    pub pbkdf2_work: u64,
    /// scrypt's memory in bytes, 128·r·(N + p). Default 144 MiB, so that N = 2¹⁷ with r = 8 fits.
    pub scrypt_memory: u64,
    /// scrypt's work, N·r·p. Default 2²¹: twice that of N = 2¹⁷, r = 8.
    pub scrypt_work: u64,
    /// SHA-crypt's rounds. Default 1,000,000: Passlib writes 656,000.
    pub sha_crypt_rounds: u32,
    /// Argon2's memory in KiB. Default 256 MiB.
    pub argon2_memory_kib: u32,
    /// Argon2's memory in KiB times its passes. Default 1 GiB.
    pub argon2_work_kib: u64,
    /// Argon2's lanes. Default 16.
    pub argon2_lanes: u32,
    /// The longest salt of any kind, in bytes. Default 512.
    pub salt_bytes: usize,
    /// The longest hash of any kind, in bytes. Default 512.
    pub hash_bytes: usize,
}

impl ForeignLimits {
    /// No text of a hash is longer than this, in bytes, whatever the limits.
    pub const MAX_TEXT: usize = 4096;

    /// The shortest hash in bytes, but for bcrypt's 23: a shorter one could be met by chance, an empty one by everybody.
    pub const MIN_HASH: usize = 16;
}

impl Default for ForeignLimits {
    fn default() -> Self {
        Self {
            bcrypt_cost: 14,
            pbkdf2_work: 2_000_000,
            scrypt_memory: 144 << 20,
            scrypt_work: 1 << 21,
            sha_crypt_rounds: 1_000_000,
            argon2_memory_kib: 256 << 10,
            argon2_work_kib: 1 << 20,
            argon2_lanes: 16,
            salt_bytes: 512,
            hash_bytes: 512,
        }
    }
}
