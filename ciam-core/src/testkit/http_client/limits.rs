//! How much, and how long.

use std::time::{Duration, Instant};

use super::server::{Answer, Server, whole};
use super::{AMPLE, clause, get};
use crate::outbound::HttpClient;
use crate::runtime::{Runtime as _, ThreadRuntime};
use crate::testkit::suite::{Clause, Violation, ensure, ensure_eq};

pub(super) const CLAUSES: &[Clause<dyn HttpClient>] = &[
    clause!("limit.exact", exact, "A body of the largest size is read; one byte more is an error."),
    clause!("limit.while_reading", while_reading, "A body over the limit is not read to its end."),
    clause!("deadline.stops", stops, "A response that is not whole at the deadline is an error then."),
    clause!("deadline.in_time", in_time, "A slow response within the deadline is a response."),
];

const LIMIT: usize = 1_000;

async fn exact(client: &dyn HttpClient) -> Result<(), Violation> {
    for size in [LIMIT - 1, LIMIT, LIMIT + 1, LIMIT * 3] {
        let body = vec![b'x'; size];
        let chunks: Vec<u8> = body.chunks(300).flat_map(chunk).collect();
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
        let chunked = [&chunked[..], &chunks, b"0\r\n\r\n"].concat();
        for (how, answer) in [("announced", Answer::ok(&body)), ("chunked", Answer::Text(chunked))] {
            let server = Server::start(answer)?;
            let mut request = get(&server)?;
            request.max_body = LIMIT;
            let response = client.send(request).await;
            if size > LIMIT {
                ensure!(response.is_err(), "{size} bytes, {how}, were read where {LIMIT} are allowed");
            } else {
                ensure_eq!(response?.body().len(), size, "how many of {size} bytes, {how}, were read");
            }
        }
    }
    Ok(())
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

async fn while_reading(client: &dyn HttpClient) -> Result<(), Violation> {
    // More than what the buffers between client and server hold.
    let server = Server::start(Answer::Flood(64 << 20))?;
    let mut request = get(&server)?;
    request.max_body = LIMIT;
    ensure!(client.send(request).await.is_err(), "64 MiB were read where {LIMIT} bytes are allowed");
    // The server notices that nobody reads any more, at the latest when it gives up.
    for _ in 0..600 {
        if !server.over().is_empty() {
            break;
        }
        ThreadRuntime::new().sleep(Duration::from_millis(10)).await;
    }
    ensure!(server.over() != [true], "all of 64 MiB was read where {LIMIT} bytes are allowed");
    Ok(())
}

async fn stops(client: &dyn HttpClient) -> Result<(), Violation> {
    const DEADLINE: Duration = Duration::from_millis(300);
    let pause = Duration::from_millis(20);
    let drops = || vec![b'x'; 250];
    let head = b"HTTP/1.1 200 OK\r\n".to_vec();
    let body = b"HTTP/1.1 200 OK\r\ncontent-length: 250\r\nconnection: close\r\n\r\n".to_vec();
    let late = whole("200 OK", "", b"late");
    for (what, answer) in [
        ("a server that says nothing for long", Answer::Late(Duration::from_secs(5), late)),
        ("a head that drips", Answer::Drip([head.as_slice(), b"x-long: "].concat(), drops(), pause)),
        ("a body that drips", Answer::Drip(body, drops(), pause)),
    ] {
        let server = Server::start(answer)?;
        let mut request = get(&server)?;
        request.deadline = DEADLINE;
        let begun = Instant::now();
        let response = client.send(request).await;
        let took = begun.elapsed();
        ensure!(response.is_err(), "{what} was waited for");
        // Ample, so that a busy machine is not taken for a broken client.
        ensure!(took < DEADLINE + Duration::from_secs(2), "{what} was waited for {took:?}, not {DEADLINE:?}");
    }
    Ok(())
}

async fn in_time(client: &dyn HttpClient) -> Result<(), Violation> {
    let text = whole("200 OK", "", b"slow but whole");
    let (head, tail) = text.split_at(text.len() / 2);
    for answer in [
        Answer::Late(Duration::from_secs(1), text.clone()),
        Answer::Drip(head.to_vec(), tail.to_vec(), Duration::from_millis(5)),
    ] {
        let server = Server::start(answer)?;
        let mut request = get(&server)?;
        request.deadline = AMPLE;
        let response = client.send(request).await?;
        ensure_eq!(response.body().as_ref(), b"slow but whole", "a slow body");
    }
    Ok(())
}
