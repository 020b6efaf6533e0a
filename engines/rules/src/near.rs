//! "Did you mean …": the nearest known word.

/// What would be right instead of `given`: the nearest candidate first, else (or besides) the known ones.
pub fn suggest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = candidates.into_iter().collect();
    match nearest(given, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "nothing is known here yet".to_owned(),
        None if known.len() > 40 => format!("one of: {}, … ({} in all)", known[..40].join(", "), known.len()),
        None => format!("one of: {}", known.join(", ")),
    }
}

/// The candidate nearest to `given`, if it is near enough to be a slip.
pub fn nearest<'a>(given: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = given.to_lowercase();
    let length = wanted.chars().count();
    if length == 0 || length > 64 {
        return None;
    }
    candidates
        .map(|candidate| (distance(&wanted, &candidate.to_lowercase()), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 5 && *distance < length)
        .map(|(_, candidate)| candidate)
}

/// Edit distance in characters; two neighbours swapped count once.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut older: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1; b.len() + 1];
        for j in 0..b.len() {
            row[j + 1] = (last[j] + usize::from(a[i] != b[j])).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                row[j + 1] = row[j + 1].min(older[j - 1] + 1);
            }
        }
        older = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        assert_eq!(suggest("priorty", ["priority", "title"]), "did you mean `priority`?");
        assert_eq!(suggest("优先", ["优先级", "标题"]), "did you mean `优先级`?");
        assert_eq!(suggest("weather", ["priority", "title"]), "one of: priority, title");
        assert_eq!(nearest("tga", ["tag", "to"].into_iter()), Some("tag"));
    }
}
