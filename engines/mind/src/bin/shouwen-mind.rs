use shouwen_mind::*;
use shouwen_mind::rows::read_tsv;
use std::time::Instant;
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // quick: purpose trainfiles(,) testfiles(,)
    let load = |s: &str| -> Vec<Row> { s.split(',').flat_map(|f| read_tsv(&std::fs::read(f).unwrap(), f, true).unwrap().into_iter().map(|r| r.0)).collect() };
    let rows = load(&args[1]);
    let test = load(&args[2]);
    let purpose = if args[0] == "faq" { Purpose::Faq } else { Purpose::Intent };
    let t = Instant::now();
    let c = args.get(3).and_then(|c| c.parse().ok());
    let m = Mind::train(&rows, TrainOptions { purpose, tuning: Tuning { c, target: 0.95, threads: 2 } }, &[]).unwrap();
    let secs = t.elapsed().as_secs_f64();
    let mut times = vec![]; let mut t0 = Instant::now();
    let f = evaluate::evaluate(&m, &test, &[], |b| if b { t0 = Instant::now() } else { times.push(t0.elapsed().as_secs_f64()*1e6) });
    times.sort_by(f64::total_cmp);
    println!("acc {:.2} f1 {:.2} r3 {:.2} mrr {:.2} | cov {:.1} prec {:.1} oosrej {:.1} | mcc {:.3} best {:.3} | C {} V {} thr {:.3} train {:.2}s p50 {:.0} p99 {:.0}us",
     100.*f.accuracy,100.*f.macro_f1,100.*f.ranking.hit3,100.*f.ranking.mrr,100.*f.auto.coverage,100.*f.auto.precision.unwrap_or(0.),100.*f.oos.rejected,f.mcc,f.best_mcc,m.sparse.options.c,m.sparse.core.vocab.len(),m.sparse.calibrator.threshold,secs,measure::quantile(&times,0.5),measure::quantile(&times,0.99));
}
