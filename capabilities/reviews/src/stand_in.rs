//! Delegation: somebody is away from–until and another decides in their place. Chains are followed (the stand-in may be
//! away too), loops are refused when they are made and harmless when they come about otherwise.

use shouwen_kernel::{PersonId, Result, Time, WorkspaceId};
use shouwen_store::{Json, Tx, params};

/// A chain longer than this is not followed.
const DEPTH: usize = 5;

/// One delegation in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Away {
    pub from: PersonId,
    pub to: PersonId,
    /// Keys of flows and authorities, or `review`, `approval`; empty: everything.
    pub kinds: Vec<String>,
}

impl Away {
    fn covers(&self, kind: &str, flow: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|k| k == kind || k == flow)
    }
}

/// Those who may decide in the place of `person`, nearest first, without themselves.
pub fn stand_ins(all: &[Away], person: PersonId, kind: &str, flow: &str) -> Vec<PersonId> {
    walk(all, person, |away, at| (away.from == at && away.covers(kind, flow)).then_some(away.to))
}

/// Those in whose place `person` may decide.
pub fn principals(all: &[Away], person: PersonId, kind: &str, flow: &str) -> Vec<PersonId> {
    walk(all, person, |away, at| (away.to == at && away.covers(kind, flow)).then_some(away.from))
}

fn walk(all: &[Away], start: PersonId, step: impl Fn(&Away, PersonId) -> Option<PersonId>) -> Vec<PersonId> {
    let mut found: Vec<PersonId> = Vec::new();
    let mut edge = vec![start];
    for _ in 0..DEPTH {
        let mut next: Vec<PersonId> = Vec::new();
        for at in &edge {
            for other in all.iter().filter_map(|away| step(away, *at)) {
                if other != start && !found.contains(&other) {
                    found.push(other);
                    next.push(other);
                }
            }
        }
        edge = next;
    }
    found
}

/// Whether `to` would, through others, hand it back to `from`.
pub fn closes_loop(all: &[Away], from: PersonId, to: PersonId) -> bool {
    let mut seen = vec![to];
    let mut at = 0;
    while let Some(person) = seen.get(at).copied() {
        if person == from {
            return true;
        }
        for next in all.iter().filter(|away| away.from == person).map(|away| away.to) {
            if !seen.contains(&next) {
                seen.push(next);
            }
        }
        at += 1;
    }
    false
}

/// The delegations in force at some time of `[from, until]`.
pub fn within(tx: &Tx<'_>, workspace: WorkspaceId, from: Time, until: Time) -> Result<Vec<Away>> {
    let rows: Vec<(PersonId, PersonId, Json<Vec<String>>)> = tx.all(
        "SELECT from_person, to_person, kinds FROM review_delegation WHERE workspace_id = ?1 AND until_at > ?2 AND from_at <= ?3 AND ended_at IS NULL ORDER BY until_at LIMIT 5000",
        params![workspace, from, until],
    )?;
    Ok(rows.into_iter().map(|(from, to, kinds)| Away { from, to, kinds: kinds.0 }).collect())
}

/// The delegations in force now.
pub fn now(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Away>> {
    within(tx, workspace, tx.now(), tx.now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn p(n: u128) -> PersonId {
        PersonId(Uuid::from_u128(n))
    }
    fn away(from: u128, to: u128, kinds: &[&str]) -> Away {
        Away { from: p(from), to: p(to), kinds: kinds.iter().map(|k| (*k).to_owned()).collect() }
    }

    #[test]
    fn a_chain_is_followed_by_kind_and_a_loop_does_no_harm() {
        let all = [away(1, 2, &[]), away(2, 3, &["approval"]), away(3, 1, &[])];
        assert_eq!(stand_ins(&all, p(1), "approval", "coupon"), [p(2), p(3)]);
        assert_eq!(stand_ins(&all, p(1), "review", "solution"), [p(2)]);
        assert_eq!(principals(&all, p(2), "review", "solution"), [p(1), p(3)]);
    }

    #[test]
    fn handing_back_in_a_circle_is_seen_before_it_is_made() {
        let all = [away(2, 3, &[]), away(3, 4, &[])];
        assert!(closes_loop(&all, p(4), p(2)) && closes_loop(&all, p(3), p(2)) && closes_loop(&all, p(5), p(5)));
        assert!(!closes_loop(&all, p(1), p(2)));
    }
}
