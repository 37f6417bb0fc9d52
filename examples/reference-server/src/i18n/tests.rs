use super::*;

#[test]
fn every_language_has_every_text_with_the_same_parameters() {
    let catalogues = Catalogues::load().unwrap();
    let english = catalogues.of(Language::En);
    for language in Language::ALL {
        let texts = catalogues.of(*language);
        assert_eq!(texts.meta.code.as_str(), language.code());
        for (ours, theirs) in english.entries().iter().zip(texts.entries()) {
            let place = format!("{} {}.{}", language.code(), ours.0, ours.1);
            assert_eq!(ours.2.parameters(), theirs.2.parameters(), "{place}");
        }
    }
}

#[test]
fn languages_differ() {
    let catalogues = Catalogues::load().unwrap();
    let (english, german) = (catalogues.of(Language::En), catalogues.of(Language::De));
    let same: Vec<_> = english
        .entries()
        .into_iter()
        .zip(german.entries())
        .filter(|(ours, theirs)| ours.2 == theirs.2)
        .map(|(ours, _)| format!("{}.{}", ours.0, ours.1))
        .collect();
    assert_eq!(same, ["account.name", "mailbox.code"], "the words that are the same in both languages");
}

#[test]
fn a_value_is_never_read_as_a_parameter() {
    let message = Message("{client} and {client}, not {other} or {".into());
    assert_eq!(message.with("client", "A{other}"), "A{other} and A{other}, not {other} or {");
    let both = message.fill(&[("client", "{other}"), ("other", "{client}")]);
    assert_eq!(both, "{other} and {other}, not {client} or {");
    assert_eq!(message.parameters().into_iter().collect::<Vec<_>>(), ["client", "other"]);
}

#[test]
fn an_incomplete_catalogue_is_refused() {
    let source = Language::En.source();
    let missing = source.replace("resend = ", "resend_it = ");
    assert!(toml::from_str::<Texts>(&missing).unwrap_err().to_string().contains("resend_it"));
    let empty = source.replace("resend = \"send a new code\"", "resend = \" \"");
    assert!(toml::from_str::<Texts>(&empty).unwrap_err().to_string().contains("must not be empty"));
}
