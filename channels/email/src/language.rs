//! Which of our two languages a text is in, when it can be told from its letters.

/// `zh` where Han characters dominate, `en` where basic Latin letters do, `None` for too little text or another script.
pub fn guess(text: &str) -> Option<String> {
    let (mut han, mut latin, mut other) = (0usize, 0usize, 0usize);
    for c in text.chars().take(4000) {
        match c {
            '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3134f}' => han += 1,
            'a'..='z' | 'A'..='Z' => latin += 1,
            // Kana, Hangul, Cyrillic, Arabic, Thai …: letters of languages we do not answer in by ourselves.
            _ if c.is_alphabetic() => other += 1,
            _ => {}
        }
    }
    // A Han character weighs about as much as three Latin letters.
    let (zh, en) = (han * 3, latin);
    if zh + en < 6 || other * 2 > han + latin {
        return None;
    }
    // Kana between Han characters is Japanese.
    if other > han / 4 && han > 0 && en < zh {
        return None;
    }
    Some(if zh >= en { "zh" } else { "en" }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::guess;

    #[test]
    fn language_is_told_from_letters() {
        for (text, wanted) in [
            ("您好，请问退款什么时候到账？", Some("zh")),
            ("您好，我的订单 SO-20260101-8842 在 iPhone app 上显示 delivered，但是没有收到", Some("zh")),
            ("Where is my refund?", Some("en")),
            ("Hello, 你好 I have a question about my order and its refund", Some("en")),
            ("注文した商品がまだ届いていません", None),
            ("주문한 상품이 아직 도착하지 않았습니다", None),
            ("12345 !!", None),
            ("", None),
            ("退款", Some("zh")),
        ] {
            assert_eq!(guess(text).as_deref(), wanted, "{text}");
        }
    }
}
