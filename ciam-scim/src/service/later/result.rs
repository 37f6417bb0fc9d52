//! What came of a request, as security event tokens ([RFC 8417]).
//!
//! [RFC 8417]: https://www.rfc-editor.org/rfc/rfc8417

use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::jose::sign;
use ciam_core::secret::TokenDigest;
use ciam_core::store::load;
use serde_json::{Map, Value, json};

use super::LaterRequests;
use super::record::{Done, Kept};
use crate::error::ScimError;
use crate::event::ASYNC_RESPONSE;
use crate::service::context::{Cx, Reply};

impl Cx<'_> {
    /// `GET /Requests/{txn}`: 202 until it is done, then a token; of a bulk request a token for each operation, as
    /// [RFC 8936, section 2.4](https://www.rfc-editor.org/rfc/rfc8936#section-2.4) lists them.
    pub(in crate::service) async fn result_of(
        &self,
        later: &LaterRequests,
        name: &str,
    ) -> Result<Reply, ScimError> {
        let (txn, number) = match name.split_once(':') {
            Some((txn, number)) => (txn, Some(number.parse::<usize>().map_err(|_| ScimError::not_found())?)),
            None => (name, None),
        };
        if !crate::service::context::is_id(txn) {
            return Err(ScimError::not_found());
        }
        let kept = load::<Kept>(self.store(), txn).await?.map(|it| it.value);
        let kept = kept.filter(|it| it.connection.organization == self.organization());
        let kept = kept.ok_or_else(ScimError::not_found)?;
        let Some(done) = &kept.done else {
            return Ok(Reply { retry_after: Some(1), ..Reply::new(202, None) });
        };
        if let (true, None) = (done.bulk, number) {
            let mut sets = Map::new();
            for at in 0..done.outcomes.len() {
                let (jti, set) = self.token(later, &kept, done, at).await?;
                sets.insert(jti, set.into());
            }
            return Ok(Reply::new(200, Some(json!({ "sets": sets, "moreAvailable": false }))));
        }
        let at = number.unwrap_or_default();
        if at >= done.outcomes.len() || (number.is_some() && !done.bulk) {
            return Err(ScimError::not_found());
        }
        let (_, set) = self.token(later, &kept, done, at).await?;
        Ok(Reply { token: Some(Bytes::from(set)), ..Reply::new(200, None) })
    }

    async fn token(
        &self,
        later: &LaterRequests,
        kept: &Kept,
        done: &Done,
        at: usize,
    ) -> Result<(String, String), ScimError> {
        let outcome = done.outcomes.get(at).and_then(Value::as_object).ok_or_else(ScimError::not_found)?;
        let txn = if done.bulk { format!("{}:{at}", kept.txn) } else { kept.txn.clone() };
        let path = outcome.get("location").and_then(Value::as_str).and_then(|it| it.strip_prefix(&kept.base));
        let mut payload = outcome.clone();
        payload.remove("location");
        let jti = TokenDigest::of(&format!("scim {txn}")).to_text();
        let claims = json!({
            "iss": later.issuer,
            "aud": kept.base,
            "iat": done.at.unix_timestamp(),
            "jti": jti,
            "txn": txn,
            "sub_id": { "format": "scim", "uri": path.unwrap_or("/") },
            "events": { ASYNC_RESPONSE: payload },
        });
        let signer = later.keys.signer(later.algorithm).await.map_err(PortError::permanent)?;
        let set = sign(signer.as_ref(), "secevent+jwt", &claims).await.map_err(PortError::permanent)?;
        Ok((jti, set))
    }
}
