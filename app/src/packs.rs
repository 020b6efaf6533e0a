//! `shouwen pack …`: configuration as a folder of files.

use std::path::Path;

use shouwen_kernel::{Kind, Problem, Result};
use shouwen_web::{Module, PackPart, PermissionInfo};

use crate::args::{Args, fail};
use crate::config::{Config, OPTIONS};
use crate::instance::open_ready;
use crate::modules;

const HELP: &str = "\
shouwen pack — configuration as a folder of files (行业包：检查、安装、比较、导出)

  check DIR                      every fault, as FILE:LINE: what is wrong; what was expected. Needs no database
  list --data DIR                installed packs and those that ship with the program
  diff DIR --data DIR            what installing would change, item by item; changes nothing
  install DIR --data DIR         install it, or bring it to another version, in one step or not at all
  remove KEY --data DIR          take a pack away; says what goes and what stays (--dry-run: only says it)
  export DIR --data DIR          write everything a pack can hold into a new folder

DIR is the folder with pack.toml. Where there is no such folder, the key of a shipped pack serves: base, telecom, dealer.

  --replace        install, diff: items edited by hand take the pack's content; an older version may follow a newer one
  --key KEY        export: key of the new pack (default own)
  --dry-run        remove: changes nothing
  --json           check, list, diff, install, remove: one JSON object instead of text

Installing twice changes nothing. Items an administrator edited are kept and named. Running cases go along when a stage
is gone, and the report says how many. A pack is data: nothing in it is run.

Exit codes: 0 done (check: no faults), 1 faults or refused, 2 wrong use.
Example: shouwen pack check ./packs/dealer && shouwen pack install ./packs/dealer --data ./data
";

/// Runs the command; the exit code.
pub fn run(arguments: &[String]) -> i32 {
    act(arguments).unwrap_or_else(|problem| fail(&problem))
}

fn usage(message: String) -> Problem {
    Problem::new(Kind::Invalid, "usage", message).expected("see shouwen pack --help")
}

fn act(arguments: &[String]) -> Result<i32> {
    let options: Vec<&str> = OPTIONS.iter().copied().chain(["key"]).collect();
    let args = Args::read(arguments, &options, &["help", "json", "replace", "dry-run"])?;
    let mut words = args.rest.iter().map(String::as_str);
    let verb = words.next();
    if args.has("help") || verb.is_none() || verb == Some("help") {
        print!("{HELP}");
        return Ok(if arguments.is_empty() { 2 } else { 0 });
    }
    let verb = verb.unwrap_or_default();
    let folder = words.next();
    if let Some(extra) = words.next() {
        return Err(usage(format!("`{extra}` is one word too many")));
    }
    let folder = || folder.map(Path::new).ok_or_else(|| usage(format!("`shouwen pack {verb}` needs the folder of a pack")));
    let mut out = std::io::stdout().lock();
    let json = args.has("json");
    match verb {
        "check" => {
            let all = modules::all();
            Ok(shouwen_packs::cli::check(folder()?, &parts(&all), &permissions(&all), json, &mut out))
        }
        "list" | "diff" | "install" | "remove" | "export" => {
            if verb != "list" {
                folder()?;
            }
            let instance = open_ready(Config::load(&args)?, false)?;
            let code = match verb {
                "list" => shouwen_packs::cli::list(&instance.app, json, &mut out),
                "remove" => shouwen_packs::cli::remove(&instance.app, &folder()?.to_string_lossy(), args.has("dry-run"), json, &mut out),
                "export" => shouwen_packs::cli::export(&instance.app, folder()?, args.get("key").unwrap_or("own"), &mut out),
                _ => shouwen_packs::cli::install(&instance.app, folder()?, args.has("replace"), verb == "diff", json, &mut out),
            };
            instance.db.close();
            code
        }
        other => Err(usage(format!("there is no `shouwen pack {other}`"))),
    }
}

fn parts(all: &[Module]) -> Vec<PackPart> {
    all.iter().flat_map(|m| m.parts.clone()).collect()
}

fn permissions(all: &[Module]) -> Vec<PermissionInfo> {
    all.iter().flat_map(|m| m.permissions).copied().collect()
}
