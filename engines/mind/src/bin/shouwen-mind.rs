use shouwen_mind::*;
use shouwen_mind::rows::read_tsv;
use std::time::Instant;
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // quick: purpose trainfiles(,) testfiles(,)
    if args[0] == "add" { let b = encoder::convert::convert(&std::fs::read(&args[2]).unwrap(), false).unwrap(); println!("{:?}", encoder::Library::install(std::path::Path::new(&args[1]), &b)); return; }
    let lib = match std::env::var("ENC") { Ok(d) => encoder::Library::open(std::path::Path::new(&d)), _ => Default::default() };
    if !lib.problems.is_empty() { println!("{:?}", lib.problems); }
    if args[0] == "vec" { let e = lib.choose(args.len()>1); let t=Instant::now(); let mut k=0; for l in std::io::stdin().lines() { let l=l.unwrap(); k+=1; for e in &e { let mut v=vec![0f32; e.dim()]; e.encode(&l,&mut v); if std::env::var("Q").is_err() { println!("{}", v.iter().map(|x| x.to_string()).collect::<Vec<_>>().join(" ")); } } } eprintln!("{:.3} ms", t.elapsed().as_secs_f64()*1e3/k as f64); return; }
    let load = |s: &str| -> Vec<Row> { s.split(',').flat_map(|f| read_tsv(&std::fs::read(f).unwrap(), f, true).unwrap().into_iter().map(|r| r.0)).collect() };
    let rows = load(&args[1]);
    let test = load(&args[2]);
    let purpose = if args[0] == "faq" { Purpose::Faq } else { Purpose::Intent };
    let en = std::env::var("EN").is_ok(); let encs = lib.choose(en); let t = Instant::now();
    let c = args.get(3).and_then(|c| c.parse().ok());
    let m = Mind::train(&rows, TrainOptions { purpose, tuning: Tuning { c, target: 0.95, threads: 2 } }, &encs).unwrap();
    let secs = t.elapsed().as_secs_f64();
    let mut times = vec![]; let mut t0 = Instant::now();
    let f = evaluate::evaluate(&m, &test, &encs, |b| if b { t0 = Instant::now() } else { times.push(t0.elapsed().as_secs_f64()*1e6) });
    times.sort_by(f64::total_cmp);
    println!("acc {:.2} f1 {:.2} r3 {:.2} mrr {:.2} | cov {:.1} prec {:.1} oosrej {:.1} | mcc {:.3} best {:.3} | C {} V {} thr {:.3} train {:.2}s p50 {:.0} p99 {:.0}us",
     100.*f.accuracy,100.*f.macro_f1,100.*f.ranking.hit3,100.*f.ranking.mrr,100.*f.auto.coverage,100.*f.auto.precision.unwrap_or(0.),100.*f.oos.rejected,f.mcc,f.best_mcc,m.tier(&encs).0.options.c,m.sparse.core.vocab.len(),m.tier(&encs).0.calibrator.threshold,secs,measure::quantile(&times,0.5),measure::quantile(&times,0.99));
}
