//! Further factors, by JSON.

use ciam_mfa::otp::{OtpParameters, OtpSeed};

use super::owner::{described, send};
use super::*;
use crate::testing::person;

const ADA: &str = "ada@example.com";

fn code(app: &App, seed: &str, ahead: u64) -> String {
    let seed = OtpSeed::from_base32(seed).unwrap();
    let parameters = OtpParameters::default();
    let step = parameters.step(app.ports().now()) + ahead;
    parameters.code(app.ports().crypto(), &seed, step).expose().to_owned()
}

#[tokio::test]
async fn an_authenticator_app_and_recovery_codes_come_and_go() {
    let app = app(&[]).await;
    let mut browser = person(&app, ADA).await;
    let none = json!({});
    assert_eq!(described(&mut browser, Method::GET, "/factors", &none).await["items"], json!([]));
    let offer = described(&mut browser, Method::POST, "/totp/offer", &none).await;
    let seed = offer["seed"].as_str().unwrap();
    assert!(offer["uri"].as_str().unwrap().starts_with("otpauth://totp/"));
    let wrong = json!({"enrolment": offer["enrolment"], "code": "000000"});
    assert_problem(&send(&mut browser, Method::POST, "/totp", &wrong).await, Code::NotProved);
    let right = json!({"enrolment": offer["enrolment"], "code": code(&app, seed, 0), "label": "phone"});
    let mut thief = person(&app, "thief@example.com").await;
    assert_problem(&send(&mut thief, Method::POST, "/totp", &right).await, Code::NotFound);
    described(&mut browser, Method::POST, "/totp", &right).await;
    assert_problem(&send(&mut browser, Method::POST, "/totp", &right).await, Code::NotFound);
    let made = described(&mut browser, Method::PUT, "/recovery-codes", &none).await;
    assert_eq!(made["codes"].as_array().unwrap().len(), 10);

    let listed = described(&mut browser, Method::GET, "/factors", &none).await;
    let [totp, sheet] = listed["items"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    assert_eq!(
        (&totp["kind"], &totp["label"], &sheet["left"]),
        (&json!("totp"), &json!("phone"), &json!(10))
    );
    let path = format!("/factors/{}", totp["id"].as_str().unwrap());
    let named = send(&mut browser, Method::PATCH, &path, &json!({"label": "old phone"})).await;
    assert_eq!(named.status, StatusCode::NO_CONTENT);
    let long = send(&mut browser, Method::PATCH, &path, &json!({"label": "x".repeat(65)})).await;
    assert_eq!(json_of(&long)["errors"][0], json!({"field": "label", "code": "label"}));
    assert_problem(&send(&mut thief, Method::DELETE, &path, &none).await, Code::NotFound);
    let removed = send(&mut browser, Method::DELETE, &path, &none).await;
    assert!(removed.status.is_success(), "{}", removed.text);
    assert_problem(&send(&mut browser, Method::DELETE, &path, &none).await, Code::NotFound);
}

#[tokio::test]
async fn a_passkey_is_offered_and_what_is_none_is_refused() {
    let app = app(&[]).await;
    let mut browser = person(&app, ADA).await;
    let none = json!({});
    let offer = described(&mut browser, Method::POST, "/passkeys/offer", &none).await;
    assert_eq!(offer["options"]["rp"]["id"], "localhost");
    let bad = json!({"enrolment": offer["enrolment"], "response": {"type": "public-key"}});
    assert_problem(&send(&mut browser, Method::POST, "/passkeys", &bad).await, Code::NotProved);
    let text = json!({"enrolment": offer["enrolment"], "response": {
        "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "e30", "attestationObject": "oA"},
    }});
    assert_problem(&send(&mut browser, Method::POST, "/passkeys", &text).await, Code::NotProved);
    // One answer to a challenge is looked at.
    assert_problem(&send(&mut browser, Method::POST, "/passkeys", &text).await, Code::NotFound);
}

#[tokio::test]
async fn a_transaction_needs_details_and_a_passkey() {
    let app = app(&[]).await;
    let mut browser = person(&app, ADA).await;
    let new = |details: Value| json!({ "authorization_details": details });
    for bad in [json!([]), json!([{}]), json!([{"type": 1}])] {
        let seen = send(&mut browser, Method::POST, "/transactions/offer", &new(bad)).await;
        assert_problem(&seen, Code::Unacceptable);
    }
    let payment = new(json!([{"type": "payment_initiation", "amount": "123.50"}]));
    let none = send(&mut browser, Method::POST, "/transactions/offer", &payment).await;
    assert_problem(&none, Code::NotAllowed);
    let answer = json!({"transaction": "x", "response": {
        "rawId": "AA", "type": "public-key",
        "response": {"clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA"},
    }});
    assert_problem(&send(&mut browser, Method::POST, "/transactions", &answer).await, Code::NotFound);
    let bad = json!({"transaction": "x", "response": {}});
    assert_problem(&send(&mut browser, Method::POST, "/transactions", &bad).await, Code::NotProved);
}
