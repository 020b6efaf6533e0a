//! Sentiment, anger and urgency of a message by own word lists: works without training and says which words decided.
//!
//! For sentiment of reviews a trained model is better (`shouwen mind train` on pos/neg rows: see the figures in `docs`);
//! these lists exist because anger and risk must be seen from the first day, in every tenant.

use crate::normalise::normalise;
use serde::Serialize;

/// How soon somebody should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// No hint.
    Normal,
    /// The customer presses for time or asks for a person.
    Soon,
    /// Complaint to an authority, legal step, public exposure.
    Escalation,
    /// Danger to people, or money being stolen now.
    Danger,
}

/// What a message sounds like.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mood {
    /// −1 (very unhappy) ..= 1 (very happy).
    pub sentiment: f32,
    /// `negative`, `neutral` or `positive`.
    pub label: &'static str,
    /// True when the words are angry, not only unhappy.
    pub angry: bool,
    /// True when the customer asks for a person.
    pub wants_person: bool,
    /// How soon somebody should look.
    pub urgency: Urgency,
    /// The words that decided, with what they stand for.
    pub signals: Vec<(String, &'static str)>,
}

const GOOD: &str = "好 棒 赞 满意 喜欢 不错 很快 快捷 方便 贴心 热情 耐心 专业 感谢 谢谢 划算 实惠 推荐 值得 完美 开心 优秀 好吃 美味 及时 给力 靠谱 舒服 \
漂亮 好评 新鲜 准时 干净 周到 清晰 流畅 支持 好用 正品 超值 细心 礼貌 物美价廉 good great excellent love perfect thanks thank happy satisfied helpful awesome nice fast recommend";
const BAD: &str = "差 烂 坏 慢 失望 不满 后悔 难吃 难用 难受 难看 糟糕 垃圾 恶心 欺骗 骗 坑 假货 假的 破损 坏了 退货 退款 投诉 差评 故障 不行 没用 无语 扯淡 \
敷衍 推诿 态度差 不理 没人管 没人理 拖延 卡顿 死机 漏发 少发 发错 错误 冷冰冰 凉了 变质 异味 油腻 太咸 太贵 贵 脏 吵 麻烦死 不新鲜 不值 上当 质量差 再也不 不推荐 郁闷 遗憾 凑合 \
bad poor terrible awful worst broken slow disappointed refund useless angry hate scam fake wrong damaged rude unhappy never";
const ANGRY: &str = "气死 气人 火大 忍无可忍 愤怒 生气 恶心 无耻 骗子 骗人 滚 垃圾 混蛋 王八 他妈 妈的 tmd 傻逼 sb 脑残 有病 太过分 过分 欺人太甚 什么破 什么玩意 耍我 \
忽悠 没完没了 第几次了 到底管不管 还有没有人 furious angry outrageous ridiculous unacceptable disgusting liar scam bullshit wtf";
const ESCALATION: &str = "投诉 12315 12345 工信部 消协 消费者协会 银保监 12378 曝光 媒体 记者 律师 起诉 法院 报警 黑猫 退一赔三 职业打假 维权 仲裁 举报 315 \
lawyer sue lawsuit court police regulator ombudsman";
const DANGER: &str = "盗刷 被骗 被盗 诈骗 冻结 漏电 起火 着火 爆炸 受伤 流血 自杀 轻生 不想活 中毒 燃气 煤气 触电 昏迷 急救 fire explosion injured suicide poisoning stolen fraud hacked";
const HURRY: &str = "马上 立刻 立即 赶紧 尽快 快点 紧急 加急 急用 着急 急 现在就 今天必须 来不及 最后期限 等不了 多久 什么时候才 怎么还 还没 一直没 催 urgent asap immediately hurry emergency";
const PERSON: &str = "人工 转人工 人工客服 人工服务 真人 找人 活人 不要机器人 不想和机器人 叫你们经理 找你们经理 叫你们领导 找领导 客服电话 human agent representative manager operator";
const NOT: [&str; 10] = ["不", "没", "没有", "别", "无", "未", "not ", "no ", "n't ", "never "];
const VERY: [&str; 12] = ["很", "非常", "太", "特别", "超", "极其", "真的", "十分", "相当", "very ", "so ", "really "];

/// Finds list words in `text`; longest first at every place, alphabetic words only as whole words.
fn find<'a>(text: &'a str, list: &'a str) -> Vec<(usize, &'a str)> {
    let mut out: Vec<(usize, &str)> = Vec::new();
    for word in list.split_whitespace() {
        for (at, _) in text.match_indices(word) {
            let letters = word.bytes().all(|b| b.is_ascii_alphanumeric());
            let edge = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
            if letters && !(edge(text[..at].chars().next_back()) && edge(text[at + word.len()..].chars().next())) {
                continue;
            }
            out.push((at, word));
        }
    }
    out.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.len().cmp(&a.1.len())));
    let mut end = 0;
    out.retain(|(at, word)| {
        let free = *at >= end;
        if free {
            end = at + word.len();
        }
        free
    });
    out
}

/// Text just before `at`: the last four characters, or the last two alphabetic words.
fn before(text: &str, at: usize) -> &str {
    let start = text[..at].char_indices().rev().take(8).last().map_or(at, |(i, _)| i);
    let window = &text[start..at];
    // A comma ends what a negation reaches.
    window.rsplit([',', '，', '。', '.', '!', '！', '?', '？', ';', '；']).next().unwrap_or(window)
}

/// Reads one message.
pub fn read(text: &str) -> Mood {
    let text = normalise(text);
    let mut signals: Vec<(String, &'static str)> = Vec::new();
    let mut score = 0.0f32;
    for (list, sign, name) in [(GOOD, 1.0f32, "positive"), (BAD, -1.2, "negative")] {
        for (at, word) in find(&text, list) {
            let window = before(&text, at);
            let near: String = window.chars().rev().take(3).collect::<Vec<_>>().into_iter().rev().collect();
            let negated = NOT.iter().any(|n| if n.is_ascii() { window.contains(n) } else { near.contains(n) }) && word != "不错" && !word.starts_with('不');
            let strong = VERY.iter().any(|v| window.contains(v));
            let weight = if strong { 1.5 } else { 1.0 } * if word.chars().count() == 1 { 0.5 } else { 1.0 };
            score += sign * weight * if negated { -0.8 } else { 1.0 };
            signals.push((word.to_string(), if negated { "negated" } else { name }));
        }
    }
    let mut hits = |list: &str, name: &'static str| {
        let found = find(&text, list);
        signals.extend(found.iter().map(|f| (f.1.to_string(), name)));
        found.len()
    };
    let angry = hits(ANGRY, "anger");
    let escalation = hits(ESCALATION, "escalation");
    let danger = hits(DANGER, "danger");
    let hurry = hits(HURRY, "hurry");
    let person = hits(PERSON, "person");
    let shouting = text.matches(['!', '！']).count() >= 3 || text.matches(['?', '？']).count() >= 3;
    score -= angry as f32 * 1.5 + escalation as f32 * 0.7;
    let sentiment = (score / 2.5).tanh();
    let urgency = if danger > 0 {
        Urgency::Danger
    } else if escalation > 0 {
        Urgency::Escalation
    } else if hurry > 0 || person > 0 || (angry > 0 && shouting) {
        Urgency::Soon
    } else {
        Urgency::Normal
    };
    Mood {
        sentiment,
        label: if sentiment > 0.15 { "positive" } else if sentiment < -0.15 { "negative" } else { "neutral" },
        angry: angry > 0 || (sentiment < -0.5 && shouting),
        wants_person: person > 0,
        urgency,
        signals,
    }
}
