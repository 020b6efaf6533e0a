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

/// Words of a list; `_` stands for a space.
const GOOD: &str = "好 棒 赞 满意 喜欢 不错 很快 快捷 方便 贴心 热情 耐心 专业 感谢 谢谢 划算 实惠 值得 完美 开心 优秀 好吃 美味 及时 给力 靠谱 舒服 \
漂亮 好评 新鲜 准时 干净 周到 清晰 流畅 好用 正品 超值 细心 礼貌 物美价廉 推荐 good great excellent love perfect thanks thank happy satisfied helpful awesome nice \
fast recommend";
const BAD: &str = "差 烂 坏 慢 好差 好烂 好慢 好贵 好烦 失望 不满 不满意 不好 不好用 后悔 难吃 难用 难受 难看 糟糕 垃圾 恶心 欺骗 骗 坑 假货 假的 破损 坏了 投诉 差评 故障 不行 没用 无语 扯淡 \
敷衍 推诿 态度差 不理 没人管 没人理 拖延 卡顿 死机 漏发 少发 发错 错误 冷冰冰 凉了 变质 异味 油腻 太咸 太贵 贵 脏 吵 麻烦死 不新鲜 不值 上当 质量差 再也不 不推荐 郁闷 遗憾 凑合 \
bad poor terrible awful worst broken slow disappointed useless angry hate scam fake wrong damaged rude unhappy never_again never_arrived never_came";
/// Words that hold one of the lists and mean something else.
const NEITHER: &str = "你好 您好 大家好 好的 好吧 好了 好像 好久 好几 好多 好些 好友 好不好 只好 正好 刚好 最好 还好吗 爱好 偏好 友好 方便问 方便说 方便的话 推荐人 推荐码 及时雨 \
贵公司 贵姓 贵司 贵行 贵方 贵店 贵平台 贵网 贵州 贵阳 贵宾 贵族 坑位 差价 差额 差旅 时差 差别 出差 差不多 相差 差多少 差一点 温差 差点 脏衣 防骗 反诈骗 防诈骗 烂熟 错误代码 错误码 \
滚筒 滚动 滚轮 滚烫 滚珠 有病假 人工智能 人工费 人工成本 人工降雨 人工湖 自杀式 急诊 急救包 急性 急转弯 急刹 急冻 催化 催眠 催款 燃气费 律师函模板 律师资格 律师证 法院路 媒体查询 社交媒体 流媒体 多媒体 \
记者证 爆炸头 爆炸糖 爆炸螺丝 不差钱 不客气";
const ANGRY: &str = "气死 气人 火大 忍无可忍 愤怒 生气 恶心 无耻 骗子 骗人 滚 垃圾 混蛋 王八 他妈 妈的 tmd 傻逼 sb 脑残 有病 太过分 过分 欺人太甚 什么破 什么玩意 耍我 \
忽悠 没完没了 第几次了 到底管不管 还有没有人 furious angry outrageous ridiculous unacceptable disgusting liar scam bullshit wtf";
const ESCALATION: &str = "投诉 12315 12345 工信部 消协 消费者协会 银保监 12378 曝光 媒体 记者 律师 起诉 法院 报警 黑猫 退一赔三 职业打假 维权 仲裁 举报 315 \
lawyer sue lawsuit court police regulator ombudsman";
const DANGER: &str = "盗刷 被骗 被盗 诈骗 漏电 起火 着火 爆炸 受伤 流血 自杀 轻生 不想活 中毒 泄漏 泄露了 漏气 燃气漏 煤气漏 燃气味 煤气味 触电 昏迷 急救 on_fire caught_fire a_fire fire_alarm smoke \
explosion exploded injured suicide poisoning stolen fraud hacked gas_leak";
const HURRY: &str = "马上 立刻 立即 赶紧 尽快 快点 紧急 加急 急用 着急 急 现在就 今天必须 来不及 最后期限 等不了 还要多久 什么时候才 怎么还 还没到 还没收 还没发 还没处理 还没解决 还没人 还没回 还没退 还没给 \
一直没 催 urgent asap immediately hurry emergency";
const PERSON: &str = "人工 转人工 人工客服 人工服务 真人 找人 活人 不要机器人 不想和机器人 叫你们经理 找你们经理 叫你们领导 找领导 客服电话 human real_person speak_to talk_to human_agent live_agent an_agent \
representative your_manager a_manager operator";
const NOT: [&str; 10] = ["不", "没", "没有", "别", "无", "未", "not ", "no ", "n't ", "never "];
/// What directly before a word of the other lists takes it back: 不投诉了, 不用人工.
const TAKES_BACK: [&str; 17] = [
    "不", "没", "没有", "no ", "not ", "别", "勿", "无需", "不用", "不想", "不要", "不需要", "不会", "不必", "不打算", "n't ", "no need to ",
];
const VERY: [&str; 12] = ["很", "非常", "太", "特别", "超", "极其", "真的", "十分", "相当", "very ", "so ", "really "];

/// Finds words of the lists in `text`, each with the number of its list; longest first at every place, alphabetic words only as whole
/// words, numbers only where no unit makes them an amount.
fn find(text: &str, lists: &[&str]) -> Vec<(usize, String, usize)> {
    let mut out: Vec<(usize, String, usize)> = Vec::new();
    for (number, list) in lists.iter().enumerate() {
        for word in list.split_whitespace() {
            let word = word.replace('_', " ");
            for (at, _) in text.match_indices(&word) {
                let letters = word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ');
                let edge = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
                let after = text[at + word.len()..].chars().next();
                if letters && !(edge(text[..at].chars().next_back()) && edge(after)) {
                    continue;
                }
                let digits = word.bytes().all(|b| b.is_ascii_digit());
                if digits && after.is_some_and(|c| "元块角分万年月号个件次米斤克%.".contains(c)) {
                    continue;
                }
                out.push((at, word.clone(), number));
            }
        }
    }
    out.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.len().cmp(&a.1.len())).then(a.2.cmp(&b.2)));
    let mut end = 0;
    out.retain(|(at, word, _)| {
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
    for (at, word, list) in find(&text, &[GOOD, BAD, NEITHER]).into_iter().filter(|f| f.2 < 2) {
        let (sign, name) = [(1.0f32, "positive"), (-1.2, "negative")][list];
        let window = before(&text, at);
        let near: String = window.chars().rev().take(3).collect::<Vec<_>>().into_iter().rev().collect();
        let negated = NOT.iter().any(|n| if n.is_ascii() { window.contains(n) } else { near.contains(n) }) && word != "不错" && (!word.starts_with('不') || near.ends_with("没有"));
        let strong = VERY.iter().any(|v| window.contains(v));
        let weight = if strong { 1.5 } else { 1.0 } * if word.chars().count() == 1 { 0.5 } else { 1.0 };
        score += sign * weight * if negated { -0.8 } else { 1.0 };
        signals.push((word, if negated { "negated" } else { name }));
    }
    // Danger is told even where the words deny it: somebody should look.
    let mut hits = |list: &str, name: &'static str| {
        let mut count = 0;
        for (at, word, number) in find(&text, &[list, NEITHER]) {
            // 还不转人工, 没有人工 and 再不赶紧 press, they take nothing back.
            let reach = match name {
                "danger" => 0..0,
                "person" => 5..TAKES_BACK.len(),
                "hurry" if !word.ends_with('急') => 0..0,
                _ => 0..TAKES_BACK.len(),
            };
            let taken_back = !word.starts_with('不') && TAKES_BACK[reach].iter().any(|n| text[..at].ends_with(n));
            if number == 0 && !taken_back {
                count += 1;
                signals.push((word, name));
            }
        }
        count
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
