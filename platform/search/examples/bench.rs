//! `cargo run --release -p shouwen-search --example bench -- 1000000`: feeds that many made-up messages and prints what
//! `docs` of the quality budgets ask: search p99, commit to findable, memory, size.

use std::time::{Duration, Instant};

use shouwen_search::{Branch, Doc, Index, Kind, Query, Visibility};

const PARTS: [&str; 40] = [
    "您好", "我的", "订单", "退款", "什么时候", "到账", "宽带", "一直", "掉线", "请尽快处理", "发票", "没有收到", "客服", "电话", "打不通", "路由器", "坏了", "换货", "会员", "积分",
    "兑换", "失败", "账户", "无法", "登录", "验证码", "收不到", "投诉", "态度", "不好", "感谢", "谢谢", "refund", "order", "delivery", "broken", "invoice", "please", "help", "account",
];

struct Dice(u64);
impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides
    }
}

fn main() {
    let total: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let dir = tempfile_dir();
    println!("memory empty          {} MiB", resident());
    let index = Index::open(&dir, "bench").expect("open");
    let loading = Instant::now();
    shouwen_search::warm();
    println!("dictionary            {:?}, memory {} MiB", loading.elapsed(), resident());
    let mut dice = Dice(7);
    let started = Instant::now();
    for n in 0..total {
        let case = n / 10;
        if n % 10 == 0 {
            let who = Visibility { org_unit: Some(format!("unit{}", dice.roll(20))), team: Some(format!("team{}", dice.roll(60))), people: vec![format!("person{}", dice.roll(2_000))] };
            index.scope("w", &format!("c{case}"), &who).expect("scope");
        }
        let mut body: String = (0..6 + dice.roll(30)).map(|_| PARTS[(dice.roll(PARTS.len()) * dice.roll(PARTS.len())) / PARTS.len()]).collect::<Vec<_>>().join("，");
        body.push_str(&format!(" 单号SF{:010}", dice.roll(2_000_000_000)));
        let doc = Doc { key: format!("msg_{n:026}"), kind: Kind::Message, case_id: format!("c{case}"), workspace: "w".into(), title: String::new(), body, number: String::new(), at: n as i64 };
        index.put(&doc).expect("put");
        if n % 5_000 == 4_999 {
            index.commit(&n.to_string()).expect("commit");
        }
    }
    index.commit("end").expect("commit");
    let took = started.elapsed();
    let stats = index.stats();
    println!("fed                   {total} messages in {took:?} = {:.0}/s, memory {} MiB", total as f64 / took.as_secs_f64(), resident());
    println!("on disk               {} MiB, {} segments, {} rows", stats.bytes >> 20, stats.segments, stats.rows);

    for (name, scope) in [
        ("everything", vec![Branch::All]),
        ("agent (own + 2 teams)", vec![Branch::Person("person7".into()), Branch::Team("team3".into()), Branch::Team("team4".into())]),
        ("region (10 of 20 units)", (0..10).map(|u| Branch::OrgUnit(format!("unit{u}"))).collect()),
    ] {
        for text in ["退款", "退", "您好", "发票没有收到", "refund", "refund 宽带", "SF0000000123", "火星 退款", "我的宽带一直掉线请尽快处理谢谢"] {
            let query = Query { text: text.into(), workspace: "w".into(), kinds: vec![], scope: scope.clone(), limit: 20, one_per_case: true };
            let first = Instant::now();
            let found = index.search(&query).expect("search").hits.len();
            let first = first.elapsed();
            let mut times: Vec<Duration> = (0..100)
                .map(|_| {
                    let t = Instant::now();
                    index.search(&query).expect("search");
                    t.elapsed()
                })
                .collect();
            times.sort();
            println!("search {name:24} {text:12} hits {found:3}  first {first:9.2?}  p50 {:9.2?}  p99 {:9.2?}", times[50], times[98]);
        }
    }
    let mut commits: Vec<Duration> = (0..50)
        .map(|n| {
            let doc = Doc { key: format!("new{n}"), kind: Kind::Message, case_id: "c0".into(), workspace: "w".into(), title: String::new(), body: format!("新消息 fresh{n}"), number: String::new(), at: 0 };
            let t = Instant::now();
            index.put(&doc).expect("put");
            index.commit(&n.to_string()).expect("commit");
            t.elapsed()
        })
        .collect();
    commits.sort();
    println!("put + commit          p50 {:?} p98 {:?}", commits[25], commits[48]);
    index.rest();
    println!("memory at rest        {} MiB", resident());
    let _ = std::fs::remove_dir_all(&dir);
}

fn tempfile_dir() -> std::path::PathBuf {
    let dir = std::env::temp_dir().join(format!("shouwen-search-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a temporary folder");
    dir
}

/// Resident anonymous memory, MiB (pages of the mapped index belong to the system's cache).
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find_map(|l| l.strip_prefix("RssAnon:")).and_then(|l| l.trim().split(' ').next()?.parse::<u64>().ok()).map_or(0, |kib| kib >> 10)
}
