//! Small text helpers that never cut a character in two.

/// At most `max` characters of `text`, with `…` when something was cut.
pub fn clip(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

/// Characters that show nothing and can turn a line around or hide words in it: zero-width, direction marks and
/// overrides, interlinear and tag characters.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E007F}')
}

/// Joins emoji and letters of some scripts; of use only between two visible characters.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}')
}

/// White space, controls, and the letters that are drawn as nothing.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{115F}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{FFA0}')
}

/// Changes the character before it and shows nothing alone.
fn is_modifier(c: char) -> bool {
    matches!(c, '\u{034F}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// One line: runs of white space become one space; control, hidden and direction characters go. What would show
/// nothing is empty, so that a caller who refuses the empty refuses that too.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut chars = text.chars().filter(|c| !is_hidden(*c)).peekable();
    while let Some(c) = chars.next() {
        let begins = line.is_empty() || line.ends_with(' ');
        if is_blank(c) {
            if !begins {
                line.push(' ');
            }
        } else if is_joiner(c) {
            if !begins && !line.ends_with(is_joiner) && chars.peek().is_some_and(|next| !is_blank(*next) && !is_joiner(*next)) {
                line.push(c);
            }
        } else if !(begins && is_modifier(c)) {
            line.push(c);
        }
    }
    line.truncate(line.trim_end_matches(' ').len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_empty() {
        for text in ["", " ", "\u{200B}", "\u{200D}", "\u{200C}\u{200D} ", "\u{FE0F}", "\u{3164}\u{2800}", "\u{202E}\u{2066}", "\u{E0041}\u{E0042}", "\u{061C}\u{FEFF}\r\n\t\0", "\u{2028}"] {
            assert_eq!(one_line(text), "", "{text:?}");
        }
    }

    #[test]
    fn a_line_cannot_be_turned_around_or_hide_words() {
        assert_eq!(one_line("退款 \u{202E}gpj.exe\u{202C}"), "退款 gpj.exe");
        assert_eq!(one_line("pay\u{200B}pal\u{00AD} \u{E0061}now"), "paypal now");
        assert_eq!(one_line(" a\u{1b}[31m\r\n\tb\u{3164} c "), "a [31m b c");
    }

    #[test]
    fn emoji_and_scripts_keep_their_joiners() {
        for text in ["👨\u{200D}👩\u{200D}👧 好", "❤\u{FE0F}", "می\u{200C}خواهم"] {
            assert_eq!(one_line(text), text);
        }
        assert_eq!(one_line("a\u{200D} \u{200D}b\u{200D}\u{200D}"), "a b");
    }
}
