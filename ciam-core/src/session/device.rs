//! What a `User-Agent` says to a person.

use std::fmt;

/// Browser and system, coarsely: `Firefox` on `Linux`.
///
/// For the list of devices and for notices only: the header is what the browser likes to say, and proves nothing.
///
/// ```
/// use ciam_core::session::Device;
///
/// let device = Device::of("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0");
/// assert_eq!(device.unwrap().to_string(), "Firefox · Linux");
/// assert_eq!(Device::of("something else"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Device {
    /// The family of the browser.
    pub browser: Option<&'static str>,
    /// The system, or the kind of device.
    pub system: Option<&'static str>,
}

impl Device {
    /// The device that a browser says it is on; `None` when nothing is recognised.
    #[must_use]
    pub fn of(user_agent: &str) -> Option<Self> {
        let find = |table: &[(&str, &'static str)]| {
            table.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
        };
        let device = Self { browser: find(BROWSERS), system: find(SYSTEMS) };
        (device.browser.is_some() || device.system.is_some()).then_some(device)
    }
}

/// As people read it: `Firefox · Linux`.
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.browser, self.system) {
            (Some(browser), Some(system)) => write!(f, "{browser} · {system}"),
            (Some(one), None) | (None, Some(one)) => f.write_str(one),
            (None, None) => Ok(()),
        }
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
                "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) CriOS/142".into(),
                Some("Chrome · iPhone"),
            ),
            ("curl/8.5.0".into(), Some("curl")),
            ("something else".into(), None),
        ] {
            assert_eq!(Device::of(&text).map(|it| it.to_string()).as_deref(), expected, "{text}");
        }
    }
}
