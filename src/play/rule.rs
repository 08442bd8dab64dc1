//! The rules that can be broken: each by a lie that something between the loop and its network tells.
//!
//! Never here: the lies (see `liar.rs`).

/// A rule of an edge-triggered loop that can be switched off. The loop stays what it is: it is deceived, so
/// that it does what a loop without the rule would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// Read until there is nothing more. Without it: one small read for each edge.
    ShortRead,
    /// Remember the end that came together with the last data. Without it: nobody looks for it.
    End,
    /// Resume a paused read without an edge. Without it: the loop waits for one.
    PausedRead,
    /// Register once, for edges. Without it: for levels, so that whoever can be written to is always ready.
    Edges,
    /// Keep what the kernel did not take. Without it: a `send` is believed to take all.
    ShortWrite,
    /// Give each token a generation. Without it: a late edge of a connection reaches whoever has its place.
    Generation,
}

impl Rule {
    /// All of them, by their numbers.
    pub const ALL: [Rule; 6] = [
        Rule::ShortRead,
        Rule::End,
        Rule::PausedRead,
        Rule::Edges,
        Rule::ShortWrite,
        Rule::Generation,
    ];

    /// The word for it in a scenario.
    pub const fn name(self) -> &'static str {
        match self {
            Rule::ShortRead => "short-read",
            Rule::End => "end",
            Rule::PausedRead => "paused-read",
            Rule::Edges => "edges",
            Rule::ShortWrite => "short-write",
            Rule::Generation => "generation",
        }
    }

    /// Its number among the thirteen of the book.
    pub const fn number(self) -> u8 {
        match self {
            Rule::ShortRead | Rule::End => 1,
            Rule::PausedRead => 2,
            Rule::Edges => 3,
            Rule::ShortWrite => 4,
            Rule::Generation => 6,
        }
    }

    /// What happens without it, in one sentence.
    pub const fn about(self) -> &'static str {
        match self {
            Rule::ShortRead => "a few bytes are read for each edge, and the rest waits for another",
            Rule::End => "an end of input that comes together with the last bytes is forgotten",
            Rule::PausedRead => "once a read was paused, only a new edge resumes it",
            Rule::Edges => "readiness is a level: whoever can be written to is always ready",
            Rule::ShortWrite => "a send is believed to have taken all that it was offered",
            Rule::Generation => "a late edge reaches whoever has the place by now, and is believed",
        }
    }
}
