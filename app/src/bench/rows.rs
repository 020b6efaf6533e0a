//! The rows of one synthetic case in every table that shows it.

use std::collections::{BTreeMap, HashMap};

use serde_json::json;
use shouwen_contracts::Event;
use shouwen_contracts::casework::{Assigned, CaseEvent, Closed, Opened};
use shouwen_kernel::{Access, Actor, CaseId, ConversationId, CustomerId, IdentityId, MessageId, ObjectId, OrgUnitId, PersonId, Result, TeamId, Time, WorkspaceId, text};
use shouwen_metrics::Spread;
use shouwen_search::{Doc, Kind, Visibility};
use shouwen_store::{Json, Tx, params};
use uuid::Uuid;

use super::generate::{Searched, instant, texts};
use crate::demo::people::made_up_name;
use crate::demo::texts::TOPICS;

/// Teams with their unit and people.
pub struct Roster {
    pub teams: Vec<(TeamId, OrgUnitId, Vec<PersonId>)>,
}

type Key = (&'static str, bool, i64, Uuid, Uuid, Uuid, &'static str);

/// Roll-ups of the board, gathered in memory.
#[derive(Default)]
pub struct RollUps {
    days: HashMap<Key, (i64, i64, i64, Spread)>,
}

impl RollUps {
    fn add(&mut self, points: &'static str, day: i64, who: (Uuid, Uuid, Uuid), numerator: i64, denominator: i64, value: Option<i64>) {
        let none = Uuid::nil();
        for key in [(points, false, day, who.0, who.1, who.2, "email"), (points, true, day, none, none, none, "")] {
            let sum = self.days.entry(key).or_default();
            (sum.0, sum.1, sum.2) = (sum.0 + numerator, sum.1 + denominator, sum.2 + 1);
            if let Some(value) = value {
                sum.3.add(value, 1);
            }
        }
    }

    /// Takes another's figures in.
    pub fn join(&mut self, other: Self) {
        for (key, (a, b, n, spread)) in other.days {
            let sum = self.days.entry(key).or_default();
            (sum.0, sum.1, sum.2) = (sum.0 + a, sum.1 + b, sum.2 + n);
            sum.3.join(&spread);
        }
    }

    /// Writes them.
    pub fn write(&self, tx: &Tx<'_>, workspace: WorkspaceId) -> Result<()> {
        for ((points, total, day, team, unit, person, channel), (numerator, denominator, n, spread)) in &self.days {
            let found: Option<(Option<Vec<u8>>,)> = tx.opt(
                "SELECT spread FROM insight_day WHERE workspace_id = ?1 AND points = ?2 AND total = ?3 AND day = ?4 AND team_id = ?5 AND org_unit_id = ?6 AND person_id = ?7 AND channel = ?8",
                params![workspace, points, total, day, team, unit, person, channel],
            )?;
            let mut spread = spread.clone();
            if let Some(known) = found.and_then(|row| row.0).and_then(|bytes| Spread::from_bytes(&bytes)) {
                spread.join(&known);
            }
            let bytes = Some(spread.to_bytes()).filter(|bytes| !bytes.is_empty());
            tx.run(
                "INSERT INTO insight_day (workspace_id, points, total, day, team_id, org_unit_id, person_id, channel, numerator, denominator, n, spread) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
                 ON CONFLICT (workspace_id, points, total, day, team_id, org_unit_id, person_id, channel)
                 DO UPDATE SET numerator = insight_day.numerator + ?9, denominator = insight_day.denominator + ?10, n = insight_day.n + ?11, spread = COALESCE(?12, insight_day.spread)",
                params![workspace, points, total, day, team, unit, person, channel, numerator, denominator, n, bytes],
            )?;
        }
        Ok(())
    }
}

/// A transaction's worth of cases.
pub struct Batch<'a, 't> {
    tx: &'a Tx<'t>,
    roster: &'a Roster,
    workspace: WorkspaceId,
    end: Time,
    of: usize,
    messages: usize,
    customer: Option<Customer>,
    docs: Vec<Searched>,
    sums: RollUps,
    rows: u64,
}

#[derive(Clone)]
struct Customer {
    id: CustomerId,
    name: String,
    sealed: String,
    index: String,
}

/// A number that looks random and depends on `n` alone.
fn mix(n: u64) -> u64 {
    let z = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z ^ (z >> 31)
}

/// The local date in Shanghai as yyyymmdd.
fn day(at: Time) -> i64 {
    let date = at.plus_seconds(8 * 3600).to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
    i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day())
}

/// Names no blob: the row itself holds all the text.
const NO_BLOB: &str = "0000000000000000000000000000000000000000000000000000000000000000";

impl<'a, 't> Batch<'a, 't> {
    pub fn new(tx: &'a Tx<'t>, roster: &'a Roster, workspace: WorkspaceId, end: Time, of: usize, messages: usize) -> Self {
        Self { tx, roster, workspace, end, of, messages, customer: None, docs: Vec::new(), sums: RollUps::default(), rows: 0 }
    }

    /// Rows written, texts for the search, figures for the board.
    pub fn finish(self) -> (u64, Vec<Searched>, RollUps) {
        (self.rows, self.docs, self.sums)
    }

    fn put(&mut self, sql: &str, values: &[shouwen_store::Value]) -> Result<()> {
        self.rows += self.tx.execute(sql, values)?;
        Ok(())
    }

    fn id<T: From<Uuid>>(&self, at: Time) -> T {
        T::from(self.tx.ids().uuid(at))
    }

    fn customer(&mut self, n: usize, at: Time) -> Result<Customer> {
        let name = format!("{}{}", made_up_name(n % 320), n / 4);
        let address = format!("customer{}@kehu.example", n / 4);
        let keys = self.tx.keys();
        let known = Customer { id: self.id(at), name, sealed: keys.seal_address(self.tx.ids(), &address)?, index: keys.email_index(&address) };
        let ws = self.workspace;
        self.put(
            "INSERT INTO customer_record (id, workspace_id, name, named, kind, language, home_id, notes, tags, created_at, updated_at, version) VALUES (?1, ?2, ?3, TRUE, 'person', 'zh', ?1, '', ?4, ?5, ?5, 1)",
            params![known.id, ws, known.name, texts(&[]), at],
        )?;
        // The address may be there from an earlier run; then this record stays without one.
        self.put(
            "INSERT INTO customer_identity (id, workspace_id, customer_id, kind, blind, sealed, masked, verified, is_primary, created_at) VALUES (?1, ?2, ?3, 'email', ?4, ?5, ?6, TRUE, TRUE, ?7) ON CONFLICT DO NOTHING",
            params![self.id::<IdentityId>(at), ws, known.id, known.index, known.sealed, shouwen_crypt::mask_email(&address), at],
        )?;
        self.put("INSERT INTO customer_name (workspace_id, key, customer_id) VALUES (?1, ?2, ?3)", params![ws, known.name, known.id])?;
        self.put("INSERT INTO case_customer (id, workspace_id, name, language) VALUES (?1, ?2, ?3, 'zh')", params![known.id, ws, known.name])?;
        Ok(known)
    }

    /// Case number `n` of the run.
    pub fn case(&mut self, n: usize) -> Result<()> {
        let chance = mix(n as u64);
        let at = instant(self.end, n, self.of);
        let customer = match self.customer.clone().filter(|_| n % 4 != 0) {
            Some(same) => same,
            None => self.customer(n, at)?,
        };
        self.customer = Some(customer.clone());
        let topic = &TOPICS[(chance % TOPICS.len() as u64) as usize];
        let (subject, ask) = topic.asks[(chance >> 8) as usize % topic.asks.len()];
        let (team, unit, people) = &self.roster.teams[(chance >> 16) as usize % self.roster.teams.len()];
        let (team, unit) = (*team, *unit);
        let worker = people[(chance >> 24) as usize % people.len()];
        // Of the newest twelfth of the year every third is still open.
        let open = n * 12 > self.of * 11 && chance.is_multiple_of(3);
        let waiting = open && (chance >> 5).is_multiple_of(4);
        let unassigned = open && (chance >> 6).is_multiple_of(9);
        let status = if waiting { "waiting" } else if open { "open" } else { "closed" };
        let stage = match status { "waiting" => "waiting_customer", "open" => "handling", _ => "archived" };
        let priority = ["normal", "normal", "normal", "normal", "high", "low", "normal", "urgent"][(chance >> 32) as usize % 8];
        let rank: i64 = match priority { "urgent" => 0, "high" => 1, "normal" => 2, _ => 3 };
        let language = if topic.english { "en" } else { "zh" };
        let number = self.number(at)?;
        let title = format!("{subject} {}", 1_000_000 + n);
        let tags = [topic.tag];
        let assignee = (!unassigned).then_some(worker);
        let (case, conversation): (CaseId, ConversationId) = (self.id(at), self.id(at));
        let ws = self.workspace;
        // Messages over up to two days.
        let count = (self.messages / 2 + (chance >> 40) as usize % self.messages.max(1)).max(1);
        let gap = 60_000_000 + ((chance >> 44) % 3600) as i64 * 1_000_000 * 10 / count as i64;
        let last = at.plus_micros(gap * (count as i64 - 1)).min(self.end);
        let closed = (!open).then(|| last.plus_seconds(600).min(self.end));
        let first_response = (count > 1).then(|| at.plus_micros(gap));
        let updated = closed.unwrap_or(last);
        self.put(
            "INSERT INTO case_case (id, workspace_id, number, case_type, title, stage, status, priority, tags, fields, field_versions, language, channel, customer_id, customer_name, org_unit_id, team_id,
               assignee_id, accountable_id, opened_at, updated_at, first_response_at, last_in_at, closed_at, closed_by, resolution_code)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, 'email', ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)",
            params![
                case, ws, number, topic.kind, title, stage, status, priority, texts(&tags), json!({}), language, customer.id, customer.name, unit, team, assignee, worker, at, updated, first_response, at, closed,
                closed.map(|_| worker), closed.map(|_| "solved")
            ],
        )?;
        self.put("INSERT INTO case_conversation (id, workspace_id, case_id, channel, subject, created_at) VALUES (?1, ?2, ?3, 'email', ?4, ?5)", params![conversation, ws, case, subject, at])?;
        self.put(
            "INSERT INTO case_participant (id, workspace_id, conversation_id, name, address, address_index, customer_id, role, verified, joined_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'customer', TRUE, ?8)",
            params![self.id::<ObjectId>(at), ws, conversation, customer.name, customer.sealed, customer.index, customer.id, at],
        )?;
        let party = json!({ "name": customer.name, "address": customer.sealed, "index": customer.index });
        let mut preview = String::new();
        let mut last_author = String::new();
        let mut inbound = true;
        for m in 0..count {
            inbound = m % 2 == 0;
            let said = if m == 0 { ask } else if inbound { topic.adds[m % topic.adds.len()] } else { topic.answers[m % topic.answers.len()] };
            let body = format!("{said}（{}-{m}）", 1_000_000 + n);
            let when = at.plus_micros(gap * m as i64).min(self.end);
            let id: MessageId = self.id(when);
            last_author = if inbound { customer.name.clone() } else { format!("Synthetic {}", chance % 40) };
            let parties = if inbound { json!({ "from": party }) } else { json!({ "to": [party] }) };
            self.put(
                "INSERT INTO case_message (id, workspace_id, case_id, conversation_id, direction, author_kind, author_id, author_name, at, subject, text, facts, parties, content, state, verified, added_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, TRUE, ?9)",
                params![
                    id, ws, case, conversation, if inbound { "in" } else { "out" }, if inbound { "customer" } else { "person" }, if inbound { customer.id.0 } else { worker.0 }, last_author, when, subject, body,
                    json!({}), parties, NO_BLOB, if inbound { "received" } else { "sent" }
                ],
            )?;
            preview = text::clip(&body, 199);
            self.docs.push(Searched::Put(Doc { key: id.to_string(), kind: Kind::Message, case_id: case.to_string(), workspace: ws.to_string(), title: subject.to_owned(), body: format!("{last_author} {body}"), number: String::new(), at: when.seconds() }));
        }
        let due = open.then(|| at.plus_seconds(86_400 * (1 + (chance >> 50) as i64 % 20)));
        let clocks = due.filter(|_| !waiting).map_or_else(BTreeMap::new, |due| BTreeMap::from([("resolution", json!({ "due_at": due, "warn_at": due.plus_seconds(-7200), "state": "running" }))]));
        self.put(
            "INSERT INTO desk_case (case_id, workspace_id, number, title, case_type, stage, status, active, priority, rank, channel, language, customer_id, customer_name, org_unit_id, team_id, assignee_id,
               accountable_id, tags, opened_at, updated_at, last_in_at, last_at, last_direction, last_author, last_preview, messages, clocks, clock_kind, clock_state, warn_at, due_at, due_sort, breached, closed_at, merged, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'email', ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, FALSE, 1)",
            params![
                case, ws, number, title, topic.kind, stage, status, open, priority, rank, language, customer.id, customer.name, unit, team, assignee, worker, texts(&tags), at, updated, at, last,
                if inbound { "in" } else { "out" }, last_author, preview, count as i64, Json(&clocks), due.map(|_| "resolution"), due.map(|_| if waiting { "paused" } else { "running" }),
                due.map(|d| d.plus_seconds(-7200)), due, due.map_or(i64::MAX, Time::micros), due.is_some_and(|d| d < self.end), closed
            ],
        )?;
        self.put("INSERT INTO desk_tag (case_id, tag) VALUES (?1, ?2)", params![case, topic.tag])?;
        self.put(
            "INSERT INTO customer_case (case_id, workspace_id, customer_id, root_id, team_id, org_unit_id, assignee_id, accountable_id) VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7)",
            params![case, ws, customer.id, team, unit, assignee, worker],
        )?;
        self.put(
            "INSERT INTO routing_case (case_id, workspace_id, open, team_id, org_unit_id, assignee_id, language, tags, opened_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![case, ws, open, team, unit, assignee, language, texts(&tags), at],
        )?;
        let opened = Opened {
            case_id: case, number: number.clone(), case_type: topic.kind.into(), title: title.clone(), priority: priority.into(), stage: "accepted".into(), status: "open".into(), channel: "email".into(), inbox_id: None,
            customer_id: Some(customer.id), customer_name: Some(customer.name.clone()), region: None, tier: None, org_unit_id: Some(unit), team_id: Some(team), assignee_id: None, accountable_id: None,
            tags: vec![topic.tag.into()], language: Some(language.into()), opened_at: at,
        };
        let access = Access { org_unit: Some(unit), team: Some(team), people: vec![worker] };
        self.tell(case, at, &access, opened.into())?;
        if let Some(person) = assignee {
            let assigned = Assigned { case_id: case, from_person: None, to_person: Some(person), from_team: Some(team), to_team: Some(team), org_unit_id: Some(unit), reason: "synthetic".into(), by: "routing".into() };
            self.tell(case, at, &access, assigned.into())?;
        }
        if let Some(end) = closed {
            self.tell(case, end, &access, Closed { case_id: case, resolution: "solved".into(), text: None, by: Some(worker), at: end, conversation_id: Some(conversation), ask: false }.into())?;
        }
        self.figures(case, (&number, &title), (team.0, unit.0, worker.0), at, first_response, closed, chance, gap)?;
        let who = Visibility { org_unit: Some(unit.to_string()), team: Some(team.to_string()), people: vec![worker.to_string()] };
        self.docs.push(Searched::Scope(ws.to_string(), case.to_string(), who));
        self.docs.push(Searched::Put(Doc { key: case.to_string(), kind: Kind::Case, case_id: case.to_string(), workspace: ws.to_string(), title, body: format!("{} {}", customer.name, topic.tag), number, at: at.seconds() }));
        Ok(())
    }

    fn number(&mut self, at: Time) -> Result<String> {
        let year = day(at) / 10_000;
        let count = self.tx.next_number(self.workspace, &format!("case-{year}"))?;
        Ok(format!("{year}-{count:06}"))
    }

    /// An event with its own instant: the log's door stamps the present.
    fn tell(&mut self, case: CaseId, at: Time, access: &Access, event: CaseEvent) -> Result<()> {
        self.put(
            "INSERT INTO event (workspace_id, at, kind, subject, actor, access, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![self.workspace, at, event.kind(), case, Json(Actor::System { name: "bench".into() }), Json(access), Json(event.payload()?)],
        )
    }

    #[expect(clippy::too_many_arguments)]
    fn figures(&mut self, case: CaseId, named: (&str, &str), who: (Uuid, Uuid, Uuid), at: Time, first: Option<Time>, closed: Option<Time>, chance: u64, gap: i64) -> Result<()> {
        self.put(
            "INSERT INTO insight_case (case_id, workspace_id, number, title, channel, team_id, org_unit_id, person_id, answers, opened_at, merged) VALUES (?1, ?2, ?3, ?4, 'email', ?5, ?6, ?7, 1, ?8, FALSE)",
            params![case, self.workspace, named.0, named.1, who.0, who.1, who.2, at],
        )?;
        self.point(case, "opened", at, who, 1, 1, None, true)?;
        self.point(case, "backlog", at, who, 1, 1, None, false)?;
        if let Some(first) = first {
            self.point(case, "first_response", first, who, 1, 1, Some(gap / 1_000_000), false)?;
            self.point(case, "sla_first_response", first, who, i64::from(gap < 14_400_000_000), 1, None, false)?;
        }
        if let Some(closed) = closed {
            self.point(case, "closed", closed, who, 1, 1, None, true)?;
            self.point(case, "backlog", closed, who, -1, 0, None, false)?;
            self.point(case, "resolution", closed, who, 1, 1, Some((closed.micros() - at.micros()) / 1_000_000), false)?;
            self.point(case, "sla_resolution", closed, who, i64::from(!chance.is_multiple_of(9)), 1, None, false)?;
            self.point(case, "fcr", closed, who, i64::from(chance.is_multiple_of(2)), 1, None, false)?;
            self.point(case, "csat_response_rate", closed, who, i64::from(chance.is_multiple_of(3)), 1, None, false)?;
            if chance.is_multiple_of(3) {
                self.point(case, "csat", closed, who, i64::from(!chance.is_multiple_of(10)), 1, None, true)?;
            }
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments)]
    fn point(&mut self, case: CaseId, points: &'static str, at: Time, who: (Uuid, Uuid, Uuid), numerator: i64, denominator: i64, value: Option<i64>, row: bool) -> Result<()> {
        let day = day(at);
        self.sums.add(points, day, who, numerator, denominator, value);
        if !row {
            return Ok(());
        }
        self.put(
            "INSERT INTO insight_point (case_id, points, slot, workspace_id, day, at, numerator, denominator, value, team_id, org_unit_id, person_id, channel) VALUES (?1, ?2, '', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'email')",
            params![case, points, self.workspace, day, at, numerator, denominator, value, who.0, who.1, who.2],
        )
    }
}
