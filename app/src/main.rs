//! The binary `shouwen`: the list of modules, the configuration, the command line; nothing else.

mod admin;
mod args;
mod assets;
mod backup;
mod bench;
mod blobs;
#[cfg(test)]
mod blobs_tests;
mod config;
mod demo;
mod docs_page;
mod doctor;
mod instance;
mod keys;
mod modules;
mod ops;
mod packs;
mod reseal;
mod serve;

use std::process::ExitCode;

const HELP: &str = "\
shouwen — customer service, from the first word to the verified end

Usage: shouwen <command> [options]

  serve        start the server:            shouwen serve --data ./data
  admin        people, passwords, sessions: shouwen admin user list --data ./data
  import       bring in old mail:           shouwen import mail ./archive.mbox --data ./data
  mail         look at one message:         shouwen mail inspect letter.eml --json
  pack         configuration as files:      shouwen pack check packs/dealer
  worktime     deadlines in working time:   shouwen worktime due --calendar c.toml --start … --budget 72h
  rules        automation on plain files:   shouwen rules test rules.toml --events past.jsonl
  mind         text understanding:          shouwen mind eval --data test.tsv --model DIR --json
  audit        prove the audit unchanged:   shouwen audit verify --data ./data
  doctor       find what is wrong:          shouwen doctor --data ./data
  backup       copy everything, online:     shouwen backup --data ./data --to ./backup-2026-01-02
  restore      put a backup back:           shouwen restore ./backup-2026-01-02 --data ./data
  migrate      show or apply schema steps:  shouwen migrate status --data ./data
  config       show the settings in force:  shouwen config show
  openapi      print the API document:      shouwen openapi > openapi.json
  demo         fill with a fictional firm:  shouwen demo --data ./data
  bench        generate and measure:        shouwen bench --help
  version      print the version

`shouwen <command> --help` tells more. Exit codes: 0 done, 1 it failed (the reason is printed), 2 wrong use.
";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() {
        print!("{HELP}");
        return ExitCode::from(2);
    }
    let command = arguments.remove(0);
    let code = match command.as_str() {
        "serve" => serve::run(&arguments),
        "admin" => admin::run(&arguments),
        "import" => modules::import(&arguments),
        "mail" => modules::mail(&arguments),
        "pack" => packs::run(&arguments),
        "worktime" => modules::worktime(&arguments),
        "rules" => modules::rules(&arguments),
        "mind" => modules::mind(&arguments),
        "audit" => modules::audit(&arguments),
        "doctor" => doctor::run(&arguments),
        "backup" => backup::run_backup(&arguments),
        "restore" => backup::run_restore(&arguments),
        "migrate" => ops::migrate(&arguments),
        "config" => ops::config(&arguments),
        "openapi" => ops::openapi(),
        "bench" => bench::run(&arguments),
        "demo" => demo::run(&arguments),
        "version" | "--version" | "-V" => {
            println!("shouwen {}", env!("CARGO_PKG_VERSION"));
            0
        }
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            0
        }
        other => {
            eprintln!("shouwen: there is no command `{other}`; `shouwen help` lists them");
            2
        }
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
