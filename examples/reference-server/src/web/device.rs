//! What a `User-Agent` says to a person.

/// Browser and system, such as `Firefox on Linux`; `None` when neither is recognised.
///
/// For the list of devices only: the header is what the browser likes to say, and proves nothing.
pub fn device(user_agent: &str) -> Option<String> {
    let find = |table: &[(&str, &'static str)]| {
        table.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    match (find(BROWSERS), find(SYSTEMS)) {
        (Some(browser), Some(system)) => Some(format!("{browser} · {system}")),
        (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
        (None, None) => None,
    }
}

/// The first that matches: browsers name their ancestors as well.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows NT", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_browsers_are_recognised() {
        let mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko)";
        for (text, expected) in [
            (format!("{mac} Chrome/142.0.0.0 Safari/537.36"), Some("Chrome · macOS")),
            (format!("{mac} Chrome/142.0.0.0 Safari/537.36 Edg/142.0"), Some("Edge · macOS")),
            (format!("{mac} Version/19.0 Safari/605.1.15"), Some("Safari · macOS")),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0".into(),
                Some("Firefox · Linux"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) CriOS/142".into(),
                Some("Chrome · iPhone"),
            ),
            ("curl/8.5.0".into(), Some("curl")),
            ("something else".into(), None),
        ] {
            assert_eq!(device(&text).as_deref(), expected, "{text}");
        }
    }
}
