use std::{ffi::OsString, path::PathBuf};

use clap::CommandFactory as _;

use super::{variables::distance, *};

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn serve_is_what_happens_without_a_command_and_flags_stand_anywhere() {
    let cli = Cli::try_parse_from(["x", "--listen", "[::1]:1"]).unwrap();
    assert_eq!((cli.command, cli.flags.listen.as_deref()), (None, Some("[::1]:1")));
    for order in [["x", "serve", "--listen", "a"], ["x", "--listen", "a", "serve"]] {
        let cli = Cli::try_parse_from(order).unwrap();
        assert_eq!((cli.command, cli.flags.listen.as_deref()), (Some(Command::Serve), Some("a")));
    }
}

#[test]
fn several_files_are_imported() {
    let cli = Cli::try_parse_from(["x", "--import", "a.toml", "--import", "b.json,c.toml"]).unwrap();
    assert_eq!(cli.flags.import, ["a.toml", "b.json", "c.toml"].map(PathBuf::from));
}

#[test]
fn every_flag_has_its_variable() {
    let names = variables();
    assert!(names.contains(&"CIAM_DATABASE_URL".to_owned()));
    for argument in Cli::command().get_arguments() {
        let id = argument.get_id().as_str();
        if !["help", "version"].contains(&id) {
            assert!(names.contains(&format!("CIAM_{}", id.to_uppercase())), "{id}");
        }
    }
}

#[test]
fn a_misspelt_variable_is_found_and_others_are_left_alone() {
    let set = ["CIAM_LISTEN", "CIAM_LISTENN", "CIAM_DATABSE_URL", "CIAMDEMO", "CIAM_SHOP_SECRET", "PATH"];
    let found = misspelt_variables(set.map(OsString::from));
    let pairs = [
        ("CIAMDEMO", "CIAM_DEMO"),
        ("CIAM_DATABSE_URL", "CIAM_DATABASE_URL"),
        ("CIAM_LISTENN", "CIAM_LISTEN"),
    ];
    assert_eq!(found, pairs.map(|(name, meant)| (name.to_owned(), meant.to_owned())));
}

#[test]
fn distances_count_letters() {
    for (one, other, expected) in
        [("", "", 0), ("abc", "", 3), ("abc", "abd", 1), ("abc", "xabc", 1), ("ab", "ba", 2)]
    {
        assert_eq!(distance(one, other), expected);
        assert_eq!(distance(other, one), expected);
    }
}

#[test]
fn help_never_prints_a_secret() {
    for argument in Cli::command().get_arguments() {
        if ["smtp_url", "database_url", "ephemeral_url", "nats_url"].contains(&argument.get_id().as_str()) {
            assert!(argument.is_hide_env_values_set(), "{}", argument.get_id());
        }
    }
}

#[test]
fn the_files_in_the_help_are_valid() {
    let section = |from: &str, to: &str| {
        let text = MORE.split_once(from).unwrap().1.split_once('\n').unwrap().1;
        text.split(to).next().unwrap().to_owned()
    };
    let config = section("A configuration file", "\n\n");
    toml::from_str::<crate::config::Settings>(&config).unwrap();
    let import = section("An import file", "\u{0}");
    toml::from_str::<crate::import::ImportFile>(&import).unwrap();
}
