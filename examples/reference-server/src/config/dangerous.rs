//! What lowers security, for trying things out: refused in production mode.

use std::path::PathBuf;

use serde::Deserialize;

/// What lowers security, in the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DangerousSettings {
    /// Places on this machine or in this network that are fetched from although they are, as `host:port`: the keys, request
    /// objects and logout addresses of clients there.
    #[serde(default)]
    pub fetch_from: Vec<String>,
    /// Certificates, as PEM, that are trusted beside the usual authorities when something is fetched.
    #[serde(default)]
    pub trust: Vec<PathBuf>,
    /// Whether anybody may answer what applications ask people elsewhere, as the conformance suite does for its person. Default: no.
    #[serde(default)]
    pub answer_backchannel: bool,
}

/// What lowers security, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DangerousRules {
    /// Host and port of places that are fetched from whatever their address.
    pub fetch_from: Vec<(String, u16)>,
    /// Files with certificates that are trusted.
    pub trust: Vec<PathBuf>,
    /// Whether anybody may answer what applications ask people elsewhere.
    pub answer_backchannel: bool,
}

impl DangerousRules {
    /// What the file says, or under which key it is wrong and why.
    ///
    /// # Errors
    ///
    /// A key, and a sentence.
    pub(super) fn from_file(
        file: &DangerousSettings,
        production: bool,
    ) -> Result<Self, (&'static str, String)> {
        if production {
            let named = [
                ("fetch_from", !file.fetch_from.is_empty()),
                ("trust", !file.trust.is_empty()),
                ("answer_backchannel", file.answer_backchannel),
            ];
            if let Some((key, _)) = named.into_iter().find(|(_, named)| *named) {
                return Err((key, "nothing dangerous is allowed in production mode".to_owned()));
            }
        }
        let place = |text: &String| {
            let (host, port) = text.rsplit_once(':')?;
            Some((host.to_owned(), port.parse().ok()?)).filter(|_| !host.is_empty())
        };
        let parse = |text| place(text).ok_or_else(|| ("fetch_from", format!("`{text}` must be host:port")));
        let fetch_from = file.fetch_from.iter().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { fetch_from, trust: file.trust.clone(), answer_backchannel: file.answer_backchannel })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_for_trying_only() {
        let file: DangerousSettings = toml::from_str("fetch_from = [\"localhost:8443\"]").unwrap();
        let rules = DangerousRules::from_file(&file, false).unwrap();
        assert_eq!(rules.fetch_from, [("localhost".to_owned(), 8443)]);
        for (text, key) in [
            ("fetch_from = [\"localhost:8443\"]", "fetch_from"),
            ("trust = [\"suite.pem\"]", "trust"),
            ("answer_backchannel = true", "answer_backchannel"),
        ] {
            let file: DangerousSettings = toml::from_str(text).unwrap();
            assert!(DangerousRules::from_file(&file, false).is_ok());
            assert_eq!(DangerousRules::from_file(&file, true).unwrap_err().0, key);
        }
        assert_eq!(
            DangerousRules::from_file(&DangerousSettings::default(), true).unwrap(),
            DangerousRules::default()
        );
        for bad in ["localhost", ":8443", "localhost:https", "localhost:70000"] {
            let file = DangerousSettings { fetch_from: vec![bad.to_owned()], ..DangerousSettings::default() };
            assert!(DangerousRules::from_file(&file, false).is_err(), "{bad}");
        }
    }
}
