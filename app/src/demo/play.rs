//! Plays the story: mails come in, the product works, people act through the API, customers answer surveys.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value as Json, json};
use shouwen_contracts::casework::CaseEvent;
use shouwen_email::{RawMail, Source, Taken};
use shouwen_kernel::{CaseId, Clock, CustomerId, ManualClock, MessageId, PersonId, Problem, Result, TeamId, Time};
use shouwen_mail::{Address, Outgoing, OutgoingFile, compose};
use shouwen_store::Position;

use super::house::{House, ask, raw};
use super::people::{Firm, Staff, made_up_name};
use super::story::{Chance, Matter, Step, after_life, after_work};
use super::texts::COMMENTS;

/// Seconds that are played together.
const WINDOW_S: i64 = 1200;

/// Figures of a run.
#[derive(Debug, Default)]
pub struct Tally {
    pub cases: usize,
    pub mails: usize,
    pub deeds: usize,
    pub surveys: usize,
    pub answers: usize,
    /// What the product refused; none is expected.
    pub refused: Vec<String>,
}

/// An answer to a survey that will be given.
struct Vote {
    token: String,
    score: usize,
    comment: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Matter(usize),
    Vote(usize),
}

/// The play.
pub struct Play<'a> {
    house: &'a House,
    clock: Arc<ManualClock>,
    pub firm: Firm,
    pub matters: Vec<Matter>,
    chance: Chance,
    queue: BinaryHeap<Reverse<(Time, Due)>>,
    votes: Vec<Vote>,
    log: Position,
    by_message: HashMap<MessageId, usize>,
    by_case: HashMap<CaseId, usize>,
    staff: HashMap<PersonId, Staff>,
    teams: HashMap<TeamId, usize>,
    pub customers: Vec<CustomerId>,
    pub tally: Tally,
}

impl<'a> Play<'a> {
    pub fn new(house: &'a House, clock: Arc<ManualClock>, firm: Firm, mut matters: Vec<Matter>, seed: u64) -> Result<Self> {
        let log = house.db.read_blocking(|tx| tx.log_head())?;
        let staff = firm.teams.iter().flat_map(|t| t.agents.iter().chain([&t.lead])).map(|s| (s.id, s.clone())).collect();
        let teams = firm.teams.iter().enumerate().map(|(i, t)| (t.id, i)).collect();
        for matter in &mut matters {
            matter.team = super::people::INBOXES[matter.inbox].2;
        }
        let queue = matters.iter().enumerate().map(|(i, m)| Reverse((m.at, Due::Matter(i)))).collect();
        Ok(Self { house, clock, firm, matters, chance: Chance::seeded(seed ^ 0xABCD), queue, votes: Vec::new(), log, by_message: HashMap::new(), by_case: HashMap::new(), staff, teams, customers: Vec::new(), tally: Tally::default() })
    }

    /// Plays until `end`; `progress` hears the instant reached.
    pub fn run(&mut self, end: Time, progress: &mut dyn FnMut(Time, usize)) -> Result<()> {
        loop {
            let timer = self.house.db.read_blocking(|tx| tx.next_timer())?;
            let next = self.queue.peek().map(|r| r.0.0);
            let Some(at) = next.into_iter().chain(timer.map(|t| t.max(self.clock.now().plus_seconds(WINDOW_S)))).min() else { break };
            if at >= end {
                break;
            }
            let at = at.max(self.clock.now().plus_seconds(1));
            let mut due = Vec::new();
            while let Some(Reverse((when, what))) = self.queue.peek().copied() {
                if when > at.plus_seconds(WINDOW_S) || when >= end {
                    break;
                }
                self.queue.pop();
                due.push((when, what));
            }
            self.clock.set(due.last().map_or(at, |last| last.0.max(at)));
            self.window(&due)?;
            progress(self.clock.now(), self.tally.cases);
        }
        self.clock.set(end.max(self.clock.now()));
        self.settle()
    }

    fn window(&mut self, due: &[(Time, Due)]) -> Result<()> {
        let mut mails = Vec::new();
        let mut deeds = Vec::new();
        for (when, what) in due {
            match *what {
                Due::Vote(i) => self.vote(i)?,
                Due::Matter(i) if self.matters[i].steps.front().is_some_and(|s| s.1.is_mail()) => mails.push((*when, i)),
                Due::Matter(i) => deeds.push(i),
            }
        }
        if !mails.is_empty() {
            self.deliver(&mails)?;
        }
        self.settle()?;
        if !deeds.is_empty() {
            self.act(&deeds)?;
            self.settle()?;
        }
        Ok(())
    }

    /// The background, and what can be learned from the log afterwards.
    fn settle(&mut self) -> Result<()> {
        for text in self.house.turn()? {
            self.tally.surveys += 1;
            let Some(token) = text.split("/s/").nth(1).and_then(|rest| rest.split('?').next()).map(str::to_owned) else { continue };
            if !self.chance.percent(46) {
                continue;
            }
            let score = *self.chance.pick(&[5, 5, 5, 5, 5, 5, 5, 4, 4, 4, 4, 3, 2, 1, 5, 5]);
            let comment = if self.chance.percent(38) { (*self.chance.pick(COMMENTS[match score { 1 | 2 => 0, 3 => 1, _ => 2 }])).to_owned() } else { String::new() };
            let wait = 0.2 + self.chance.below(300) as f64 / 10.0;
            self.votes.push(Vote { token, score, comment });
            self.queue.push(Reverse((after_life(self.clock.now(), wait), Due::Vote(self.votes.len() - 1))));
        }
        loop {
            let from = self.log;
            let events = self.house.db.read_blocking(move |tx| tx.events_after(from, 1000))?;
            let Some(last) = events.last() else { return Ok(()) };
            self.log = last.position;
            for event in &events {
                if let Some(event) = event.event::<CaseEvent>()? {
                    self.learn(event);
                }
            }
        }
    }

    fn learn(&mut self, event: CaseEvent) {
        match event {
            CaseEvent::Opened(o) => {
                self.tally.cases += 1;
                self.customers.extend(o.customer_id);
            }
            CaseEvent::MessageAdded(m) => {
                if let Some(i) = self.by_message.remove(&m.message_id) {
                    self.matters[i].case = Some(m.case_id);
                    self.by_case.insert(m.case_id, i);
                }
            }
            CaseEvent::Assigned(a) => {
                if let Some(i) = self.by_case.get(&a.case_id) {
                    self.matters[*i].assignee = a.to_person;
                    if let Some(team) = a.to_team.and_then(|t| self.teams.get(&t)) {
                        self.matters[*i].team = *team;
                    }
                }
            }
            CaseEvent::StageChanged(s) => self.ended(s.case_id, s.to_status == "resolved" || s.to_status == "closed"),
            CaseEvent::Closed(c) => self.ended(c.case_id, true),
            CaseEvent::Reopened(r) => self.ended(r.case_id, false),
            CaseEvent::Merged(m) => self.ended(m.case_id, true),
            _ => {}
        }
    }

    fn ended(&mut self, case: CaseId, ended: bool) {
        if let Some(i) = self.by_case.get(&case) {
            self.matters[*i].ended = ended;
        }
    }

    /// Mails arrive, each as bytes, and go through the channel.
    fn deliver(&mut self, due: &[(Time, usize)]) -> Result<()> {
        for (when, i) in due {
            let matter = &mut self.matters[*i];
            let Some((_, Step::Mail(text))) = matter.steps.pop_front() else { continue };
            let (inbox, address) = self.firm.inboxes[matter.inbox].clone();
            let wire = |n: usize| format!("{i}.{n}.{}@mail.example", self.firm.workspace.0.simple());
            let name = if matter.topic.english { format!("Guest {}", matter.customer) } else { made_up_name(matter.customer % 320) };
            let mut mail = Outgoing::new(Address { name, address: format!("customer{:03}@{}.example", matter.customer, if matter.topic.english { "guest" } else { "kehu" }) }, wire(matter.mails), when.to_jiff());
            mail.to = vec![Address { name: String::new(), address }];
            mail.subject = if matter.mails == 0 { matter.subject.to_owned() } else { format!("Re: {}", matter.subject) };
            if matter.mails > 0 {
                mail.references = (0..matter.mails).map(wire).collect();
                mail.in_reply_to = mail.references.last().cloned();
            }
            if text.contains("截图") {
                mail.files.push(OutgoingFile { name: "测速截图.png".into(), content_type: "image/png".into(), bytes: PIXEL.to_vec(), content_id: None });
            }
            mail.text = text;
            matter.mails += 1;
            let raw = RawMail { bytes: compose(&mail)?, source: Source::Imap, place: None, received_at: Some(*when) };
            for taken in shouwen_email::intake_blocking(&self.house.db, inbox, &[raw])? {
                if let Taken::Stored(id) = taken {
                    self.by_message.insert(id, *i);
                }
            }
            self.tally.mails += 1;
            self.next(*i);
        }
        shouwen_email::drain_blocking(&self.house.db, None).map(|_| ())
    }

    /// Puts the matter's next step into the queue.
    fn next(&mut self, i: usize) {
        let matter = &self.matters[i];
        let Some((wait, step)) = matter.steps.front() else { return };
        let now = self.clock.now();
        let at = if step.is_mail() { after_life(now, *wait) } else { after_work(now, *wait, matter.weekend) };
        self.queue.push(Reverse((at, Due::Matter(i))));
    }

    /// People act, each on another case, at the same time.
    fn act(&mut self, due: &[usize]) -> Result<()> {
        let mut running = tokio::task::JoinSet::new();
        for i in due {
            let Some((_, step)) = self.matters[*i].steps.pop_front() else { continue };
            let matter = &self.matters[*i];
            let Some(case) = matter.case else {
                self.tally.refused.push(format!("matter {i} has no case"));
                continue;
            };
            let team = &self.firm.teams[matter.team];
            let who = matter.assignee.and_then(|p| self.staff.get(&p)).unwrap_or(&team.agents[i % 4]).clone();
            let deed = match step {
                Step::Duplicate { of } => {
                    let other = &self.matters[of];
                    match other.case.filter(|o| *o != case && !other.ended && other.team == matter.team) {
                        Some(into) => Deed::Merge(into),
                        None => Deed::Step(Step::Close { code: "duplicate" }),
                    }
                }
                Step::Transfer { team } => Deed::Transfer(self.firm.teams[team].id),
                other => Deed::Step(other),
            };
            let (router, lead) = (self.house.router.clone(), team.lead.id);
            self.tally.deeds += 1;
            running.spawn_on(async move { do_it(router, who, lead, case, deed).await }, self.house.runtime.handle());
        }
        let refused = &mut self.tally.refused;
        self.house.runtime.block_on(async {
            while let Some(done) = running.join_next().await {
                match done {
                    Ok(Err(problem)) if !["case.already_closed", "case.merged"].iter().any(|code| problem.message.contains(code)) => refused.push(problem.message),
                    Err(panic) => refused.push(panic.to_string()),
                    _ => {}
                }
            }
        });
        due.iter().for_each(|i| self.next(*i));
        Ok(())
    }

    /// A customer answers through the public page.
    fn vote(&mut self, i: usize) -> Result<()> {
        let vote = &self.votes[i];
        let comment: String = vote.comment.bytes().map(|b| format!("%{b:02X}")).collect();
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/s/{}", vote.token))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(format!("score={}&comment={comment}", vote.score)))
            .map_err(Problem::internal)?;
        match self.house.runtime.block_on(raw(self.house.router.clone(), request, "survey")) {
            Ok(_) => self.tally.answers += 1,
            Err(problem) => self.tally.refused.push(problem.message),
        }
        Ok(())
    }
}

/// A one-pixel picture.
const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

enum Deed {
    Step(Step),
    Transfer(TeamId),
    Merge(CaseId),
}

async fn do_it(router: axum::Router, who: Staff, lead: PersonId, case: CaseId, deed: Deed) -> Result<Json> {
    let send = |method: Method, path: String, body: Json| {
        let (router, token) = (router.clone(), who.token.clone());
        async move { ask(router, &token, method, &path, body).await }
    };
    match deed {
        Deed::Transfer(team) => send(Method::PUT, format!("/cases/{case}/assignment"), json!({ "team_id": team, "person_id": null, "reason": "需专业班组处理" })).await,
        Deed::Merge(into) => send(Method::POST, format!("/cases/{case}/merge"), json!({ "into": into })).await,
        Deed::Step(Step::Triage { kind, priority, tag }) => {
            let seen = send(Method::GET, format!("/cases/{case}"), Json::Null).await?;
            let mut change = json!({ "version": seen["version"], "type": kind, "priority": priority });
            if kind == "complaint" {
                change["fields"] = json!({ "demand": format!("尽快处理：{tag}"), "severity": if priority == "urgent" { "critical" } else { "minor" } });
            }
            send(Method::PATCH, format!("/cases/{case}"), change).await?;
            let escaped: String = tag.bytes().map(|b| format!("%{b:02X}")).collect();
            send(Method::PUT, format!("/cases/{case}/tags/{escaped}"), Json::Null).await
        }
        Deed::Step(Step::Reply { text, then }) => {
            let mut body = json!({ "kind": "reply", "text": text, "undo_seconds": 0 });
            // Only where nothing else verifies an end, an answer is one.
            let ends = matches!(then, Some("close" | "resolve"));
            let verified = ends && needs_verification(&send(Method::GET, format!("/cases/{case}"), Json::Null).await?);
            if let Some(then) = then.filter(|_| !verified) {
                body["then"] = json!(then);
            }
            send(Method::POST, format!("/cases/{case}/messages"), body).await?;
            if verified {
                to_the_end(&send, case, "solved").await?;
            }
            send(Method::PUT, format!("/desk/read/{case}"), Json::Null).await
        }
        Deed::Step(Step::Note { text, mention }) => {
            let mentions: Vec<PersonId> = if mention { vec![lead] } else { Vec::new() };
            send(Method::POST, format!("/cases/{case}/messages"), json!({ "kind": "note", "text": text, "mentions": mentions })).await
        }
        Deed::Step(Step::Close { code }) => {
            if needs_verification(&send(Method::GET, format!("/cases/{case}"), Json::Null).await?) {
                return to_the_end(&send, case, code).await;
            }
            send(Method::POST, format!("/cases/{case}/closure"), json!({ "resolution": { "code": code } })).await
        }
        Deed::Step(Step::Mail(_) | Step::Transfer { .. } | Step::Duplicate { .. }) => Ok(Json::Null),
    }
}

fn needs_verification(case: &Json) -> bool {
    case["verification"]["needed"] == true
}

/// Brings a case through the stages of its type to a verified end: calls the customer back. Where it cannot go on
/// without others (a review, a field nobody filled) it stays, as it would in a real house.
async fn to_the_end<F: Future<Output = Result<Json>>>(send: &impl Fn(Method, String, Json) -> F, case: CaseId, code: &str) -> Result<Json> {
    let end = json!({ "resolution": { "code": code }, "verification": { "way": "callback", "text": "回访：客户确认已解决" } });
    let mut visited: Vec<String> = Vec::new();
    for _ in 0..6 {
        if let Ok(done) = send(Method::POST, format!("/cases/{case}/closure"), end.clone()).await {
            return Ok(done);
        }
        let moves = send(Method::GET, format!("/cases/{case}/moves"), Json::Null).await?;
        let open: Vec<(&str, &str)> = moves
            .as_array()
            .into_iter()
            .flatten()
            .filter(|m| m["allowed"] == true)
            .filter_map(|m| Some((m["stage"].as_str()?, m["status"].as_str()?)))
            .filter(|(stage, _)| !visited.iter().any(|v| v == stage) && *stage != "reviewing")
            .collect();
        let Some((stage, _)) = open.iter().find(|m| m.1 == "resolved").or(open.iter().find(|m| m.1 == "open")) else { break };
        visited.push((*stage).to_owned());
        send(Method::PUT, format!("/cases/{case}/stage"), json!({ "stage": stage })).await?;
    }
    Ok(Json::Null)
}
