//! Puts every file of `templates/` into the program, and makes the types of the texts from the English ones.
//!
//! A new template or text is a new file or line there and nothing here: the texts of `templates/i18n/en/home.toml`
//! are the fields of `HomeTexts`, which every other language must fill.

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("templates");
    let out = env::var("OUT_DIR")?;
    println!("cargo:rerun-if-changed=templates");
    println!("cargo:rerun-if-changed=build.rs");

    let mut files = Vec::new();
    collect(&root, "", &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for name in &files {
        writeln!(table, "    ({name:?}, include_str!({:?})),", root.join(name))?;
    }
    table.push_str("]\n");
    fs::write(Path::new(&out).join("templates.rs"), table)?;

    let mut sections = Vec::new();
    for name in files.iter().filter_map(|it| it.strip_prefix("i18n/en/")?.strip_suffix(".toml")) {
        let text = fs::read_to_string(root.join(format!("i18n/en/{name}.toml")))?;
        let table: toml::Table =
            text.parse().map_err(|error| format!("templates/i18n/en/{name}.toml: {error}"))?;
        sections.push((name.to_owned(), table));
    }
    fs::write(Path::new(&out).join("texts.rs"), texts(&sections)?)?;
    Ok(())
}

fn collect(folder: &Path, prefix: &str, into: &mut Vec<String>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| format!("{}", name.display()))?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{prefix}{name}/"), into)?;
        } else if [".html", ".txt", ".svg", ".toml"].iter().any(|it| name.ends_with(it)) {
            into.push(format!("{prefix}{name}"));
        }
    }
    Ok(())
}

fn texts(sections: &[(String, toml::Table)]) -> Result<String, Box<dyn Error>> {
    let mut all = String::from(
        "/// All texts in one language, by section.\n#[derive(Clone, Debug)]\npub struct Texts {\n",
    );
    let (mut structs, mut read, mut entries) = (String::new(), String::new(), String::new());
    for (section, table) in sections {
        let kind = format!("{}Texts", pascal(section));
        writeln!(all, "    /// The texts of `{section}.toml`.\n    pub {section}: {kind},")?;
        writeln!(read, "            {section}: source.section({section:?})?,")?;
        writeln!(
            structs,
            "/// The texts of `{section}.toml`.\n#[derive(Clone, Debug, Deserialize)]\n\
             #[serde(deny_unknown_fields)]\npub struct {kind} {{"
        )?;
        for (key, value) in table {
            let text = value.as_str().ok_or_else(|| format!("{section}.{key} is not a text"))?;
            // What stands there is plain text, not the markup of documentation.
            writeln!(structs, "    #[doc = {:?}]\n    pub {key}: Message,", format!("```text\n{text}\n```"))?;
            writeln!(entries, "            ({section:?}, {key:?}, &self.{section}.{key}),")?;
        }
        structs.push_str("}\n\n");
    }
    write!(
        all,
        "}}\n\n{structs}impl Texts {{\n    fn read(source: &Source<'_>) -> Result<Self, CatalogueError> {{\n        \
         Ok(Self {{\n{read}        }})\n    }}\n\n    /// Every text with its section and key.\n    pub fn entries(&self) \
         -> Vec<(&'static str, &'static str, &Message)> {{\n        vec![\n{entries}        ]\n    }}\n}}\n"
    )?;
    Ok(all)
}

fn pascal(name: &str) -> String {
    let word = |it: &str| {
        let mut letters = it.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    name.split('_').map(word).collect()
}
