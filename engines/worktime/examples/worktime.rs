//! The command line alone, without the server: `cargo run -p shouwen-worktime --example worktime -- due --help`.

use std::io::{stderr, stdin, stdout};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let code = shouwen_worktime::cli::run(
        &args,
        &mut stdin().lock(),
        &mut stdout().lock(),
        &mut stderr().lock(),
    );
    std::process::exit(code);
}
