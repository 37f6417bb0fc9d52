//! Keeps a SCIM service provider in step with a file of people and groups.
//!
//! ```text
//! cargo run -p reference-server        # in one terminal; make a token at /organizations/example/directory
//! SCIM_TOKEN=… cargo run -p scim-push -- --url http://localhost:8080/scim/v2 --people people.json
//! ```

use std::path::PathBuf;
use std::sync::Arc;

use ciam_core::secret::Secret;
use ciam_scim::client::{FixedToken, ScimClient, SyncEngine, SyncPolicy, TargetProfile};
use clap::{Parser, ValueEnum};
use scim_push::{People, differences, ports, told};

/// Keeps a SCIM service provider in step with a file of people and groups.
#[derive(Debug, Parser)]
struct Options {
    /// The address of the service provider, such as https://app.example/scim/v2.
    #[arg(long, env = "SCIM_URL")]
    url: String,
    /// The access token.
    #[arg(long, env = "SCIM_TOKEN", hide_env_values = true)]
    token: String,
    /// The file of people and groups.
    #[arg(long)]
    people: PathBuf,
    /// Where it is kept what was written.
    #[arg(long, default_value = "scim-push")]
    state: PathBuf,
    /// What the service provider understands.
    #[arg(long, value_enum, default_value = "standard")]
    profile: Profile,
    /// So many users, and so many groups, may leave in one run, if they are more than 5 per cent.
    #[arg(long, default_value_t = 10)]
    max_leaving: usize,
    /// Only says what differs there from what was written.
    #[arg(long)]
    drift: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Profile {
    Standard,
    Aws,
    PutOnly,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let profile = match options.profile {
        Profile::Standard => TargetProfile::standard(),
        Profile::Aws => TargetProfile::aws_identity_center(),
        Profile::PutOnly => TargetProfile::put_only(),
    };
    let people = People::read(&options.people)?;
    let ports = ports(&options.state, &options.url).await?;
    let token = Arc::new(FixedToken::new(Secret::new(options.token)));
    let client = ScimClient::new(ports, options.url, token).with_profile(profile);
    let policy = SyncPolicy::default().with_max_leaving(options.max_leaving, 5);
    let engine = SyncEngine::new(client, "target").with_policy(policy);
    if options.drift {
        print!("{}", differences(&engine.drift().await?));
        return Ok(());
    }
    let report = engine.run(&people.source()).await?;
    print!("{}", told(&report));
    anyhow::ensure!(report.is_complete(), "not everything is as it is to be");
    Ok(())
}
