//! `shouwen-mind …`: the verbs of `shouwen mind …` as a program of its own, for benches and for whoever embeds only this engine.

use std::io::{BufWriter, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let mut out = BufWriter::new(std::io::stdout().lock());
    let code = shouwen_mind::cli::run(&args, &mut std::io::stdin().lock(), &mut out, &mut std::io::stderr());
    let flushed = out.flush().is_ok();
    ExitCode::from(if code == 0 && !flushed { 1 } else { code.clamp(0, 255) as u8 })
}
