//! A router from a function on `http` types.

use std::net::SocketAddr;

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    response::Response,
};
use bytes::Bytes;
use ciam_core::http::Peer;
use http::{Extensions, StatusCode};

use crate::body::{MAX_BODY, collect};

/// A router that answers every request with `respond`. Nest or merge it, or use it as the fallback of another.
///
/// A body over [`MAX_BODY`] is refused with status 413. A request whose [`peer`] is unknown is refused with status
/// 500: the router was served without connection information, and the libraries need the address for their rate
/// limits.
pub fn mount<F, Fut>(respond: F) -> Router
where
    F: Fn(http::Request<Bytes>, Peer) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = http::Response<Bytes>> + Send + 'static,
{
    Router::new().fallback(move |request: Request<Body>| {
        let respond = respond.clone();
        async move {
            let Some(peer) = peer(request.extensions()) else {
                return empty(StatusCode::INTERNAL_SERVER_ERROR);
            };
            match collect(request, MAX_BODY).await {
                Ok(request) => respond(request, peer).await.map(Body::from),
                Err(_) => empty(StatusCode::PAYLOAD_TOO_LARGE),
            }
        }
    })
}

/// The other side of a request: the [`Peer`] that the host put into its extensions, else the connection's address.
pub fn peer(extensions: &Extensions) -> Option<Peer> {
    let connection = || extensions.get::<ConnectInfo<SocketAddr>>().map(|it| Peer::new(it.0.ip()));
    extensions.get::<Peer>().cloned().or_else(connection)
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use tower::ServiceExt as _;

    use super::*;

    fn echo() -> Router {
        mount(|request, peer| async move {
            let text = format!("{} {} {}", peer.address, request.uri().path(), request.body().len());
            http::Response::new(Bytes::from(text))
        })
    }

    async fn send(request: Request<Body>) -> (StatusCode, String) {
        let response = echo().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    fn request(body: Vec<u8>) -> Request<Body> {
        let address: SocketAddr = "192.0.2.7:4711".parse().unwrap();
        let request = Request::post("/a/b").extension(ConnectInfo(address));
        request.body(Body::from(body)).unwrap()
    }

    #[tokio::test]
    async fn the_request_and_its_peer_are_handed_over() {
        assert_eq!(send(request(vec![1, 2, 3])).await, (StatusCode::OK, "192.0.2.7 /a/b 3".into()));
    }

    #[tokio::test]
    async fn the_peer_that_the_host_knows_comes_first() {
        let mut request = request(Vec::new());
        let address: IpAddr = "2001:db8::1".parse().unwrap();
        request.extensions_mut().insert(Peer::new(address));
        assert_eq!(send(request).await.1, "2001:db8::1 /a/b 0");
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_whether_or_not_it_says_so() {
        assert_eq!(send(request(vec![0; MAX_BODY])).await.0, StatusCode::OK);
        assert_eq!(send(request(vec![0; MAX_BODY + 1])).await.0, StatusCode::PAYLOAD_TOO_LARGE);
        let mut announced = request(vec![0; 1]);
        announced.headers_mut().insert("content-length", "999999999".parse().unwrap());
        assert_eq!(send(announced).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn a_request_from_nowhere_is_refused() {
        let request = Request::get("/").body(Body::empty()).unwrap();
        assert_eq!(send(request).await.0, StatusCode::INTERNAL_SERVER_ERROR);
    }
}
