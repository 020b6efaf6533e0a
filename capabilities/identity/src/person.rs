//! People: creating them, telling of them, their presence.

use serde::{Deserialize, Serialize};
use shouwen_contracts::identity::{IdentityEvent, PersonSaved, PersonStatus};
use shouwen_crypt::AddressKind;
use shouwen_kernel::{Access, OrgUnitId, PersonId, Problem, Result, TeamId};
use shouwen_store::{Ctx, Json, Tx, UNIQUE, params};

use crate::person_row::load;

/// A skill and how well it is mastered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Skill {
    pub skill: String,
    /// 1–5.
    pub level: u8,
}

/// What a new person needs.
#[derive(Clone, Debug, Default)]
pub struct NewPerson {
    pub name: String,
    pub email: String,
    pub org_unit_id: Option<OrgUnitId>,
    pub teams: Vec<TeamId>,
    pub skills: Vec<Skill>,
    pub languages: Vec<String>,
    pub capacity: u32,
    /// `None`: the workspace's.
    pub locale: Option<String>,
    pub time_zone: Option<String>,
    /// From [`crate::hash_password`]; `None`: signs in only after an invitation.
    pub password_hash: Option<String>,
    pub must_change_password: bool,
}

/// The values presence can have.
pub(crate) const STATUSES: [&str; 4] = ["online", "busy", "away", "offline"];

/// Creates a person and tells of them. The address must be free in the whole installation: it is what one signs in with.
pub fn create_person(tx: &Tx<'_>, ctx: &Ctx, new: &NewPerson) -> Result<PersonId> {
    let name = crate::input::name("name", &new.name, 60)?;
    let (_, zone, locale) = crate::workspace::load(tx, ctx.workspace)?;
    let locale = new.locale.as_deref().map_or(Ok(locale), crate::input::locale)?;
    let zone = new.time_zone.as_deref().map_or(Ok(zone), crate::input::time_zone)?;
    let skills = skills(&new.skills)?;
    let languages = languages(&new.languages)?;
    if let Some(unit) = new.org_unit_id {
        crate::org_unit::must_exist(tx, ctx.workspace, unit)?;
    }
    let (sealed, index) = address(tx, &new.email)?;
    let id: PersonId = tx.id();
    unless_taken(tx, |tx| {
        tx.execute(
            "INSERT INTO identity_person (id, workspace_id, name, email_sealed, email_index, active, locale, time_zone, org_unit_id, skills, languages, capacity, status, preferences, password_hash,
               must_change_password, totp_step, version, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'offline', ?13, ?14, ?15, 0, 1, ?16)",
            params![
                id, ctx.workspace, name, sealed, index, true, locale, zone, new.org_unit_id, Json(&skills), Json(&languages), new.capacity.min(1000), serde_json::json!({}), new.password_hash,
                new.must_change_password, tx.now()
            ],
        )
    })?;
    for team in &new.teams {
        crate::team::must_exist(tx, ctx.workspace, *team)?;
        tx.execute("INSERT INTO identity_team_member (workspace_id, team_id, person_id) VALUES (?1, ?2, ?3) ON CONFLICT (team_id, person_id) DO NOTHING", params![ctx.workspace, team, id])?;
    }
    announce(tx, ctx, id)?;
    tx.audit(ctx, "person.created", "person", Some(id.0), Some(serde_json::json!({ "name": name })))?;
    Ok(id)
}

/// The sealed form and the blind index of an e-mail address.
pub(crate) fn address(tx: &Tx<'_>, email: &str) -> Result<(String, String)> {
    let normal = AddressKind::Email.normal(email).map_err(|p| p.field("email"))?;
    if normal.len() > 254 {
        return Err(Problem::invalid("email", format!("the address has {} characters", normal.len())).expected("at most 254"));
    }
    Ok((tx.keys().seal_address(tx.ids(), &normal)?, tx.keys().email_index(&normal)))
}

/// Runs a write that fails when the address is somebody's already, and says so.
pub(crate) fn unless_taken(tx: &Tx<'_>, write: impl FnOnce(&Tx<'_>) -> Result<u64>) -> Result<()> {
    tx.savepoint(write).map(|_| ()).map_err(|p| {
        if p.code == UNIQUE { Problem::conflict("person.email_taken", "somebody has this e-mail address already").field("email").expected("another address, or the person who has it") } else { p }
    })
}

/// Skills in the form they are stored.
pub(crate) fn skills(skills: &[Skill]) -> Result<Vec<Skill>> {
    let names = crate::team::skill_names(&skills.iter().map(|s| s.skill.clone()).collect::<Vec<_>>())?;
    if names.len() != skills.len() {
        return Err(Problem::invalid("skills", "a skill is named twice").expected("each skill once"));
    }
    names
        .into_iter()
        .zip(skills)
        .enumerate()
        .map(|(i, (skill, given))| {
            if !(1..=5).contains(&given.level) {
                return Err(Problem::invalid(format!("skills[{i}].level"), format!("{} is no level", given.level)).expected("1 to 5"));
            }
            Ok(Skill { skill, level: given.level })
        })
        .collect()
}

/// Language tags in the form they are stored.
pub(crate) fn languages(tags: &[String]) -> Result<Vec<String>> {
    let is_tag = |tag: &String| (2..=20).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match tags.iter().position(|tag| !is_tag(tag)) {
        Some(i) => Err(Problem::invalid(format!("languages[{i}]"), format!("`{}` is not a language tag", shouwen_kernel::text::clip(&tags[i], 20))).expected("tags like `zh`, `en`, `yue`")),
        None if tags.len() > 30 => Err(Problem::invalid("languages", format!("{} languages", tags.len())).expected("at most 30")),
        None => Ok(tags.to_vec()),
    }
}

/// Who may hear of a person: those who see their org unit, and themselves.
pub(crate) fn access_of(tx: &Tx<'_>, person: PersonId) -> Result<Access> {
    let unit: Option<(Option<OrgUnitId>,)> = tx.opt("SELECT org_unit_id FROM identity_person WHERE id = ?1", params![person])?;
    Ok(Access { org_unit: unit.and_then(|row| row.0), team: None, people: vec![person] })
}

/// Emits the present state of a person.
pub(crate) fn announce(tx: &Tx<'_>, ctx: &Ctx, id: PersonId) -> Result<()> {
    let row = load(tx, ctx.workspace, id)?;
    let saved = PersonSaved {
        person_id: id,
        name: row.name,
        active: row.active,
        org_unit_id: row.org_unit_id,
        teams: crate::team::teams_of(tx, id)?,
        skills: row.skills.into_iter().map(|s| (s.skill, s.level)).collect(),
        languages: row.languages,
        capacity: row.capacity,
        locale: row.locale,
        time_zone: row.time_zone,
    };
    tx.emit::<IdentityEvent>(ctx, Some(id.0), Some(&access_of(tx, id)?), saved)
}

/// Sets a person's presence and tells of it when it changed.
pub fn set_status(tx: &Tx<'_>, ctx: &Ctx, person: PersonId, status: &str) -> Result<()> {
    if !STATUSES.contains(&status) {
        return Err(Problem::invalid("status", format!("`{}` is no presence", shouwen_kernel::text::clip(status, 20))).expected(STATUSES.join(", ")));
    }
    if tx.execute("UPDATE identity_person SET status = ?2 WHERE id = ?1 AND status <> ?2", params![person, status])? == 1 {
        tx.emit::<IdentityEvent>(ctx, Some(person.0), Some(&access_of(tx, person)?), PersonStatus { person_id: person, status: status.to_owned() })?;
    }
    Ok(())
}
