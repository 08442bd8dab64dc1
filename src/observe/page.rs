//! The files of the page: what shows a loop at work, whatever tells of it.
//!
//! Never here: who is given them (`admin/answer.rs` serves them beside a running server).

/// One file of the page.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct File {
    /// Where it is served, from `/`.
    pub path: &'static str,
    /// Its media type.
    pub kind: &'static str,
    /// Its text.
    pub content: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// All of them, the document first.
pub const FILES: &[File] = &[
    File { path: "/", kind: HTML, content: include_str!("page/index.html") },
    File { path: "/live.css", kind: STYLE, content: include_str!("page/live.css") },
    File { path: "/connections.css", kind: STYLE, content: include_str!("page/connections.css") },
    File { path: "/draw.js", kind: SCRIPT, content: include_str!("page/draw.js") },
    File { path: "/live.js", kind: SCRIPT, content: include_str!("page/live.js") },
    File { path: "/map.js", kind: SCRIPT, content: include_str!("page/map.js") },
    File { path: "/model.js", kind: SCRIPT, content: include_str!("page/model.js") },
    File { path: "/strip.js", kind: SCRIPT, content: include_str!("page/strip.js") },
    File { path: "/totals.js", kind: SCRIPT, content: include_str!("page/totals.js") },
    File { path: "/turns.js", kind: SCRIPT, content: include_str!("page/turns.js") },
    File { path: "/ways.js", kind: SCRIPT, content: include_str!("page/ways.js") },
    File { path: "/words.js", kind: SCRIPT, content: include_str!("page/words.js") },
];

impl File {
    /// Its text for a page whose events come from this source: `live`, `trace` or `play`.
    pub fn for_source(&self, source: &str) -> String {
        match self.kind {
            HTML => self.content.replacen(LIVE, &format!("data-source=\"{source}\""), 1),
            _ => self.content.to_owned(),
        }
    }
}

/// What the document says of itself, as it stands.
const LIVE: &str = r#"data-source="live""#;
