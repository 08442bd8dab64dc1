//! Text that a peer sent, made fit to be shown: it can't end a line, move a cursor or reverse what
//! stands beside it.

/// The most bytes of a peer's text that are shown.
pub const MAX_SHOWN: usize = 256;

/// `text` with its control and format characters, line and paragraph separators and backslashes as
/// Rust writes them in a literal, `\n` or `\u{200b}`, and cut to at most [`MAX_SHOWN`] bytes.
pub fn shown(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        let before = shown.len();
        if character == '\\' || character.is_control() || is_format(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
        if shown.len() > MAX_SHOWN {
            shown.truncate(before);
            break;
        }
    }
    shown
}

/// Characters that are not seen but change how others are: Unicode's categories Cf, Zl and Zp, by the first and the
/// last of those that stand together. A table of all categories would be the largest thing that a browser loads of
/// this crate.
const FORMAT: [(char, char); 21] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{180e}', '\u{180e}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{2064}'),
    ('\u{2066}', '\u{206f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{fff9}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0001}', '\u{e0001}'),
    ('\u{e0020}', '\u{e007f}'),
];

fn is_format(character: char) -> bool {
    !character.is_ascii()
        && FORMAT.iter().any(|(first, last)| (*first..=*last).contains(&character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_as_they_are() {
        for name in ["旭哥", "O'Brien", "a \"b\"", "é", "e\u{301}", "ไทย", "👩", ""] {
            assert_eq!(shown(name), name);
        }
    }

    #[test]
    fn what_could_forge_is_escaped() {
        assert_eq!(shown("a\nb\r\t\0"), r"a\nb\r\t\u{0}");
        assert_eq!(shown("\x1b[2J\u{7f}\u{85}\u{9b}"), r"\u{1b}[2J\u{7f}\u{85}\u{9b}");
        assert_eq!(
            shown("\u{202e}x\u{2028}\u{2029}\u{200b}"),
            r"\u{202e}x\u{2028}\u{2029}\u{200b}"
        );
        assert_eq!(shown("\u{feff}\u{2066}\u{e0041}"), r"\u{feff}\u{2066}\u{e0041}");
        // What looks like an escape came as one.
        assert_eq!(shown(r"a\nb"), r"a\\nb");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_said_to_be_of_these_categories_is() {
        use unicode_properties::GeneralCategory::{Format, LineSeparator, ParagraphSeparator};
        use unicode_properties::UnicodeGeneralCategory;

        for character in '\0'..=char::MAX {
            let category = character.general_category();
            let is_format = matches!(category, Format | LineSeparator | ParagraphSeparator);
            assert_eq!(super::is_format(character), is_format, "{character:?}: {category:?}");
        }
    }

    #[test]
    fn whatever_rust_calls_unprintable_in_these_categories_is_escaped() {
        let shown_raw = (0..=0x10_ffff).filter_map(char::from_u32).filter(|c| {
            // Rust's own escaping knows the categories, and goes further than is wanted here.
            let rust_escapes = c.escape_debug().len() > 1;
            !rust_escapes && shown(&c.to_string()) != c.to_string()
        });
        assert_eq!(shown_raw.collect::<Vec<_>>(), Vec::<char>::new());
    }

    #[test]
    fn the_cut_is_at_256_bytes_and_between_characters() {
        assert_eq!(shown(&"x".repeat(256)).len(), 256);
        assert_eq!(shown(&"x".repeat(257)).len(), 256);
        assert_eq!(shown(&"旭".repeat(100)), "旭".repeat(85));
        assert_eq!(shown(&"\u{200b}".repeat(100)), r"\u{200b}".repeat(32));
    }
}
