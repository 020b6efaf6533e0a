//! `shouwen admin …`: what an administrator does without the web page, also when locked out of it.

use crate::args::fail;
use crate::modules::open_with;

/// Hands over to the identity capability.
pub fn run(arguments: &[String]) -> i32 {
    // Help must work without a data folder.
    if arguments.is_empty() {
        print!("{}\n{}\n{}", shouwen_identity::cli::HELP, crate::keys::HELP, crate::blobs::HELP);
        return 2;
    }
    let own: Option<(&str, fn(&[String]) -> shouwen_kernel::Result<String>)> = match arguments[0].as_str() {
        "keys" => Some((crate::keys::HELP, crate::keys::run)),
        "blobs" => Some((crate::blobs::HELP, crate::blobs::run)),
        _ => None,
    };
    if let Some((help, run)) = own {
        return if arguments.iter().any(|a| a == "--help" || a == "-h") {
            print!("{help}");
            0
        } else {
            match run(&arguments[1..]) {
                Ok(said) => {
                    print!("{said}");
                    0
                }
                Err(problem) => fail(&problem),
            }
        };
    }
    if arguments.iter().any(|a| a == "--help" || a == "-h") {
        return shouwen_identity::cli::help(arguments);
    }
    match open_with(arguments) {
        Ok((instance, rest)) => {
            let code = shouwen_identity::cli::run(&rest, &instance.db);
            instance.db.close();
            code
        }
        Err(problem) => fail(&problem),
    }
}
