//! Reading form bodies.

use bytes::Bytes;
use ciam_core::http::{Params, ParamsLimits};
use http::Request;
use http::header::CONTENT_TYPE;

use crate::error::RequestProblem;

/// The parameters of a form that was posted. They come from the body alone: a query beside it would be a second place to
/// look, and two readers could disagree about which counts.
pub(crate) fn form(request: &Request<Bytes>, limits: ParamsLimits) -> Result<Params, RequestProblem> {
    if request.uri().query().is_some_and(|query| !query.is_empty()) {
        return Err(RequestProblem::Query);
    }
    if !is_form(request) {
        return Err(RequestProblem::ContentType);
    }
    if request.body().len() > limits.max_bytes {
        return Err(RequestProblem::TooLarge);
    }
    let text = std::str::from_utf8(request.body()).map_err(|_| RequestProblem::Encoding)?;
    Ok(Params::parse(text, limits)?)
}

fn is_form(request: &Request<Bytes>) -> bool {
    let mut values = request.headers().get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(value) = value.to_str() else { return false };
    let mut parts = value.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let charset_is_utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") && charset_is_utf8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(uri: &str, content_type: Option<&str>, body: &str) -> Result<Params, RequestProblem> {
        let mut request = Request::post(uri);
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        form(&request.body(Bytes::from(body.to_owned())).unwrap(), ParamsLimits::default())
    }

    #[test]
    fn reads_a_form_and_nothing_else() {
        let form = "application/x-www-form-urlencoded";
        for content_type in [form, "Application/X-WWW-Form-URLencoded; charset=UTF-8"] {
            assert_eq!(post("/token", Some(content_type), "a=1").unwrap().one("a"), Ok(Some("1")));
        }
        for content_type in [None, Some("application/json"), Some("text/plain"), Some("multipart/form-data")]
        {
            assert_eq!(
                post("/token", content_type, "a=1"),
                Err(RequestProblem::ContentType),
                "{content_type:?}"
            );
        }
        let latin = "application/x-www-form-urlencoded; charset=iso-8859-1";
        assert_eq!(post("/token", Some(latin), "a=1"), Err(RequestProblem::ContentType));
        assert_eq!(post("/token?b=2", Some(form), "a=1"), Err(RequestProblem::Query));
        assert_eq!(post("/token", Some(form), "a=%ff"), Err(RequestProblem::Encoding));
        assert_eq!(post("/token", Some(form), &"a".repeat(65 * 1024)), Err(RequestProblem::TooLarge));
        assert_eq!(post("/token", Some(form), &"a&".repeat(65)), Err(RequestProblem::TooLarge));
    }

    #[test]
    fn two_content_types_are_none() {
        let request = Request::post("/token")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(CONTENT_TYPE, "application/json")
            .body(Bytes::from_static(b"a=1"))
            .unwrap();
        assert_eq!(form(&request, ParamsLimits::default()), Err(RequestProblem::ContentType));
    }
}
