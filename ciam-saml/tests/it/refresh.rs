//! Metadata that is fetched in the background.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::clock::Clock as _;
use ciam_core::entropy::SystemEntropy;
use ciam_core::error::PortError;
use ciam_core::memory;
use ciam_core::outbound::{HttpClient, OutboundError, OutboundRequest};
use ciam_core::ports::Ports;
use ciam_core::runtime::{BlockingJob, Runtime};
use ciam_core::testkit::ManualClock;
use ciam_saml::dsig::SignatureError;
use ciam_saml::metadata::{
    MetadataError, MetadataQuery, MetadataTrust, RefreshPolicy, RemoteMetadata, RemoteMetadataError,
};
use futures_util::FutureExt as _;
use time::{Duration, OffsetDateTime};

use crate::metadata::{MD, idp};
use crate::support::*;
use crate::world::*;

const URL: &str = "https://federation.example/metadata.xml";

/// A web server whose documents a test writes.
#[derive(Debug)]
struct Web {
    documents: Mutex<BTreeMap<String, String>>,
    status: AtomicU16,
    requests: AtomicUsize,
    largest: AtomicUsize,
    address: [u8; 4],
}

#[async_trait]
impl HttpClient for Web {
    async fn resolve(&self, _: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
        Ok(vec![SocketAddr::from((self.address, port))])
    }

    async fn send(&self, request: OutboundRequest) -> Result<http::Response<Bytes>, PortError> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        self.largest.store(request.max_body, Ordering::SeqCst);
        let found = self.documents.lock().unwrap().get(&request.request.uri().to_string()).cloned();
        match found {
            Some(text) => {
                let status = self.status.load(Ordering::SeqCst);
                Ok(http::Response::builder().status(status).body(Bytes::from(text)).unwrap())
            }
            None => Ok(http::Response::builder().status(404).body(Bytes::new()).unwrap()),
        }
    }
}

struct Scene {
    web: Arc<Web>,
    clock: Arc<ManualClock>,
    ports: Ports,
}

impl Scene {
    fn new() -> Self {
        Self::at([93, 184, 215, 14])
    }

    fn at(address: [u8; 4]) -> Self {
        let clock = Arc::new(ManualClock::default());
        let web = Arc::new(Web {
            documents: Mutex::default(),
            status: AtomicU16::new(200),
            requests: AtomicUsize::new(0),
            largest: AtomicUsize::new(0),
            address,
        });
        let ports = memory::ports_with(clock.clone(), Arc::new(SystemEntropy::new()))
            .with_crypto(CRYPTO.clone())
            .with_http_client(web.clone());
        Self { web, clock, ports }
    }

    fn put(&self, url: &str, text: String) {
        self.web.documents.lock().unwrap().insert(url.to_owned(), text);
    }

    /// An aggregate that is valid for so long from now.
    fn publish(&self, valid: Duration, entities: &[&str]) {
        self.put(URL, aggregate(self.clock.now() + valid, entities, &IDP));
    }

    fn remote(&self) -> RemoteMetadata {
        RemoteMetadata::new(self.ports.clone(), URL, MetadataTrust::new(IDP.trusted()))
    }

    fn requests(&self) -> usize {
        self.web.requests.load(Ordering::SeqCst)
    }
}

fn aggregate(until: OffsetDateTime, entities: &[&str], pair: &Pair) -> String {
    let content: String = entities.iter().map(|id| idp(id, "", "")).collect();
    let until = at(until);
    let element = |signature: &str| {
        format!(
            r#"<md:EntitiesDescriptor xmlns:md="{MD}" ID="_a" cacheDuration="PT1H" validUntil="{until}">{signature}{content}</md:EntitiesDescriptor>"#
        )
    };
    element(&Recipe::new("_a").signature(pair, &element("")))
}

fn names(remote: &RemoteMetadata) -> Option<Vec<String>> {
    remote.current().map(|now| now.entities.keys().cloned().collect())
}

#[test]
fn it_is_fetched_when_it_is_due_and_once() {
    let scene = Scene::new();
    scene.publish(Duration::days(7), &[IDP_ID]);
    let remote = scene.remote();
    assert!(remote.current().is_none());
    block_on(async {
        for _ in 0..5 {
            assert!(remote.refresh().await.unwrap().entities.contains_key(IDP_ID));
        }
    });
    assert_eq!(scene.requests(), 1);
    assert_eq!(scene.web.largest.load(Ordering::SeqCst), MetadataTrust::DEFAULT_BYTES);
    scene.clock.advance(Duration::minutes(59));
    block_on(remote.refresh()).unwrap();
    assert_eq!(scene.requests(), 1, "cacheDuration is an hour");
    scene.clock.advance(Duration::minutes(1));
    scene.publish(Duration::days(7), &[IDP_ID, OTHER_ID]);
    block_on(remote.refresh()).unwrap();
    assert_eq!(scene.requests(), 2);
    assert_eq!(names(&remote).unwrap(), [IDP_ID, OTHER_ID]);
}

#[test]
fn the_last_good_one_stays_until_its_end() {
    let scene = Scene::new();
    scene.publish(Duration::days(3), &[IDP_ID]);
    let remote = scene.remote();
    block_on(remote.refresh()).unwrap();
    scene.put(URL, "<html>down for maintenance</html>".to_owned());
    scene.clock.advance(Duration::days(2));
    assert!(block_on(remote.refresh()).is_ok(), "what there is may be used");
    assert_eq!(scene.requests(), 2);
    scene.clock.advance(Duration::days(1));
    assert!(remote.current().is_none());
    assert!(matches!(block_on(remote.refresh()), Err(RemoteMetadataError::Metadata(_))));
}

#[test]
fn an_answer_that_is_no_success_is_not_read() {
    let scene = Scene::new();
    scene.publish(Duration::days(7), &[IDP_ID]);
    for status in [203, 404, 500] {
        scene.web.status.store(status, Ordering::SeqCst);
        let error = block_on(scene.remote().refresh()).unwrap_err();
        let said = matches!(error, RemoteMetadataError::Fetch(OutboundError::Status(it)) if it == status);
        assert!(said, "{status}: {error:?}");
    }
}

#[test]
fn what_nobody_could_fetch_for_long_is_stale_although_it_is_valid() {
    let scene = Scene::new();
    scene.publish(Duration::days(20), &[IDP_ID]);
    let mut policy = RefreshPolicy::default();
    policy.stale_after = Duration::days(5);
    let remote = scene.remote().with_policy(policy);
    block_on(remote.refresh()).unwrap();
    scene.put(URL, String::new());
    scene.clock.advance(Duration::days(5) - Duration::SECOND);
    assert!(remote.current().is_some());
    scene.clock.advance(Duration::SECOND);
    assert!(remote.current().is_none());
}

#[test]
fn only_the_pinned_key_speaks() {
    let scene = Scene::new();
    scene.put(URL, aggregate(scene.clock.now() + Duration::days(7), &[IDP_ID], &OTHER));
    let error = block_on(scene.remote().refresh()).unwrap_err();
    let invalid = MetadataError::Signature(SignatureError::Invalid);
    assert!(matches!(error, RemoteMetadataError::Metadata(error) if error == invalid));
}

/// Not in this process, not after a restart, and not on another node.
#[test]
fn an_older_one_never_replaces_a_newer() {
    let scene = Scene::new();
    scene.publish(Duration::days(7), &[IDP_ID]);
    let old = scene.web.documents.lock().unwrap()[URL].clone();
    let remote = scene.remote();
    block_on(remote.refresh()).unwrap();
    scene.clock.advance(Duration::days(1));
    scene.publish(Duration::days(7), &[OTHER_ID]);
    block_on(remote.refresh()).unwrap();
    assert_eq!(names(&remote).unwrap(), [OTHER_ID]);
    scene.put(URL, old);
    scene.clock.advance(Duration::hours(2));
    assert!(block_on(remote.refresh()).is_ok());
    assert_eq!(names(&remote).unwrap(), [OTHER_ID], "the last good one stays");
    let restarted = scene.remote();
    let error = block_on(restarted.refresh()).unwrap_err();
    assert!(matches!(error, RemoteMetadataError::Metadata(MetadataError::Rollback)), "{error:?}");
    assert!(restarted.current().is_none());
}

#[test]
fn a_source_that_fails_is_left_alone_for_longer_and_longer() {
    let scene = Scene::new();
    let remote = scene.remote();
    let mut asked_at = Vec::new();
    for minute in 0..200 {
        let before = scene.requests();
        let _failed = block_on(remote.refresh());
        if scene.requests() > before {
            asked_at.push(minute);
        }
        scene.clock.advance(Duration::minutes(1));
    }
    assert_eq!(asked_at, [0, 1, 3, 7, 15, 31, 63, 123, 183], "an hour at most");
    scene.publish(Duration::days(1), &[IDP_ID]);
    scene.clock.advance(Duration::hours(1));
    block_on(remote.refresh()).unwrap();
}

#[test]
fn one_entity_is_asked_for_and_no_other_taken() {
    let scene = Scene::new();
    let until = scene.clock.now() + Duration::days(7);
    let trust = || MetadataTrust::new(IDP.trusted());
    let query = MetadataQuery::new("https://mdq.example");
    let plain = RemoteMetadata::of_entity(scene.ports.clone(), &query, IDP_ID, trust());
    assert_eq!(plain.url(), "https://mdq.example/entities/https%3A%2F%2Fidp%2Eexample%2Fmetadata");
    let query = query.with_transformed_ids();
    let remote = RemoteMetadata::of_entity(scene.ports.clone(), &query, IDP_ID, trust());
    assert!(remote.url().starts_with("https://mdq.example/entities/%7Bsha1%7D"));
    scene.put(remote.url(), aggregate(until, &[OTHER_ID], &IDP));
    let error = block_on(remote.refresh()).unwrap_err();
    assert!(matches!(error, RemoteMetadataError::Metadata(MetadataError::OtherEntity)));
    scene.clock.advance(Duration::minutes(2));
    scene.put(remote.url(), aggregate(until, &[IDP_ID], &IDP));
    block_on(remote.refresh()).unwrap();
    assert_eq!(names(&remote).unwrap(), [IDP_ID]);
}

#[test]
fn nothing_is_fetched_from_inside() {
    let scene = Scene::at([169, 254, 169, 254]);
    scene.publish(Duration::days(7), &[IDP_ID]);
    let error = block_on(scene.remote().refresh()).unwrap_err();
    assert!(matches!(error, RemoteMetadataError::Fetch(OutboundError::Address)), "{error:?}");
    assert_eq!(scene.requests(), 0);
    let plain = RemoteMetadata::new(
        scene.ports.clone(),
        "http://federation.example/metadata.xml",
        MetadataTrust::new(IDP.trusted()),
    );
    let error = block_on(plain.refresh()).unwrap_err();
    assert!(matches!(error, RemoteMetadataError::Fetch(OutboundError::Url)), "{error:?}");
}

/// Sleeps by moving the clock, and gives up after ten days; publishes anew on the fourth.
#[derive(Debug)]
struct Days {
    clock: Arc<ManualClock>,
    web: Arc<Web>,
}

#[async_trait]
impl Runtime for Days {
    async fn sleep(&self, duration: std::time::Duration) {
        let began = ManualClock::default().now();
        let before = self.clock.now();
        self.clock.advance(Duration::try_from(duration).unwrap());
        let now = self.clock.now();
        if now > began + Duration::days(10) {
            std::future::pending::<()>().await;
        }
        let fourth = began + Duration::days(4);
        if before < fourth && now >= fourth {
            let text = aggregate(fourth + Duration::days(3), &[IDP_ID, OTHER_ID], &IDP);
            self.web.documents.lock().unwrap().insert(URL.to_owned(), text);
        }
    }

    async fn run_blocking(&self, job: BlockingJob) -> Result<(), PortError> {
        job();
        Ok(())
    }
}

#[test]
fn in_the_background_whoever_listens_is_told_of_changes_and_of_the_end() {
    let scene = Scene::new();
    scene.publish(Duration::days(5), &[IDP_ID]);
    let days = Days { clock: scene.clock.clone(), web: scene.web.clone() };
    let ports = scene.ports.clone().with_runtime(Arc::new(days));
    let remote = RemoteMetadata::new(ports, URL, MetadataTrust::new(IDP.trusted()));
    let told = Mutex::new(Vec::new());
    let began = scene.clock.now();
    let forever = remote.keep_fresh(|now| {
        let hours = (scene.clock.now() - began).whole_hours();
        told.lock().unwrap().push((hours, now.map(|now| now.entities.len())));
    });
    assert!(forever.now_or_never().is_none());
    let told = told.lock().unwrap().clone();
    assert_eq!(told, [(0, Some(1)), (96, Some(2)), (168, None)]);
    assert!((230..=260).contains(&scene.requests()), "every hour: {}", scene.requests());
}
