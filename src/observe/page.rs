//! The files of the page: what shows a loop at work, whatever tells of it.
//!
//! Never here: who is given them. `admin/answer.rs` serves them beside a running server; the program's `play` serves
//! them with a simulation, and its `trace --html` puts them into one file.

mod code;

use std::sync::LazyLock;

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

/// All of them, the document first. One is made when they are first asked for: the code beside the events.
pub static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    let made = File { path: "/code.js", kind: SCRIPT, content: code::module().leak() };
    WRITTEN.iter().copied().chain([made]).collect()
});

const WRITTEN: &[File] = &[
    File { path: "/", kind: HTML, content: include_str!("page/index.html") },
    File { path: "/page.css", kind: STYLE, content: include_str!("page/page.css") },
    File { path: "/loop.css", kind: STYLE, content: include_str!("page/loop.css") },
    File { path: "/connections.css", kind: STYLE, content: include_str!("page/connections.css") },
    File { path: "/blocks.js", kind: SCRIPT, content: include_str!("page/blocks.js") },
    File { path: "/connection.js", kind: SCRIPT, content: include_str!("page/connection.js") },
    File { path: "/crowd_order.js", kind: SCRIPT, content: include_str!("page/crowd_order.js") },
    File { path: "/crowd.js", kind: SCRIPT, content: include_str!("page/crowd.js") },
    File { path: "/draw.js", kind: SCRIPT, content: include_str!("page/draw.js") },
    File { path: "/keys.js", kind: SCRIPT, content: include_str!("page/keys.js") },
    File { path: "/lines.js", kind: SCRIPT, content: include_str!("page/lines.js") },
    File { path: "/map.js", kind: SCRIPT, content: include_str!("page/map.js") },
    File { path: "/measures.js", kind: SCRIPT, content: include_str!("page/measures.js") },
    File { path: "/model.js", kind: SCRIPT, content: include_str!("page/model.js") },
    File { path: "/moment.js", kind: SCRIPT, content: include_str!("page/moment.js") },
    File { path: "/page.js", kind: SCRIPT, content: include_str!("page/page.js") },
    File { path: "/play.css", kind: STYLE, content: include_str!("page/play.css") },
    File { path: "/play.js", kind: SCRIPT, content: include_str!("page/play.js") },
    File { path: "/play_panel.js", kind: SCRIPT, content: include_str!("page/play_panel.js") },
    File {
        path: "/play_question.js",
        kind: SCRIPT,
        content: include_str!("page/play_question.js"),
    },
    File { path: "/play_script.js", kind: SCRIPT, content: include_str!("page/play_script.js") },
    File { path: "/position.js", kind: SCRIPT, content: include_str!("page/position.js") },
    File { path: "/samples.js", kind: SCRIPT, content: include_str!("page/samples.js") },
    File { path: "/scene.js", kind: SCRIPT, content: include_str!("page/scene.js") },
    File { path: "/selection.js", kind: SCRIPT, content: include_str!("page/selection.js") },
    File { path: "/sentences.js", kind: SCRIPT, content: include_str!("page/sentences.js") },
    File { path: "/source_live.js", kind: SCRIPT, content: include_str!("page/source_live.js") },
    File { path: "/source_trace.js", kind: SCRIPT, content: include_str!("page/source_trace.js") },
    File { path: "/status.js", kind: SCRIPT, content: include_str!("page/status.js") },
    File { path: "/store.js", kind: SCRIPT, content: include_str!("page/store.js") },
    File { path: "/story.js", kind: SCRIPT, content: include_str!("page/story.js") },
    File { path: "/strip.js", kind: SCRIPT, content: include_str!("page/strip.js") },
    File { path: "/tally.js", kind: SCRIPT, content: include_str!("page/tally.js") },
    File { path: "/totals.js", kind: SCRIPT, content: include_str!("page/totals.js") },
    File { path: "/turns.js", kind: SCRIPT, content: include_str!("page/turns.js") },
    File { path: "/wake.js", kind: SCRIPT, content: include_str!("page/wake.js") },
    File { path: "/ways.js", kind: SCRIPT, content: include_str!("page/ways.js") },
    File { path: "/words.js", kind: SCRIPT, content: include_str!("page/words.js") },
    File { path: "/worth.js", kind: SCRIPT, content: include_str!("page/worth.js") },
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
