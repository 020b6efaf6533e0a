//! The inspector without the rest of the product: one JSON line for each file named.
//! `cargo run -p shouwen-mail --example inspect -- FILE…`

fn main() {
    let (mut out, mut err) = (std::io::stdout().lock(), std::io::stderr().lock());
    let mut worst = 0;
    for file in std::env::args().skip(1) {
        worst = worst.max(shouwen_mail::cli::inspect(&[file, "--json".into()], &mut out, &mut err));
    }
    std::process::exit(worst);
}
