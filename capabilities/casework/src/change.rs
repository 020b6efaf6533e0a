//! The ways a case's head changes, shared by commands, subscriptions, bulk jobs and undo. Each changes the case in
//! memory and tells the log; the caller saves once.

use shouwen_contracts::casework::{Accountable, Assigned, Closed, Reopened, Snoozed, StageChanged};
use shouwen_kernel::{PersonId, Problem, Result, TeamId, Time};
use shouwen_stages::{Stage, Status};
use shouwen_store::{Ctx, Tx, params};

use crate::case::Case;
use crate::gate::Hand;
use crate::{aside, children, gate, hand_over, kinds, names, steps, verified};

/// Who works on it from now on. The outer `None` leaves a side as it is, the inner one clears it.
#[derive(Clone, Debug, Default)]
pub struct Assignment {
    pub person: Option<Option<PersonId>>,
    pub team: Option<Option<TeamId>>,
    pub reason: String,
    /// `person`, `routing`, `undo`, `first_answer`.
    pub by: &'static str,
}

/// How a case is to end.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    /// Resolved or closed.
    pub status: Status,
    /// A resolution of the type; the usual one when absent.
    pub code: Option<&'a str>,
    pub text: Option<&'a str>,
    pub reason: Option<&'a str>,
    /// The very stage to go to.
    pub stage: Option<&'a str>,
    /// Why it ends although work orders are open.
    pub despite_open: Option<&'a str>,
}

impl Ending<'_> {
    /// The usual end.
    pub fn usual(status: Status) -> Self {
        Self { status, code: None, text: None, reason: None, stage: None, despite_open: None }
    }
}

impl Case {
    /// Assigns; `false` when nothing changed. The first person who takes a case becomes accountable for it.
    pub fn assign(&mut self, tx: &Tx<'_>, ctx: &Ctx, wanted: &Assignment) -> Result<bool> {
        let (from_person, from_team) = (self.assignee_id, self.team_id);
        let before = self.access();
        let to_person = wanted.person.unwrap_or(from_person);
        let to_team = wanted.team.unwrap_or(from_team);
        if (from_person, from_team) == (to_person, to_team) {
            return Ok(false);
        }
        if let Some(person) = to_person.filter(|_| to_person != from_person) {
            names::must_be_active(tx, self.workspace, person, "person_id")?;
        }
        if let Some(team) = to_team.filter(|_| to_team != from_team) {
            // The case moves to where the team belongs; a team outside the tree leaves it where it is.
            self.org_unit_id = names::must_be_team(tx, self.workspace, team)?.or(self.org_unit_id);
        }
        (self.assignee_id, self.team_id) = (to_person, to_team);
        // Old and new owners hear of a transfer: the event's access is the union as far as it can be said.
        let mut access = self.access();
        access.people.extend(before.people);
        if let Some(team) = from_team.filter(|_| to_team != from_team) {
            access.people.extend(names::members(tx, team)?);
        }
        access.people.sort_unstable();
        access.people.dedup();
        tx.emit::<shouwen_contracts::casework::CaseEvent>(
            ctx,
            Some(self.id.0),
            Some(&access),
            Assigned {
                case_id: self.id,
                from_person,
                to_person,
                from_team,
                to_team,
                org_unit_id: self.org_unit_id,
                reason: wanted.reason.clone(),
                by: wanted.by.to_owned(),
            },
        )?;
        if let Some(person) = to_person
            && self.accountable_id.is_none()
        {
            self.answer_for(tx, ctx, person, "first to take the case")?;
        }
        Ok(true)
    }

    /// Makes `person` accountable (首问责任人).
    pub fn answer_for(&mut self, tx: &Tx<'_>, ctx: &Ctx, person: PersonId, reason: &str) -> Result<()> {
        let from = self.accountable_id;
        if from == Some(person) {
            return Ok(());
        }
        let mut access = self.access();
        self.accountable_id = Some(person);
        access.people.extend(self.access().people);
        access.people.sort_unstable();
        access.people.dedup();
        tx.emit::<shouwen_contracts::casework::CaseEvent>(
            ctx,
            Some(self.id.0),
            Some(&access),
            Accountable { case_id: self.id, from, to: Some(person), reason: reason.to_owned() },
        )
    }

    /// Puts it into a stage of its type, whatever the type says: for what must not fail (a customer's answer, a merge).
    pub fn put_in(&mut self, tx: &Tx<'_>, ctx: &Ctx, target: &Stage, reason: Option<String>) -> Result<bool> {
        if self.stage == target.key {
            return Ok(false);
        }
        steps::go_on(tx, ctx, self, target)?;
        let from = std::mem::replace(&mut self.stage, target.key.clone());
        let from_status = std::mem::replace(&mut self.status, target.status.word().to_owned());
        self.ties.stage_at = Some(tx.now());
        self.emit(
            tx,
            ctx,
            StageChanged { case_id: self.id, from, to: self.stage.clone(), from_status, to_status: self.status.clone(), reason, at: tx.now() },
        )?;
        steps::ask_review(tx, ctx, self, target)?;
        Ok(true)
    }

    /// Its stage has another status since its type was changed; `false` when it has not.
    pub fn restate(&mut self, tx: &Tx<'_>, ctx: &Ctx, stage: &Stage, reason: Option<String>) -> Result<bool> {
        if self.stage != stage.key || self.status == stage.status.word() {
            return Ok(false);
        }
        let from_status = std::mem::replace(&mut self.status, stage.status.word().to_owned());
        let (from, to) = (self.stage.clone(), self.stage.clone());
        self.emit(tx, ctx, StageChanged { case_id: self.id, from, to, from_status, to_status: self.status.clone(), reason, at: tx.now() })?;
        Ok(true)
    }

    /// Moves it to a stage of its type, if the type allows. Ends (`resolved`, `closed`) go through [`Case::finish`].
    pub fn move_to(&mut self, tx: &Tx<'_>, hand: Hand<'_>, stage: &str, reason: Option<String>) -> Result<bool> {
        let kind = kinds::case_type(tx, self.workspace, &self.case_type)?;
        let target = kind.stage(stage)?;
        if self.stage == target.key {
            return Ok(false);
        }
        gate::ask(tx, hand, self, &kind, stage, None)?.map_err(|refusal| gate::problem(self, &kind, &refusal))?;
        self.put_in(tx, hand.ctx, target, reason)
    }

    /// Sets it to work again, whatever stage it stood in.
    pub fn set_to_work(&mut self, tx: &Tx<'_>, ctx: &Ctx, reason: &str) -> Result<bool> {
        let kind = kinds::case_type(tx, self.workspace, &self.case_type)?;
        self.put_in(tx, ctx, kind.machine.working(), Some(reason.to_owned()))
    }

    /// Ends it: `resolved` waits for verification, `closed` is the archive. A closure is a row with a who and a when.
    /// `stage`: the one it was asked for by name; else the nearest of that status.
    pub fn finish(&mut self, tx: &Tx<'_>, hand: Hand<'_>, end: &Ending<'_>) -> Result<()> {
        let (ctx, status) = (hand.ctx, end.status);
        let kind = kinds::case_type(tx, self.workspace, &self.case_type)?;
        let code = kind.resolution(end.code.unwrap_or_else(|| kind.usual_end()))?;
        if self.status == "closed" || self.status == status.word() && end.stage.is_none() {
            return Err(Problem::conflict("case.already_closed", format!("case {} is {} already", self.number, self.status)).expected("reopen it first to end it in another way"));
        }
        let target = match end.stage {
            Some(key) => kind.stage(key)?,
            None => kind.towards(&self.stage, status)?,
        };
        if target.key == self.stage {
            return Err(Problem::conflict("case.no_such_stage", format!("case {} stands in `{}` already, which is {} by now", self.number, target.key, status.word())).expected("another stage; the case type was changed a moment ago"));
        }
        gate::ask(tx, hand, self, &kind, &target.key, Some(&code.key))?.map_err(|refusal| gate::problem(self, &kind, &refusal))?;
        let text = end.text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
        let mut ground = None;
        if status == Status::Closed {
            aside::allowed(tx, hand, self, &kind, &code.key, text.as_deref())?;
            children::must_be_done(tx, self, end.despite_open)?;
            hand_over::settle(tx, ctx, self, "withdrawn", Some("the case was closed"))?;
            ground = Some(aside::ground(tx, self, &kind, &code.key)?);
        }
        self.end_closure(tx, ctx, "superseded")?;
        self.unsnooze(tx, ctx, status.word())?;
        self.put_in(tx, ctx, target, end.reason.map(str::to_owned))?;
        self.resolution_code = Some(code.key.clone());
        self.resolution_text.clone_from(&text);
        self.resolved_at = self.resolved_at.or(Some(tx.now()));
        let by = ctx.actor.person_id();
        tx.run(
            "INSERT INTO case_closure (id, workspace_id, case_id, kind, code, text, at, by_person, case_type, ground) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![tx.id::<shouwen_kernel::ObjectId>(), self.workspace, self.id, status.word(), code.key, text, tx.now(), by, self.case_type, ground],
        )?;
        if status == Status::Closed {
            self.closed_at = Some(tx.now());
            self.closed_by = by;
            let conversation: Option<(shouwen_kernel::ConversationId,)> =
                tx.opt("SELECT id FROM case_conversation WHERE case_id = ?1 AND inbox_id IS NOT NULL ORDER BY id LIMIT 1", params![self.id])?;
            // Nobody is asked how a duplicate, spam or an automatic message was handled.
            let ask = conversation.is_some() && !matches!(code.key.as_str(), "duplicate" | "spam") && !self.tags.iter().any(|t| t == "auto");
            self.emit(
                tx,
                ctx,
                Closed { case_id: self.id, resolution: code.key.clone(), text: text.clone(), by, at: tx.now(), conversation_id: conversation.map(|row| row.0), ask },
            )?;
            children::told_parent(tx, ctx, self, Some((&code.key, text.as_deref())))?;
        } else {
            verified::archive_if_due(tx, ctx, self)?;
        }
        Ok(())
    }

    /// Takes it up again. With the reason `undo` it counts as never having ended.
    pub fn reopen(&mut self, tx: &Tx<'_>, ctx: &Ctx, reason: &str) -> Result<()> {
        if !matches!(self.status.as_str(), "closed" | "resolved") {
            return Err(Problem::conflict("case.not_closed", format!("case {} is {}, not closed", self.number, self.status)).expected("a resolved or closed case"));
        }
        let was_closed = self.status == "closed";
        verified::void(tx, self, reason)?;
        if reason != "undo" {
            self.ties.review = None;
        }
        self.end_closure(tx, ctx, reason)?;
        self.set_to_work(tx, ctx, reason)?;
        (self.resolved_at, self.closed_at, self.closed_by, self.resolution_code, self.resolution_text) = (None, None, None, None, None);
        self.reopened_count += i64::from(reason != "undo");
        self.emit(tx, ctx, Reopened { case_id: self.id, reason: reason.to_owned(), at: tx.now() })?;
        if was_closed {
            children::told_parent(tx, ctx, self, None)?;
        }
        Ok(())
    }

    fn end_closure(&self, tx: &Tx<'_>, ctx: &Ctx, reason: &str) -> Result<()> {
        tx.run(
            "UPDATE case_closure SET ended_at = ?2, ended_by = ?3, ended_reason = ?4 WHERE case_id = ?1 AND ended_at IS NULL",
            params![self.id, tx.now(), ctx.actor.person_id(), reason],
        )?;
        Ok(())
    }

    /// Puts it aside until `until`; the timer brings it back.
    pub fn snooze(&mut self, tx: &Tx<'_>, ctx: &Ctx, until: Time, reason: &str) -> Result<()> {
        self.snoozed_until = Some(until);
        tx.set_timer(self.workspace, SNOOZE_TIMER, &self.id.to_string(), until, &serde_json::json!({ "case_id": self.id }))?;
        self.emit(tx, ctx, Snoozed { case_id: self.id, until: Some(until), reason: reason.to_owned() })
    }

    /// Brings it back, if it was put aside.
    pub fn unsnooze(&mut self, tx: &Tx<'_>, ctx: &Ctx, reason: &str) -> Result<bool> {
        if self.snoozed_until.take().is_none() {
            return Ok(false);
        }
        tx.cancel_timer(SNOOZE_TIMER, &self.id.to_string())?;
        self.emit(tx, ctx, Snoozed { case_id: self.id, until: None, reason: reason.to_owned() })?;
        Ok(true)
    }
}

/// The timer that ends a snooze; its key is the case.
pub const SNOOZE_TIMER: &str = "case.snooze";
