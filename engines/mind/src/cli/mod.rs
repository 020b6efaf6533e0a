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
use crate::rows::MAX_LINE_BYTES;
use args::Args;
use std::io::{BufRead, Read, Write};

/// What `shouwen mind` prints when asked for help or when it does not know the verb.
pub const HELP: &str = "\
shouwen mind train    --data F [--data F]… [--dev F] --model DIR     label<TAB>text, UTF-8
shouwen mind update   --data F --model DIR [--against DIR]           add rows; --against writes the new model there
shouwen mind eval     --data F --model DIR --json
shouwen mind predict  --model DIR --json [--why] < lines
shouwen mind faq index --data F [--data F]… --model DIR              id<TAB>question[<TAB>answer]
shouwen mind faq eval  --data F --model DIR --json
shouwen mind faq ask   --model DIR --json [--limit 3] < lines
shouwen mind recalibrate --checked F --model DIR [--precision 0.97] [--against DIR]   at least 200 checked queries, label<TAB>text
shouwen mind compare  --model CURRENT --against CANDIDATE --locked F [--queries F]   exit 1 and the reason when it must not be published
shouwen mind queue    --model DIR [--limit 100] < lines              what to have checked next
shouwen mind trial    --data F [--data F]…                           accuracy, precision and coverage on rows and labels kept apart in turn
shouwen mind curve    --start F --pool F --data TEST [--step 100] [--steps 6]        learning curve, chosen against random
shouwen mind extract  [--today YYYY-MM-DD] < lines
shouwen mind mood     < lines                                        sentiment, urgency, signals
shouwen mind language | phrases | duplicates | topics [--limit N] < lines
shouwen mind similar  --data F [--limit 5] < lines                   nearest of the lines in F
shouwen mind model    add FILE | list | check                        sentence encoders (optional)
shouwen mind bench    [--shared DIR] [--quick] [--only SET]          --only: the sets whose name holds this
Common: --tier auto|sparse|semantic, --encoders DIR, --precision 0.95, --threads N
";

/// Bytes of text that are compared with each other at most; all of them stay in memory.
const MOST_INPUT: usize = 1 << 28;

fn unreadable(error: std::io::Error) -> Problem {
    Problem::new("input.read", error.to_string(), "a readable input")
}

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

    /// Calls `work(number, line)` for every line of the input; a line that is not UTF-8, or longer than [`MAX_LINE_BYTES`], comes as the
    /// problem that says where. What is too long is told as soon as it is too long, and its rest is passed over without being kept.
    pub fn each_line(&mut self, mut work: impl FnMut(&mut Self, usize, Result<&str>) -> Result<()>) -> Result<()> {
        let mut raw = Vec::new();
        for number in 1.. {
            raw.clear();
            let Some(ended) = self.line_into(&mut raw)? else { break };
            if raw.len() > MAX_LINE_BYTES {
                let problem = Problem::new("input.line_too_long", format!("a line of more than {MAX_LINE_BYTES} bytes"),
                    format!("at most {MAX_LINE_BYTES} bytes a line")).at("stdin", number, MAX_LINE_BYTES + 1);
                work(self, number, Err(problem))?;
                // Whoever waits for the answer to an endless line gets it now.
                let _ = self.out.flush();
                if !ended {
                    self.pass_over()?;
                }
                continue;
            }
            let bytes = if number == 1 { raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&raw) } else { &raw };
            let line = std::str::from_utf8(bytes).map_err(|e| {
                Problem::new("input.not_utf8", "bytes that are not UTF-8", "UTF-8 text").at("stdin", number, e.valid_up_to() + 1)
            });
            work(self, number, line)?;
        }
        Ok(())
    }

    /// Reads one line without its end, or a little more than [`MAX_LINE_BYTES`] of it. `None`: the input is over; `Some(false)`: no end was seen.
    fn line_into(&mut self, raw: &mut Vec<u8>) -> Result<Option<bool>> {
        let mut bounded = (&mut *self.input).take(MAX_LINE_BYTES as u64 + 2);
        let read = bounded.read_until(b'\n', raw).map_err(unreadable)?;
        if read == 0 {
            return Ok(None);
        }
        let ended = raw.last() == Some(&b'\n');
        // Without an end a carriage return may stand in the middle of a line that goes on.
        while ended && raw.last().is_some_and(|b| *b == b'\n' || *b == b'\r') {
            raw.pop();
        }
        Ok(Some(ended))
    }

    /// Reads to the end of the line, keeping nothing.
    fn pass_over(&mut self) -> Result<()> {
        loop {
            let part = match self.input.fill_buf() {
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                part => part.map_err(unreadable)?,
            };
            let (length, found) = match part.iter().position(|b| *b == b'\n') {
                Some(at) => (at + 1, true),
                None => (part.len(), part.is_empty()),
            };
            self.input.consume(length);
            if found {
                return Ok(());
            }
        }
    }

    /// All lines that are UTF-8 and not blank, up to 256 MiB; others are told on standard error.
    pub fn lines(&mut self) -> Result<Vec<String>> {
        let mut out = Vec::new();
        let mut size = 0usize;
        self.each_line(|streams, number, line| {
            match line {
                Ok(line) if !line.trim().is_empty() => {
                    size += line.len();
                    if size > MOST_INPUT {
                        return Err(Problem::new("input.too_much", format!("more than {MOST_INPUT} bytes of text"),
                            format!("at most {MOST_INPUT} bytes at once; take a sample")).at("stdin", number, 1));
                    }
                    out.push(line.to_string());
                }
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
        [] => {
            let _ = write!(streams.err, "{HELP}");
            return 2;
        }
        _ => {
            let _ = write!(streams.err, "not understood: {}\n\n{HELP}", words.join(" "));
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
