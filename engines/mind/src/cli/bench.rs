//! `bench`: one table on the public data, by running the same commands a user runs. Nothing here is used for answering.

use super::Streams;
use super::args::Args;
use crate::problem::{Problem, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One measurement: name, verb (`train` or `faq index`), training files, test files, what others reach on it, needs minutes.
struct Set {
    name: &'static str,
    faq: bool,
    train: &'static [&'static str],
    test: &'static [&'static str],
    others: &'static str,
    long: bool,
}

const fn set(name: &'static str, faq: bool, train: &'static [&'static str], test: &'static [&'static str], others: &'static str, long: bool) -> Set {
    Set { name, faq, train, test, others, long }
}

/// Figures of others: best published or measured by us with the named program; sources in the documentation.
const SETS: [Set; 18] = [
    set("faq_webank standard question", true, &["faq_webank/faq"], &["faq_webank/test_public", "faq_webank/oos_id_dev"], "BM25+words 63.5, USE cosine 78.5", false),
    set("faq_webank 5 an entry", true, &["faq_webank/faq", "faq_webank/train_5"], &["faq_webank/test_public", "faq_webank/oos_id_dev"], "BM25+words 70.9", false),
    set("faq_webank 10 an entry", true, &["faq_webank/faq", "faq_webank/train_10"], &["faq_webank/test_public", "faq_webank/oos_id_dev"], "Rasa DIET 81.9, fastText 81.1", false),
    set("faq_webank all", true, &["faq_webank/faq", "faq_webank/train"], &["faq_webank/test_public", "faq_webank/oos_id_dev"], "Rasa DIET 92.6, fastText 92.0", false),
    set("faq_webank all, far questions", true, &["faq_webank/faq", "faq_webank/train"], &["faq_webank/test_public", "zh_ood/test_public"], "–", false),
    set("smp2017 train+dev", false, &["smp2017/train", "smp2017/dev"], &["smp2017/test_public"], "fastText 89.7", false),
    set("banking77 5 an intent", false, &["banking77/train_5shot"], &["banking77/test_public"], "DNNC 80.4, RoBERTa 74.0", false),
    set("banking77 10 an intent", false, &["banking77/train_10shot"], &["banking77/test_public"], "DNNC 86.7, Rasa DIET 66.0", false),
    set("clinc150 5 an intent", false, &["clinc150/train_5shot"], &["clinc150/test_public", "clinc150/oos_test_public"], "CPFT 92.3", false),
    set("clinc150 10 an intent", false, &["clinc150/train_10shot"], &["clinc150/test_public", "clinc150/oos_test_public"], "CPFT 94.2", false),
    set("hint3 sofmattress", false, &["hint3_sofmattress/train"], &["hint3_sofmattress/test"], "best MCC: Dialogflow .638, Rasa .526; accuracy BERT 73.6", false),
    set("waimai sentiment", false, &["waimai/train", "waimai/dev"], &["waimai/test_public"], "snownlp 75.9, fastText 77.5", false),
    set("cic train+dev", false, &["cic/train", "cic/dev"], &["cic/test_public"], "human 87.4, macro-F1 best 78.5, fastText 62.3", true),
    set("banking77 full", false, &["banking77/train"], &["banking77/test_public"], "best 94.9, fastText 85.2", true),
    set("bitext (smoke test)", false, &["bitext/train", "bitext/dev"], &["bitext/test"], "–", true),
    set("clinc150 full", false, &["clinc150/train", "clinc150/dev"], &["clinc150/test_public", "clinc150/oos_test_public"], "BERT 96.9, Rasa 91.5; OOS refused: BERT 52", true),
    set("shopping10 sentiment", false, &["shopping10/train"], &["shopping10/test_public"], "–", true),
    set("shopping10 → eprstmt", false, &["shopping10/train"], &["eprstmt/test_public"], "snownlp 79.2", true),
];

/// Name of the learning curve among the sets.
const CURVE: &str = "learning curve faq_webank";

fn own(words: &[&str]) -> Result<(Vec<Value>, String, bool)> {
    let failed = |e: std::io::Error| Problem::new("bench.run", e.to_string(), "a program that can start itself");
    let exe = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(&exe);
    if !exe.file_stem().is_some_and(|n| n.to_string_lossy().ends_with("-mind")) {
        command.arg("mind");
    }
    let done = command.args(words).output().map_err(failed)?;
    let lines = String::from_utf8_lossy(&done.stdout).lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    Ok((lines, String::from_utf8_lossy(&done.stderr).into_owned(), done.status.success()))
}

/// Folder of the public data: `--shared`, else `SHOUWEN_SHARED`, else `../shared` beside the repository.
pub fn shared(args: &Args) -> Result<PathBuf> {
    let named = args.one("--shared").map(PathBuf::from).or_else(|| std::env::var_os("SHOUWEN_SHARED").map(PathBuf::from));
    let folder = named.unwrap_or_else(|| PathBuf::from("../shared")).join("data/nlp");
    if folder.is_dir() {
        Ok(folder)
    } else {
        Err(Problem::new("bench.no_data", format!("{} is not there", folder.display()), "--shared DIR or SHOUWEN_SHARED=DIR with data/nlp inside"))
    }
}

fn percent(value: &Value) -> String {
    value.as_f64().map_or("–".into(), |v| format!("{:.1}", 100.0 * v))
}

/// `shouwen mind bench`.
pub fn bench(args: &Args, streams: &mut Streams<'_>) -> Result<()> {
    let data = shared(args)?;
    let work = std::env::temp_dir().join(format!("shouwen-mind-bench-{}", std::process::id()));
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    streams.line(&format!("load at the start: {}", load.split(' ').take(3).collect::<Vec<_>>().join(" ")))?;
    streams.line("shares in %; alone = answers given alone at a threshold from the training data only, asked precision 95; MCC at that threshold / best over all thresholds; train s = processor time of all threads; p50 and p99 = processor time per query in µs, one thread, fastest of three runs of each query")?;
    streams.line("set | tier | acc = R@1 | macro-F1 | R@3 | MRR | alone: precision | coverage | OOS refused | MCC | train s | p50 | p99 | MiB | others")?;
    streams.line("--|--|--|--|--|--|--|--|--|--|--|--|--|--|--")?;
    let result = table(args, streams, &data, &work);
    let _ = std::fs::remove_dir_all(&work);
    result
}

fn path(data: &Path, file: &str) -> String {
    data.join(format!("{file}.tsv")).to_string_lossy().into_owned()
}

fn table(args: &Args, streams: &mut Streams<'_>, data: &Path, work: &Path) -> Result<()> {
    let encoders = args.encoder_folder().to_string_lossy().into_owned();
    let has_encoder = !crate::encoder::Library::open(Path::new(&encoders)).is_empty();
    let model = work.to_string_lossy().into_owned();
    let tiers: &[&str] = if has_encoder { &["sparse", "semantic"] } else { &["sparse"] };
    let wanted = |name: &str| args.all("--only").is_empty() || args.all("--only").iter().any(|part| name.contains(part.as_str()));
    if !SETS.iter().any(|s| wanted(s.name)) && !wanted(CURVE) {
        let names: Vec<&str> = SETS.iter().map(|s| s.name).chain([CURVE]).collect();
        return Err(Problem::new("args.only", "--only names no set", format!("a part of one of: {}", names.join(", "))));
    }
    for set in SETS.iter().filter(|s| !(s.long && args.has("--quick")) && wanted(s.name)) {
        for tier in tiers {
            // Long reviews gain nothing from sentence vectors and take minutes to encode.
            if *tier == "semantic" && set.name.starts_with("shopping10") {
                continue;
            }
            let train: Vec<String> = set.train.iter().map(|f| path(data, f)).collect();
            let mut words = if set.faq { vec!["faq", "index"] } else { vec!["train"] };
            train.iter().for_each(|f| words.extend(["--data", f]));
            words.extend(["--model", &model, "--tier", tier, "--encoders", &encoders]);
            let (trained, told, done) = own(&words)?;
            if !done {
                return Err(Problem::new("bench.run", told, "training to succeed"));
            }
            let test: Vec<String> = set.test.iter().map(|f| path(data, f)).collect();
            let mut words = vec!["eval", "--json", "--model", &model, "--tier", tier, "--encoders", &encoders];
            test.iter().for_each(|f| words.extend(["--data", f]));
            let (found, told, done) = own(&words)?;
            let (Some(t), Some(e)) = (trained.first(), found.first().filter(|_| done)) else {
                return Err(Problem::new("bench.run", told, "measuring to succeed"));
            };
            let oos = if e["oos"]["n"].as_u64() == Some(0) { "–".into() } else { percent(&e["oos"]["rejected"]) };
            streams.line(&format!("{} | {tier} | {} | {} | {} | {:.3} | {} | {} | {oos} | {:.3} / {:.3} | {} | {} | {} | {} | {}",
                set.name, percent(&e["accuracy"]), percent(&e["macro_f1"]), percent(&e["hit@3"]), e["mrr"].as_f64().unwrap_or(0.0),
                percent(&e["auto"]["precision"]), percent(&e["auto"]["coverage"]), e["mcc"].as_f64().unwrap_or(0.0),
                e["best_mcc"].as_f64().unwrap_or(0.0), t["processor_seconds"], e["latency_us"]["p50"], e["latency_us"]["p99"], e["memory_mib"], set.others))?;
            let _ = streams.out.flush();
            if ["hint3 sofmattress", "cic train+dev"].contains(&set.name) {
                drift(streams, &test[0], &model, tier, &encoders, work)?;
            }
        }
    }
    for tier in tiers.iter().filter(|_| wanted(CURVE)) {
        learning(streams, data, tier, &encoders)?;
    }
    Ok(())
}

/// Recalibration on 200 checked queries of the test, judged on the rest: what happens when live questions differ from the training data.
fn drift(streams: &mut Streams<'_>, test: &str, model: &str, tier: &str, encoders: &str, work: &Path) -> Result<()> {
    let failed = |e: std::io::Error| Problem::new("bench.write", e.to_string(), "a temporary folder that can be written to");
    let text = std::fs::read_to_string(test).map_err(failed)?;
    let mut lines: Vec<&str> = text.lines().collect();
    crate::random::Sequence::new(7).shuffle(&mut lines);
    let at = lines.len().min(200);
    let (checked, rest) = (work.join("checked.tsv"), work.join("rest.tsv"));
    std::fs::write(&checked, lines[..at].join("\n")).map_err(failed)?;
    std::fs::write(&rest, lines[at..].join("\n")).map_err(failed)?;
    let (checked, rest) = (checked.to_string_lossy(), rest.to_string_lossy());
    let before = own(&["eval", "--json", "--model", model, "--tier", tier, "--encoders", encoders, "--data", &rest])?;
    own(&["recalibrate", "--checked", &checked, "--model", model, "--tier", tier, "--encoders", encoders])?;
    let after = own(&["eval", "--json", "--model", model, "--tier", tier, "--encoders", encoders, "--data", &rest])?;
    let said = |found: &[Value]| found.first().map_or(String::new(), |e| {
        format!("precision {} at coverage {}", percent(&e["auto"]["precision"]), percent(&e["auto"]["coverage"]))
    });
    streams.line(&format!("  drift, {} rows kept apart: threshold from training data {}; after {at} checked queries (asked 97) {}",
        lines.len() - at, said(&before.0), said(&after.0)))
}

fn learning(streams: &mut Streams<'_>, data: &Path, tier: &str, encoders: &str) -> Result<()> {
    let [faq, five, pool, test] = ["faq_webank/faq", "faq_webank/train_5", "faq_webank/train", "faq_webank/test_public"].map(|f| path(data, f));
    let (points, told, done) = own(&["curve", "--start", &faq, "--start", &five, "--pool", &pool, "--data", &test, "--tier", tier, "--encoders", encoders])?;
    if !done {
        return Err(Problem::new("bench.run", told, "the learning curve to succeed"));
    }
    let row = |key: &str| points.iter().map(|p| percent(&p[key])).collect::<Vec<_>>().join(" | ");
    let rows: Vec<String> = points.iter().map(|p| p["rows"].to_string()).collect();
    streams.line(&format!("{CURVE}, {tier}: rows {}\n  smallest margin first {}\n  drawn by chance {}", rows.join(" | "), row("chosen"), row("drawn")))
}
