//! `--html OUT`: the page with the trace in it, in one file that asks nobody for anything more.
//!
//! The page's own files (`sockmodes::observe::page`) are put into its document: styles as they are, and scripts by an
//! import map, under the names of a folder that there is not. The trace goes into it as `embedded.rs` has it. Never
//! here: what the page makes of the trace.

use std::fmt::Write as _;
use std::io::{self, Write};

use sockmodes::observe::page::{FILES, File};

/// It runs what is in it, and asks nobody for anything.
const POLICY: &str = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
                      script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; img-src data:\">";

/// The document, in two parts: the trace goes between them.
pub(super) struct Page {
    before: String,
    after: &'static str,
}

impl Page {
    pub(super) fn new() -> Page {
        let (document, after) =
            FILES[0].content.rsplit_once("</body>").unwrap_or((FILES[0].content, ""));
        let mut before = document.replace("data-source=\"live\"", "data-source=\"trace\"");
        before = before.replacen("<head>", &format!("<head>\n  {POLICY}"), 1);
        for File { path, content, .. } in FILES.iter() {
            let name = path.trim_start_matches('/');
            let style = format!("<link rel=\"stylesheet\" href=\"{name}\">");
            before = before.replace(&style, &format!("<style>\n{content}</style>"));
            let script = format!("<script type=\"module\" src=\"{name}\"></script>");
            if before.contains(&script) {
                before = before.replace(&script, &scripts(name));
            }
        }
        Page { before, after }
    }

    pub(super) fn begin(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(self.before.as_bytes())
    }

    pub(super) fn end(&self, out: &mut impl Write) -> io::Result<()> {
        write!(out, "</body>{}", self.after)
    }
}

/// The scripts, and what starts `first`.
fn scripts(first: &str) -> String {
    let scripts = FILES.iter().filter(|file| file.path.ends_with(".js"));
    let entry = |file: &File| {
        let source =
            file.content.replace("from './", "from 'page/").replace("import('./", "import('page/");
        format!("\"page{}\":\"data:text/javascript;charset=utf-8,{}\"", file.path, encoded(&source))
    };
    let imports = scripts.map(entry).collect::<Vec<_>>().join(",\n");
    format!(
        "<script type=\"importmap\">{{\"imports\":{{\n{imports}\n}}}}</script>\n  \
         <script type=\"module\">import 'page/{first}';</script>"
    )
}

/// As it stands in a URL: all but letters, digits and four others as `%` and two digits.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(byte.into())
            }
            // To write to a string never fails.
            _ => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_all_the_files_and_asks_for_none() {
        let Page { before, after } = Page::new();
        for tag in
            before.split('<').filter(|tag| tag.starts_with("link") || tag.starts_with("script"))
        {
            let tag = tag.split('>').next().unwrap();
            assert!(!tag.contains("src=") && !tag.contains("stylesheet"), "{tag}");
        }
        // Those of other sources are loaded with them.
        let document = FILES[0].content;
        let is_linked = |file: &&File| document.contains(&format!("href=\"{}\"", &file.path[1..]));
        let styles: Vec<_> = FILES.iter().filter(is_linked).collect();
        assert!(!styles.is_empty());
        for file in styles {
            assert!(before.contains(file.content) && !file.content.contains("</"), "{}", file.path);
        }
        let scripts: Vec<_> = FILES.iter().filter(|file| file.path.ends_with(".js")).collect();
        for file in &scripts {
            assert!(before.contains(&format!("\"page{}\":\"data:", file.path)), "{}", file.path);
            // Whatever a script imports, it does in a way that is seen here.
            let ways = ["from './", "import('./"].map(|way| file.content.matches(way).count());
            let imports = file.content.matches("'./").count();
            assert_eq!(imports, ways.iter().sum::<usize>(), "{}", file.path);
            // What it can't do without is there; other sources than a trace may not be.
            for import in file.content.split("from './").skip(1) {
                let name = format!("/{}", import.split('\'').next().unwrap());
                assert!(scripts.iter().any(|file| file.path == name), "{name} in {}", file.path);
            }
        }
        assert!(!before.contains(&encoded("'./")), "a script is still looked for beside the page");
        assert!(before.contains("<script type=\"importmap\">{\"imports\":{\n\"page/"));
        assert!(before.contains("<script type=\"module\">import 'page/"));
        assert!(before.contains("<html lang=\"en\" data-source=\"trace\">"));
        assert!(!before.contains("data-source=\"live\""));
        assert!(!before.contains("</body>") && after.contains("</html>"));
    }

    #[test]
    fn a_script_is_whole_in_its_address() {
        assert_eq!(encoded("a 'µ'\n<%>\"\\"), "a%20%27%C2%B5%27%0A%3C%25%3E%22%5C");
    }
}
