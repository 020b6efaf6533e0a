//! The help texts.

/// The help of a command, or of all.
pub(super) fn text(command: Option<&str>) -> String {
    let first = match command {
        Some("due") => DUE,
        Some("elapsed") => ELAPSED,
        Some("subtract") => SUBTRACT,
        Some("open") => OPEN,
        Some("check") => CHECK,
        _ => return format!("{ALL}{VALUES}{CODES}"),
    };
    format!("{first}{VALUES}{CODES}")
}

const ALL: &str = "\
shouwen worktime: deadlines and elapsed time in working time (工作时间：时限与已用时长)

Usage:
  shouwen worktime due      --calendar FILE --start T --budget B [--pause A..B]... [--json]
  shouwen worktime elapsed  --calendar FILE --start T --end T    [--pause A..B]... [--json]
  shouwen worktime subtract --calendar FILE --end T --budget B   [--pause A..B]... [--json]
  shouwen worktime open     --calendar FILE --at T [--json]
  shouwen worktime check    --calendar FILE [--json]
  shouwen worktime [due|elapsed] --calendar FILE --batch FILE.jsonl

Commands:
  due       when the budget is used up          → {\"due\":\"2026-10-08T11:00:00+08:00\"}
  elapsed   working time between two instants   → {\"seconds\":5400}; negative when --end is before --start
  subtract  when work must begin at the latest  → {\"start\":\"…\"}
  open      whether it is working time          → {\"open\":false,\"next_open\":\"…\"}
  check     reads a calendar and says everything that is wrong with it; --json prints it as data

Examples:
  shouwen worktime due --calendar desk.toml --start 2026-09-30T16:00:00+08:00 --budget 4h --json
  shouwen worktime due --calendar desk.toml --start 2026-09-30T16:00:00+08:00 --budget 3wd
  shouwen worktime elapsed --calendar desk.toml --start 2026-09-30T16:00:00+08:00 --end 2026-10-08T10:00:00+08:00 \\
      --pause 2026-09-30T16:30:00+08:00..2026-09-30T17:00:00+08:00 --json
  echo '{\"op\":\"due\",\"start\":\"2026-09-30T08:00:00Z\",\"budget\":\"4h\",\"pauses\":[]}' | shouwen worktime --calendar desk.toml --batch -
";

const DUE: &str = "\
shouwen worktime due: when a budget of working time is used up (时限到期时刻)

Usage:
  shouwen worktime due --calendar FILE --start T --budget B [--pause A..B]... [--json]

A budget used up exactly at closing is due at closing. A budget of nothing is due at once in working time,
else at the next opening. While a pause still goes on the answer may be none: {\"due\":null}.

Example:
  shouwen worktime due --calendar desk.toml --start 2026-09-30T16:00:00+08:00 --budget 4h --json
  {\"due\":\"2026-10-08T11:00:00+08:00\"}
";

const ELAPSED: &str = "\
shouwen worktime elapsed: working time between two instants (已用工作时间)

Usage:
  shouwen worktime elapsed --calendar FILE --start T --end T [--pause A..B]... [--json]

Negative when --end is before --start. Seconds are real seconds, also on days the clocks change.

Example:
  shouwen worktime elapsed --calendar desk.toml --start 2026-09-30T16:00:00+08:00 --end 2026-10-08T10:00:00+08:00 --json
  {\"seconds\":10800}
";

const SUBTRACT: &str = "\
shouwen worktime subtract: when work must begin at the latest to be done by --end (倒推开始时刻)

Usage:
  shouwen worktime subtract --calendar FILE --end T --budget B [--pause A..B]... [--json]

Example:
  shouwen worktime subtract --calendar desk.toml --end 2026-10-08T11:00:00+08:00 --budget 4h --json
  {\"start\":\"2026-09-30T16:00:00+08:00\"}
";

const OPEN: &str = "\
shouwen worktime open: whether an instant is working time (是否在工作时间)

Usage:
  shouwen worktime open --calendar FILE --at T [--json]

Example:
  shouwen worktime open --calendar desk.toml --at 2026-10-01T10:00:00+08:00 --json
  {\"next_open\":\"2026-10-08T09:00:00+08:00\",\"open\":false}
";

const CHECK: &str = "\
shouwen worktime check: reads a calendar and says everything that is wrong with it (检查工作日历)

Usage:
  shouwen worktime check --calendar FILE [--json]

Example:
  shouwen worktime check --calendar desk.toml
";

const VALUES: &str = "
Values:
  --calendar FILE  a calendar file (TOML): timezone, [week], [days], holidays. Holiday files are looked for beside
                   it; cn-2024.json, cn-2025.json and cn-2026.json (China, with make-up days) are built in.
                   A calendar file of a pack serves as well: packs/base/calendars/office.toml
  --pack DIR       the folder of a pack, or the key of a shipped one; then --calendar is the key of one of its calendars, or of
                   one of a pack it requires: --pack packs/base --calendar office, --pack dealer --calendar office
  T                an instant with its offset, 2026-10-01T10:00:00+08:00 or 2026-10-01T02:00:00Z, 1800 to 2399
  B                120s, 90m, 72h, 1h30m; 3wd = the end of the 3rd working day after the start day
  --pause A..B     the clock stands still from A to B; \"A..\" still goes on; may be repeated
  --json           one JSON object instead of text
  --batch FILE     one question a line as JSON, - for standard input; one answer a line in the same order,
                   {\"error\":\"…\"} where there is none; blank lines are skipped

Instants are printed in RFC 3339 with the offset of the calendar's time zone.
";

const CODES: &str = "
Exit codes:
  0  answered (a batch: every line has its answer, right or wrong)
  1  understood, but there is no answer before the year 2400, or the output could not be written
  2  the command line, the calendar or a value is wrong; the message says what would be right
";
