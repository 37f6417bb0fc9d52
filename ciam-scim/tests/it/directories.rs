//! What Microsoft Entra ID and Okta send, and what they have to be answered: the recordings of the testkit, a test for each line
//! of the list of directory quirks, and what a recording cannot show.

use std::sync::Arc;

use ciam_core::memory;
use ciam_core::organization::Organizations;
use ciam_core::password::{Argon2idHasher, PasswordFactor};
use ciam_core::ports::Ports;
use ciam_core::session::SessionManager;
use ciam_core::testkit::Probe;
use ciam_scim::profile::Profile;
use ciam_scim::service::ScimService;
use ciam_scim::testkit::{self, InProcess};
use serde_json::json;

use crate::world::{USER, World};

/// A service in memory, for the suites of the testkit.
async fn target() -> InProcess {
    target_on(memory::ports()).await
}

async fn target_on(ports: Ports) -> InProcess {
    let hasher = Arc::new(Argon2idHasher::dangerous_fast().unwrap());
    let password = PasswordFactor::new(&ports, hasher).await.unwrap();
    let organizations = Organizations::new(ports.clone());
    InProcess::new(ScimService::new(ports.clone(), organizations, SessionManager::new(ports), password))
}

macro_rules! lines {
    ($($test:ident $line:literal,)*) => {
        $(
            #[tokio::test]
            async fn $test() {
                testkit::recorded(&target().await, $line).await.assert_right();
            }
        )*

        #[test]
        fn every_line_has_a_test() {
            assert_eq!(testkit::lines(), [$($line),*]);
        }
    };
}

lines! {
    e01_a_test_connection "E1",
    e02_matching_before_a_user_is_made "E2",
    e03_matching_groups_without_members "E3",
    e04_is_somebody_a_member "E4",
    e05_a_new_user "E5",
    e06_capital_operations "E6",
    e07_booleans_as_texts "E7",
    e08_a_missing_element_is_made "E8",
    e09_attributes_of_an_extension "E9",
    e10_a_manager_as_a_text "E10",
    e11_keys_that_are_paths "E11",
    e12_adding_a_member "E12",
    e13_removing_one_member "E13",
    e14_name_and_members_at_once "E14",
    e15_unknown_schemas "E15",
    e16_off_and_on_and_deleted "E16",
    e17_byte_for_byte "E17",
    e18_empty_and_null "E18",
    e19_sub_attributes_in_another_case "E19",
    e20_an_address_with_a_query "E20",
    e21_booleans_in_filters_of_paths "E21",
    o01_matching_before_a_user_is_made "O1",
    o02_a_new_user_with_a_password "O2",
    o03_the_whole_object_back "O3",
    o04_off_without_a_path "O4",
    o05_a_password "O5",
    o06_an_import "O6",
    o07_a_new_group "O7",
    o08_a_new_name_with_the_id "O8",
    o09_members_one_by_one_and_all "O9",
    o10_back_by_a_post "O10",
    o11_an_unknown_member "O11",
    o12_content_types "O12",
}

#[tokio::test]
async fn bad_input_has_its_exact_answer_and_changes_nothing() {
    testkit::bad_input(&target().await).await.assert_right();
}

#[tokio::test]
async fn what_indexes_find_is_what_the_evaluator_says() {
    testkit::searches(&target().await, 20_261_126, 400).await.assert_right();
}

#[tokio::test]
async fn changes_at_the_same_moment() {
    // Between any two calls to the store.
    let probe = Probe::new();
    probe.interleave();
    testkit::races(&target_on(probe.watch(&memory::ports())).await).await.assert_right();
}

#[tokio::test]
async fn o10_under_the_other_profiles_who_was_deactivated_is_in_the_way() {
    let world = World::new().await;
    let body = |title: &str| json!({ "schemas": [USER], "userName": "kim@corp.test", "title": title });
    let okta = world.directory(Profile::Okta);
    let path = format!("/Users/{}", okta.post("/Users", body("A")).await.id());
    okta.patch(&path, json!([{ "op": "replace", "value": { "active": false } }])).await;
    for profile in [Profile::Interop, Profile::Entra, Profile::Strict] {
        assert_eq!(world.directory(profile).post("/Users", body("C")).await.error(), (409, "uniqueness"));
    }
    assert_eq!(okta.get(&path).await.body["title"], "A", "nothing changed");
}

#[tokio::test]
async fn o11_an_unknown_member_is_counted_or_refused() {
    let world = World::new().await;
    let okta = world.directory(Profile::Okta);
    let a = okta.user("a").await;
    let group = okta.group("Ops", &[]).await;
    world.events().await;
    let both = json!([{ "op": "add", "path": "members", "value": [{ "value": a }, { "value": "nobody" }] }]);
    assert_eq!(okta.patch(&format!("/Groups/{group}"), both.clone()).await.status, 204);
    let events = world.events().await;
    let event = events.iter().find(|it| it.event_type.as_str() == "ciam.scim.members.changed.v1").unwrap();
    assert_eq!((event.data["added"].as_u64(), event.data["unknown"].as_u64()), (Some(1), Some(1)));
    let strict = world.directory(Profile::Strict);
    let second = strict.group("Dev", &[]).await;
    assert_eq!(strict.patch(&format!("/Groups/{second}"), both).await.error(), (400, "invalidValue"));
    assert!(strict.members(&second).await.is_empty(), "nothing changed");
}
