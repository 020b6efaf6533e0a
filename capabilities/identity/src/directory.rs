//! `/directory`: who and what there is, for pickers. No personal data beyond working names.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use pinyin::ToPinyin;
use serde::Serialize;
use shouwen_kernel::{OrgUnitId, PersonId, TeamId};
use shouwen_store::{Json, params};
use shouwen_web::{Answer, App, SignedIn};

use crate::input::settled;
use crate::person::Skill;

#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct DirectoryPerson {
    id: PersonId,
    name: String,
    /// Full pinyin, a space, the initials: `zhangxiaoming zxm`. Latin names in lower case.
    pinyin: String,
    /// `online`, `busy`, `away` or `offline`.
    status: String,
    team_ids: Vec<TeamId>,
    active: bool,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct DirectoryTeam {
    id: TeamId,
    name: String,
    pinyin: String,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct DirectoryUnit {
    id: OrgUnitId,
    name: String,
    parent_id: Option<OrgUnitId>,
    kind: String,
}

/// Everybody and everything one can pick.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Directory {
    people: Vec<DirectoryPerson>,
    teams: Vec<DirectoryTeam>,
    org_units: Vec<DirectoryUnit>,
    /// Every skill a team or person has.
    skills: Vec<String>,
}

/// Full pinyin and initials of a name: `张晓明` → `zhangxiaoming zxm`.
pub(crate) fn pinyin_of(name: &str) -> String {
    let (mut full, mut initials) = (String::new(), String::new());
    let mut word_begins = true;
    for c in name.chars() {
        match c.to_pinyin() {
            Some(syllable) => {
                full += syllable.plain();
                initials += syllable.first_letter();
                word_begins = true;
            }
            None if c.is_alphanumeric() => {
                full.extend(c.to_lowercase());
                if word_begins {
                    initials.extend(c.to_lowercase());
                }
                word_begins = false;
            }
            None => word_begins = true,
        }
    }
    format!("{full} {initials}").trim().to_owned()
}

/// People, teams, org units and skills, for pickers.
#[utoipa::path(get, path = "/directory", responses((status = 200, body = Directory)), tag = "people", extensions(("x-permission" = json!("signed_in"))))]
pub(crate) async fn directory(State(app): State<App>, who: SignedIn) -> Answer<axum::Json<Directory>> {
    settled(&who.viewer)?;
    let workspace = who.viewer.workspace;
    app.query(move |tx| {
        let mut teams_of: BTreeMap<PersonId, Vec<TeamId>> = BTreeMap::new();
        for (team, person) in crate::team::memberships(tx, workspace)? {
            teams_of.entry(person).or_default().push(team);
        }
        let mut skills: BTreeSet<String> = BTreeSet::new();
        type Row = (PersonId, String, String, bool, Json<Vec<Skill>>);
        let rows: Vec<Row> =
            tx.all("SELECT id, name, status, active, skills FROM identity_person WHERE workspace_id = ?1 ORDER BY id", params![workspace])?;
        let people = rows
            .into_iter()
            .map(|(id, name, status, active, Json(own))| {
                skills.extend(own.into_iter().map(|s| s.skill));
                DirectoryPerson { id, pinyin: pinyin_of(&name), name, status, team_ids: teams_of.remove(&id).unwrap_or_default(), active }
            })
            .collect();
        let teams = crate::team::all(tx, workspace)?
            .into_iter()
            .map(|team| {
                skills.extend(team.skills);
                DirectoryTeam { id: team.id, pinyin: pinyin_of(&team.name), name: team.name }
            })
            .collect();
        let org_units = crate::org_unit::all(tx, workspace)?.into_iter().map(|u| DirectoryUnit { id: u.id, name: u.name, parent_id: u.parent_id, kind: u.kind }).collect();
        Ok(Directory { people, teams, org_units, skills: skills.into_iter().collect() })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::pinyin_of;

    #[test]
    fn names_are_found_by_pinyin_and_by_initials() {
        assert_eq!(pinyin_of("张晓明"), "zhangxiaoming zxm");
        assert_eq!(pinyin_of("华东 2 组"), "huadong2zu hd2z");
        assert_eq!(pinyin_of("Ana María Ruiz"), "anamaríaruiz amr");
        assert_eq!(pinyin_of("…"), "");
    }
}
