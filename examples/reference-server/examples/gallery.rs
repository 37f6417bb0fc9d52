//! Writes every page with sample data into `target/gallery`, to look at while working on the design.
//!
//! ```console
//! $ cargo run -p reference-server --example gallery
//! $ xdg-open target/gallery/index.html
//! ```
//!
//! The pages are the real templates, with those of a folder in their place when one is named; only the data is made up. Stylesheet and mark are copied beside them.

use std::{fs, path::Path};

use reference_server::{i18n::Language, pages::samples::Samples, templates::Templates};

fn main() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = root.join("../../target/gallery");
    fs::create_dir_all(&out)?;
    for asset in ["style.css", "mark.svg"] {
        fs::copy(root.join("assets").join(asset), out.join(asset))?;
    }
    let templates = Templates::load(std::env::args_os().nth(1).as_deref().map(Path::new))?;
    let mut index = String::from("<!doctype html><meta charset=utf-8><title>Gallery</title><ul>");
    for language in Language::ALL {
        for (name, html) in Samples::new(&templates, *language).pages()? {
            let file = format!("{name}.{language}.html");
            // The gallery is opened from the file system, where there is no root.
            fs::write(out.join(&file), html.replace("/assets/", ""))?;
            index.push_str(&format!("<li><a href=\"{file}\">{file}</a>"));
        }
    }
    fs::write(out.join("index.html"), index)?;
    Ok(())
}
