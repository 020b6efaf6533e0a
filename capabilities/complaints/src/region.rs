//! Regional handling (属地化): a region of customers, and the team that answers for it.

use serde::{Deserialize, Serialize};
use shouwen_kernel::{Result, TeamId, WorkspaceId, text::clip};
use shouwen_store::Tx;
use shouwen_web::{PACK_KEY_RULE, PackText, is_pack_key};

use crate::items::{Fault, Item, fault, titled};
use crate::words::Word;
use crate::{items, names, store};

/// A region and who answers for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ComplaintRegion)]
pub struct Region {
    pub key: String,
    pub title: PackText,
    /// Regions of customers that belong to it, as the register writes them (`浙江`, `330100`). A region that begins with one
    /// belongs to it too; the longest one decides.
    #[serde(rename = "match", default, skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<String>,
    /// The team, by name or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Or an org unit, by name or id: of its teams the one with a fitting skill, and of these the one with the fewest open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Key of the calendar its customers are looked after by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
}

impl Item for Region {
    const KIND: &'static str = "region";
    fn key(&self) -> &str {
        &self.key
    }
    fn word(&self) -> Option<Word> {
        Some(self.told())
    }
    fn faults(&self) -> Vec<Fault> {
        let mut found = Vec::new();
        if !is_pack_key(&self.key) {
            found.push(fault("key", format!("`{}` cannot be a key", clip(&self.key, 60)), PACK_KEY_RULE));
        }
        titled(&self.title, &mut found);
        for (i, text) in self.matches.iter().enumerate() {
            if text.trim().is_empty() || text.chars().count() > 80 {
                found.push(fault(&format!("match[{i}]"), "a region is empty or longer than 80 characters", "a region as the register of customers writes it"));
            }
        }
        for (field, text) in [("team", &self.team), ("unit", &self.unit), ("calendar", &self.calendar)] {
            if text.as_deref().is_some_and(|t| t.trim().is_empty() || t.chars().count() > 120) {
                found.push(fault(field, "the name is empty or longer than 120 characters", "a name or an id; or nothing"));
            }
        }
        found
    }
}

impl Region {
    fn told(&self) -> Word {
        Word { title: self.title.clone(), matches: self.matches.clone(), unit: self.unit.clone(), ..Word::new("region", &self.key) }
    }
    /// How many characters of `region` it speaks for; its own key and titles count as well.
    fn fits(&self, region: &str) -> usize {
        let own = [self.key.as_str(), self.title.zh.as_str(), self.title.en.as_str()];
        let whole = own.iter().filter(|name| name.eq_ignore_ascii_case(region)).map(|name| name.chars().count());
        let begins = self.matches.iter().map(|m| m.trim()).filter(|m| !m.is_empty() && region.starts_with(m)).map(|m| m.chars().count());
        whole.chain(begins).max().unwrap_or(0)
    }
    /// The team behind it, if there is one of that name.
    pub fn team(&self, tx: &Tx<'_>, workspace: WorkspaceId, case: &Wanted<'_>) -> Result<Option<TeamId>> {
        responsible(tx, workspace, self.team.as_deref(), self.unit.as_deref(), case)
    }
}

/// What a team is wanted for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// The team that has the case: of a unit's teams it stays where it is.
    pub current: Option<TeamId>,
    /// Category from the root down: a team with one of these keys as its skill, or with `complaint`, fits best.
    pub path: &'a [String],
}

/// The team of a name, else one of a unit's.
pub fn responsible(tx: &Tx<'_>, workspace: WorkspaceId, team: Option<&str>, unit: Option<&str>, case: &Wanted<'_>) -> Result<Option<TeamId>> {
    if let Some(found) = team.map(|name| names::team(tx, workspace, name)).transpose()?.flatten() {
        return Ok(Some(found));
    }
    let Some(unit) = unit else { return Ok(None) };
    let teams = names::teams_of_unit(tx, workspace, unit)?;
    if let Some(own) = case.current.filter(|own| teams.iter().any(|(team, _)| team == own)) {
        return Ok(Some(own));
    }
    // The deepest category a team knows, then any complaint; then who has the fewest.
    let skill = |skills: &[String]| {
        let named = case.path.iter().rposition(|key| skills.contains(key)).map_or(0, |at| at + 2);
        named.max(usize::from(skills.iter().any(|s| s == "complaint" || s == "投诉")))
    };
    let best = teams.iter().map(|(_, skills)| skill(skills)).max().unwrap_or(0);
    let mut open = Vec::new();
    for (team, _) in teams.iter().filter(|(_, skills)| skill(skills) == best) {
        open.push((store::open_of_team(tx, *team)?, *team));
    }
    // Ties by name, which is the order they came in.
    Ok(open.into_iter().min_by_key(|(n, _)| *n).map(|(_, team)| team))
}

/// The region of the table a customer's region belongs to.
pub fn find(tx: &Tx<'_>, workspace: WorkspaceId, region: &str) -> Result<Option<Region>> {
    let region = region.trim();
    if region.is_empty() {
        return Ok(None);
    }
    let table = items::list::<Region>(tx, workspace)?;
    Ok(table.iter().map(|r| (r.fits(region), r)).filter(|(n, _)| *n > 0).max_by_key(|(n, _)| *n).map(|(_, r)| r.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_region_decides() {
        let region = |key: &str, matches: &[&str]| Region { key: key.into(), title: PackText { zh: format!("{key}区"), en: key.into() }, matches: matches.iter().map(ToString::to_string).collect(), team: None, unit: None, calendar: None };
        let (east, hangzhou) = (region("east", &["浙江", "33"]), region("hangzhou", &["浙江杭州", "3301"]));
        assert!(hangzhou.fits("浙江杭州西湖区") > east.fits("浙江杭州西湖区"));
        assert!(east.fits("330200") > hangzhou.fits("330200"));
        assert_eq!(east.fits("江苏"), 0);
        assert!(east.fits("East") > 0 && east.fits("east区") > 0);
    }
}
