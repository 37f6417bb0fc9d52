//! The embedding on axum: one line mounts every endpoint and the page.
//!
//! ```text
//! cargo run -p embedded-login
//! ```

use std::net::SocketAddr;

use embedded_login::Login;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let login = Login::new("http://localhost:8090", "http://127.0.0.1/callback").await?;
    let router = ciam_axum::mount(move |request, peer| login.clone().handle(request, peer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8090").await?;
    println!("http://localhost:8090/.well-known/openid-configuration");
    axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
