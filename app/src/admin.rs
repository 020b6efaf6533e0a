//! `shouwen admin …`: what an administrator does without the web page, also when locked out of it.

use crate::args::fail;
use crate::modules::open_with;

/// Hands over to the identity capability.
pub fn run(arguments: &[String]) -> i32 {
    // Help must work without a data folder.
    if arguments.is_empty() {
        print!("{}\n{}", shouwen_identity::cli::HELP, crate::keys::HELP);
        return 2;
    }
    if arguments[0] == "keys" {
        return if arguments.iter().any(|a| a == "--help" || a == "-h") {
            print!("{}", crate::keys::HELP);
            0
        } else {
            match crate::keys::run(&arguments[1..]) {
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
