//! OAuth, TLS, and what is dangerous.

use super::{Place, Resolve, pick};
use crate::cli::Flags;
use crate::config::{DangerousRules, Mode, OAuthRules, Settings, TlsFiles};
use crate::document::KeyPath;

impl Resolve<'_> {
    pub(super) fn oauth(&mut self, flags: &Flags, file: &Settings) -> Option<OAuthRules> {
        let section = KeyPath::of("oauth");
        let mut set = file.oauth.clone();
        let given = pick(&flags.profile, "--profile", &set.profile, section.key("profile"));
        set.profile = given.as_ref().map(|it| it.value.clone());
        match OAuthRules::from_file(&set) {
            Ok(mut rules) => {
                let certificates = rules.mutual_tls.as_mut();
                if let Some(file) = certificates.and_then(|it| it.authorities.as_mut()) {
                    *file = self.folder.join(&*file);
                }
                Some(rules)
            }
            Err((key, why)) => {
                let place = given.filter(|_| key == "profile").map(|it| it.place);
                self.refuse(&place.unwrap_or_else(|| Place::Key(section.key(key))), why);
                None
            }
        }
    }

    pub(super) fn dangerous(&mut self, file: &Settings, mode: Option<Mode>) -> Option<DangerousRules> {
        match DangerousRules::from_file(&file.dangerous, mode? == Mode::Production) {
            Ok(mut rules) => {
                rules.trust = rules.trust.iter().map(|it| self.folder.join(it)).collect();
                Some(rules)
            }
            Err((key, why)) => {
                self.refuse(&Place::Key(KeyPath::of("dangerous").key(key)), why);
                None
            }
        }
    }

    pub(super) fn tls(&mut self, file: &Settings, mode: Option<Mode>) -> Option<Option<TlsFiles>> {
        let Some(set) = &file.http.tls else { return Some(None) };
        let place = Place::Key(KeyPath::of("http").key("tls"));
        if set.self_signed && mode? == Mode::Production {
            self.refuse(&place, "a certificate that nobody vouches for is for development mode only");
            return None;
        }
        let (Some(certificate), Some(key)) = (&set.certificate, &set.key) else {
            self.refuse(&place, "needs `certificate` and `key`");
            return None;
        };
        let files = TlsFiles {
            certificate: self.folder.join(certificate),
            key: self.folder.join(key),
            self_signed: set.self_signed,
        };
        Some(Some(files))
    }
}
