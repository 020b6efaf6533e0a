//! Names of files that came with a message, as texts to look for signals in: “律师函.pdf”, “lawyer_letter.pdf”. Pure.
//!
//! A name is a sentence of its own, under the same policy of negations as the letter. Numbers that a camera, a scanner or a
//! messenger gave (`IMG_12315.jpg`) say nothing.

/// Names looked at in one message.
const MOST: usize = 50;
/// Characters of one name.
const LONGEST: usize = 200;
/// An ending longer than this is part of the name.
const LONGEST_ENDING: usize = 5;

/// Words that machines put before the numbers they count with.
const MACHINE: &[&str] = &[
    "img", "image", "images", "dsc", "dscn", "dscf", "pxl", "mvimg", "photo", "pic", "picture", "scan", "scanned", "screenshot", "screen", "shot", "capture", "vid", "video", "mov", "audio", "rec", "recording", "voice", "doc",
    "document", "file", "attachment", "page", "copy", "at", "am", "pm", "p", "wa", "wx", "wechat", "wechatimg", "mmexport", "qq", "camera", "cam", "whatsapp", "图片", "照片", "相片", "截图", "截屏", "屏幕截图", "扫描", "扫描件", "扫描全能王", "录音", "录像",
    "视频", "音频", "文件", "附件", "文档", "微信图片", "微信截图", "微信视频", "企业微信截图", "钉钉截图", "新建", "副本", "第", "页", "张",
];

/// What there is to read in the names, each as a text of its own with the name as it was given.
pub fn texts(names: &[String]) -> Vec<(&str, String)> {
    names.iter().take(MOST).filter_map(|name| Some((name.as_str(), text(name)?))).collect()
}

/// The words of one name; `None` when a machine gave it.
fn text(name: &str) -> Option<String> {
    let stem = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.trim().is_empty() && ending.len() <= LONGEST_ENDING && ending.bytes().all(|b| b.is_ascii_alphanumeric()) => stem,
        _ => name,
    };
    let mut out = String::with_capacity(stem.len() + 8);
    let mut last = ' ';
    for c in stem.chars().take(LONGEST) {
        // LawyerLetter, lawyer_letter, lawyer+letter
        if last.is_ascii_lowercase() && c.is_ascii_uppercase() {
            out.push(' ');
        }
        out.push(if matches!(c, '_' | '+' | '-') { ' ' } else { c });
        last = c;
    }
    let words = words(&out);
    let counted = out.chars().any(|c| c.is_numeric());
    (!(counted && !words.is_empty() && words.iter().all(|word| MACHINE.contains(&word.as_str())))).then_some(out)
}

/// Runs of Latin letters, and of others, in lower case; digits and everything else part them.
fn words(text: &str) -> Vec<String> {
    let class = |c: char| if c.is_ascii_alphabetic() { 1 } else if c.is_alphabetic() { 2 } else { 0 };
    let (mut out, mut last): (Vec<String>, u8) = (Vec::new(), 0);
    for c in text.chars() {
        let now = class(c);
        match out.last_mut().filter(|_| now != 0 && now == last) {
            Some(word) => word.push(c.to_ascii_lowercase()),
            None if now != 0 => out.push(c.to_ascii_lowercase().to_string()),
            None => {}
        }
        last = now;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> Option<String> {
        text(name)
    }

    #[test]
    fn a_name_is_read_without_its_ending_and_with_its_words_apart() {
        assert_eq!(read("律师函.pdf").as_deref(), Some("律师函"));
        assert_eq!(read("12315投诉.docx").as_deref(), Some("12315投诉"));
        assert_eq!(read("12315.pdf").as_deref(), Some("12315"), "nobody counts to it by chance");
        assert_eq!(read("MyLawyerLetter_final-2.PDF").as_deref(), Some("My Lawyer Letter final 2"));
        assert_eq!(read("关于. 媒体曝光的说明").as_deref(), Some("关于. 媒体曝光的说明"));
        assert_eq!(read(".pdf").as_deref(), Some(".pdf"));
    }

    #[test]
    fn what_machines_count_is_not_read() {
        for name in ["IMG_12315.jpg", "DSC12315.JPG", "微信图片_12315.png", "Screenshot 2026-11-22 at 12.31.5.png", "QQ截图12315.png", "扫描件 12315.pdf", "scan12315.pdf", "mmexport12315.jpg"] {
            assert_eq!(read(name), None, "{name}");
        }
        for name in ["12315投诉截图.png", "投诉12315扫描件.pdf", "截图.png", "complaint 12315.pdf"] {
            assert!(read(name).is_some(), "{name}");
        }
        let many: Vec<String> = (0..500).map(|n| format!("律师函{n}.pdf")).collect();
        assert_eq!(texts(&many).len(), MOST);
    }
}
