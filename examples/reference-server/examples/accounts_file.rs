//! Writes a file of accounts that nobody has, to see what `import accounts` takes.
//!
//!     cargo run --release -p reference-server --example accounts_file -- 1000000 >accounts.jsonl
//!     reference-server import accounts --format jsonl accounts.jsonl
//!
//! Every account has an id, a verified address, two attributes and a password that some other system has hashed (bcrypt, of
//! `correct horse battery staple`), so that nothing is hashed here. One row in a thousand cannot be imported.

use std::io::{self, BufWriter, Write as _};

use anyhow::Context as _;

const HASH: &str = "$2b$10$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";

fn main() -> anyhow::Result<()> {
    let count = std::env::args().nth(1).context("how many accounts?")?;
    let count: u32 = count.parse().context("the number of accounts must be a number")?;
    let mut out = BufWriter::new(io::stdout().lock());
    for n in 1..=count {
        let at = if n % 1000 == 0 { "" } else { "@" };
        writeln!(
            out,
            "{{\"id\":\"customer-{n}\",\"email\":\"customer-{n}{at}shop.example\",\"email_verified\":true,\
             \"attributes\":{{\"name\":\"Customer {n}\",\"locale\":\"en\"}},\"password_hash\":\"{HASH}\",\
             \"created_at\":\"2021-03-{:02}T12:00:00Z\"}}",
            n % 28 + 1,
        )?;
    }
    Ok(out.flush()?)
}
