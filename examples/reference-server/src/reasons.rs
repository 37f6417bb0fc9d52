//! Why a sign-in looked unlike its owner, in words: for the letters, and for the list of what happened to an account.

use crate::i18n::{Message as Text, RiskTexts};

/// The codes of the risk engine in words, each once, in their order. What tells a person nothing is left out, and so are codes
/// of the host's own services.
pub(crate) fn in_words<'c>(t: &RiskTexts, codes: impl IntoIterator<Item = &'c str>) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for text in codes.into_iter().filter_map(|code| of(t, code)) {
        let text = text.to_string();
        if !told.contains(&text) {
            told.push(text);
        }
    }
    told
}

fn of<'t>(t: &'t RiskTexts, code: &str) -> Option<&'t Text> {
    Some(match code {
        "new_device" => &t.new_device,
        "device_elsewhere" => &t.device_elsewhere,
        "new_network" => &t.new_network,
        "new_country" => &t.new_country,
        "new_browser" | "new_system" => &t.new_browser,
        "anonymous_network" => &t.anonymous_network,
        "listed_address" => &t.listed_address,
        "impossible_travel" => &t.impossible_travel,
        "refused_before" => &t.refused_before,
        "credential_stuffing" | "under_attack" => &t.attack,
        "breached_password" => &t.breached_password,
        "unusual_hour" => &t.unusual_hour,
        "binding_missing" => &t.binding_missing,
        _ => return None,
    })
}
