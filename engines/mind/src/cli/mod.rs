//! `shouwen mind …`: every verb on plain files. Formats and examples: `docs/en/mind.md`.

pub mod args;
mod bench;
mod curve;
mod files;
mod learn;
mod model;
mod predict;
mod text;
mod train;
pub mod trial;

use crate::problem::{Problem, Result};
use args::Args;
use std::io::{BufRead, Write};

/// What `shouwen mind` prints when asked for help or when it does not know the verb.
pub const HELP: &str = "\
shouwen mind train    --data F [--data F]… [--dev F] --model DIR     label<TAB>text, UTF-8
shouwen mind update   --data F --model DIR [--against DIR]           add rows; --against writes the new model there
shouwen mind eval     --data F --model DIR --json
shouwen mind predict  --model DIR --json [--why] < lines
shouwen mind faq index --data F [--data F]… --model DIR              id<TAB>question[<TAB>answer]
shouwen mind faq eval  --data F --model DIR --json
shouwen mind faq ask   --model DIR --json [--limit 3] < lines
shouwen mind recalibrate --checked F --model DIR [--precision 0.97]  at least 200 checked queries, label<TAB>text
shouwen mind compare  --model CURRENT --against CANDIDATE --locked F [--queries F]   exit 1 and the reason when it must not be published
shouwen mind queue    --model DIR [--limit 100] < lines              what to have checked next
shouwen mind trial    --data F [--data F]…                           accuracy, precision and coverage on rows and labels kept apart in turn
shouwen mind curve    --start F --pool F --data TEST [--step 100] [--steps 6]        learning curve, chosen against random
shouwen mind extract  [--today YYYY-MM-DD] < lines
shouwen mind mood     < lines                                        sentiment, urgency, signals
shouwen mind language | phrases | duplicates | topics [--limit N] < lines
shouwen mind similar  --data F [--limit 5] < lines                   nearest of the lines in F
shouwen mind model    add FILE | list | check                        sentence encoders (optional)
shouwen mind bench    [--shared DIR] [--quick]
Common: --tier auto|sparse|semantic, --encoders DIR, --precision 0.95, --threads N
";

/// What the verbs read from and write to.
pub struct Streams<'a> {
    /// Standard input.
    pub input: &'a mut dyn BufRead,
    /// Standard output.
    pub out: &'a mut dyn Write,
    /// Standard error.
    pub err: &'a mut dyn Write,
}

impl Streams<'_> {
    /// One line of JSON.
    pub fn json(&mut self, value: &impl serde::Serialize) -> Result<()> {
        let line = serde_json::to_string(value).map_err(|e| Problem::new("output.json", e.to_string(), "finite numbers"))?;
        self.line(&line)
    }

    /// One line of text.
    pub fn line(&mut self, text: &str) -> Result<()> {
        writeln!(self.out, "{text}").map_err(|e| Problem::new("output.write", e.to_string(), "an output that can be written to"))
    }

    /// Calls `work(number, line)` for every line of the input; a line that is not UTF-8 comes as the problem that says where.
    pub fn each_line(&mut self, mut work: impl FnMut(&mut Self, usize, Result<&str>) -> Result<()>) -> Result<()> {
        let mut raw = Vec::new();
        for number in 1.. {
            raw.clear();
            let read = self.input.read_until(b'\n', &mut raw).map_err(|e| Problem::new("input.read", e.to_string(), "a readable input"))?;
            if read == 0 {
                break;
            }
            while raw.last().is_some_and(|b| *b == b'\n' || *b == b'\r') {
                raw.pop();
            }
            let line = std::str::from_utf8(&raw).map_err(|e| {
                Problem::new("input.not_utf8", "bytes that are not UTF-8", "UTF-8 text").at("stdin", number, e.valid_up_to() + 1)
            });
            work(self, number, line)?;
        }
        Ok(())
    }

    /// All lines that are UTF-8 and not blank; others are told on standard error.
    pub fn lines(&mut self) -> Result<Vec<String>> {
        let mut out = Vec::new();
        self.each_line(|streams, _, line| {
            match line {
                Ok(line) if !line.trim().is_empty() => out.push(line.to_string()),
                Ok(_) => {}
                Err(problem) => {
                    let _ = writeln!(streams.err, "{problem}; skipped");
                }
            }
            Ok(())
        })?;
        Ok(out)
    }
}

/// Runs one verb. `args`: the words after `mind`. Returns the exit code: 0 done, 1 refused or failed, 2 not understood.
pub fn run(args: &[String], input: &mut dyn BufRead, out: &mut dyn Write, err: &mut dyn Write) -> i32 {
    let mut streams = Streams { input, out, err };
    let args = match Args::read(args) {
        Ok(args) => args,
        Err(problem) => {
            let _ = writeln!(streams.err, "{problem}");
            return 2;
        }
    };
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    let result = match words[..] {
        _ if args.has("--help") => streams.out.write_all(HELP.as_bytes()).map_err(|e| Problem::new("output.write", e.to_string(), "an open output")),
        ["train"] => train::train(&args, &mut streams),
        ["update"] => train::update(&args, &mut streams),
        ["eval"] => train::eval(&args, &mut streams),
        ["predict"] => predict::predict(&args, &mut streams),
        ["faq", "index"] => train::faq_index(&args, &mut streams),
        ["faq", "eval"] => train::faq_eval(&args, &mut streams),
        ["faq", "ask"] => predict::faq_ask(&args, &mut streams),
        ["recalibrate"] => learn::recalibrate(&args, &mut streams),
        ["compare"] => learn::compare(&args, &mut streams),
        ["queue"] => learn::queue(&args, &mut streams),
        ["curve"] => curve::curve(&args, &mut streams),
        ["extract"] => text::extract(&args, &mut streams),
        ["mood"] => text::mood(&mut streams),
        ["language"] => text::language(&mut streams),
        ["phrases"] => text::phrases(&args, &mut streams),
        ["duplicates"] => text::duplicates(&mut streams),
        ["topics"] => text::topics(&args, &mut streams),
        ["similar"] => text::similar(&args, &mut streams),
        ["model", "add", file] => model::add(&args, file, &mut streams),
        ["model", "list"] => model::list(&args, &mut streams, false),
        ["model", "check"] => model::list(&args, &mut streams, true),
        ["trial"] => trial::run(&args, &mut streams),
        ["bench"] => bench::bench(&args, &mut streams),
        _ => {
            let _ = write!(streams.err, "{HELP}");
            return 2;
        }
    };
    match result {
        Ok(()) => 0,
        Err(problem) => {
            let _ = writeln!(streams.err, "{problem}");
            if problem.code.starts_with("args.") { 2 } else { 1 }
        }
    }
}
