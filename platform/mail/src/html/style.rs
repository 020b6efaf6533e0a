//! Which inline styles survive: colour, size, spacing and tables; nothing that loads, moves or hides over other content.

/// Properties kept. Anything that positions, layers, animates or takes content from elsewhere is not here.
const PROPERTIES: [&str; 62] = [
    "background-color", "border", "border-bottom", "border-bottom-color", "border-bottom-style", "border-bottom-width", "border-collapse",
    "border-color", "border-left", "border-left-color", "border-left-style", "border-left-width", "border-radius", "border-right",
    "border-right-color", "border-right-style", "border-right-width", "border-spacing", "border-style", "border-top", "border-top-color",
    "border-top-style", "border-top-width", "border-width", "caption-side", "color", "direction", "empty-cells", "font", "font-family",
    "font-size", "font-style", "font-variant", "font-weight", "height", "letter-spacing", "line-height", "list-style-type", "margin",
    "margin-bottom", "margin-left", "margin-right", "margin-top", "max-height", "max-width", "min-height", "min-width", "padding",
    "padding-bottom", "padding-left", "padding-right", "padding-top", "table-layout", "text-align", "text-decoration", "text-indent",
    "text-transform", "vertical-align", "white-space", "width", "word-break", "overflow-wrap",
];

/// Functions whose names may stand before a parenthesis in a value.
const FUNCTIONS: [&str; 4] = ["rgb", "rgba", "hsl", "hsla"];

/// Filters a `style` attribute; `None` when nothing of it may stay. Idempotent.
pub fn filter(value: &str) -> Option<String> {
    // Escapes and comments exist in mail styles only to hide something from filters like this one.
    if value.contains(['\\', '@', '{', '}', '<', '>', '\0']) || value.contains("/*") {
        return None;
    }
    let mut kept: Vec<String> = Vec::new();
    for declaration in split_declarations(value) {
        let Some((name, val)) = declaration.split_once(':') else { continue };
        let name = name.trim().to_ascii_lowercase();
        let val = val.trim();
        if name == "display" {
            // Hidden preheaders and alternative blocks stay hidden; no other display value is needed.
            if val.eq_ignore_ascii_case("none") {
                kept.push("display:none".into());
            }
            continue;
        }
        if name == "background" {
            // The short form, if it is nothing but a colour.
            if harmless(val) && !val.contains(' ') {
                kept.push(format!("background-color:{val}"));
            }
            continue;
        }
        let negative = (name.starts_with("margin") || name == "text-indent" || name == "letter-spacing") && val.contains('-') && val.contains(|c: char| c.is_ascii_digit());
        if PROPERTIES.contains(&name.as_str()) && !negative && harmless(val) {
            kept.push(format!("{name}:{val}"));
        }
    }
    (!kept.is_empty()).then(|| kept.join(";"))
}

/// Splits at semicolons outside quotes and parentheses.
fn split_declarations(value: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut start, mut quote, mut depth) = (0, None, 0usize);
    for (i, c) in value.char_indices() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, ';') if depth == 0 => {
                out.push(&value[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    out.push(&value[start..]);
    out
}

fn harmless(val: &str) -> bool {
    if val.is_empty() || val.len() > 300 {
        return false;
    }
    let quotes_even = val.matches('"').count() % 2 == 0 && val.matches('\'').count() % 2 == 0;
    let ok_chars = val.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '#' | '%' | '.' | ',' | '-' | '+' | '_' | '(' | ')' | '\'' | '"' | '!' | '/' | '\u{a0}'));
    if !quotes_even || !ok_chars || val.contains("//") {
        return false;
    }
    let mut rest = val;
    while let Some(i) = rest.find('(') {
        let word: String = rest[..i].chars().rev().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect::<Vec<_>>().into_iter().rev().collect();
        if !FUNCTIONS.contains(&word.to_ascii_lowercase().as_str()) {
            return false;
        }
        rest = &rest[i + 1..];
    }
    let low = val.to_ascii_lowercase();
    !low.contains("expression") && !low.contains("javascript") && !low.contains("url")
}
