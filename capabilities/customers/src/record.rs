//! A customer as stored and as shown.

use serde::Serialize;
use shouwen_contracts::customers::{CustomerEvent, Saved};
use shouwen_kernel::{Access, CustomerId, IdentityId, OrgUnitId, PersonId, Problem, Result, TeamId, Time, WorkspaceId};
use shouwen_store::{Ctx, FromRow, Json, Row, Tx, Value, params};
use utoipa::ToSchema;

use crate::Sight;

/// A customer as the API shows them: personal data masked.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Customer {
    pub id: CustomerId,
    pub name: String,
    /// `person` or `organisation`.
    pub kind: String,
    pub language: Option<String>,
    pub region: Option<String>,
    pub tier: Option<String>,
    pub org_unit_id: Option<OrgUnitId>,
    pub notes: String,
    pub tags: Vec<String>,
    /// How they are reached, those of customers merged into this one included.
    pub identities: Vec<Identity>,
    pub personal: Personal,
    #[schema(value_type = String)]
    pub created_at: Time,
    pub version: i64,
    /// The customer this one is part of, after a merge.
    pub merged_into: Option<CustomerId>,
}

/// One address of a customer.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Identity {
    pub id: IdentityId,
    /// `email` or `phone`; channels to come bring their own.
    pub kind: String,
    pub masked: String,
    /// Somebody made sure that it is theirs.
    pub verified: bool,
    pub primary: bool,
}

/// Masked personal fields; absent when not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Personal {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_number_masked: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_masked: Option<String>,
}

/// The row.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub id: CustomerId,
    pub workspace: WorkspaceId,
    pub name: String,
    /// A person or the customer gave the name; otherwise it is the masked address.
    pub named: bool,
    pub kind: String,
    pub language: Option<String>,
    pub region: Option<String>,
    pub tier: Option<String>,
    /// Zeros: of no unit.
    pub home: OrgUnitId,
    pub notes: String,
    pub tags: Vec<String>,
    pub id_number: Option<String>,
    pub id_number_masked: Option<String>,
    pub id_number_blind: Option<String>,
    pub address: Option<String>,
    pub address_masked: Option<String>,
    pub created_at: Time,
    pub version: i64,
    pub merged_into: Option<CustomerId>,
    /// Whoever made them by hand.
    pub made_by: Option<PersonId>,
}

pub(crate) const COLUMNS: &str = "c.id, c.workspace_id, c.name, c.named, c.kind, c.language, c.region, c.tier, c.home_id, c.notes, c.tags, c.id_number, c.id_number_masked, c.id_number_blind, c.address, c.address_masked, c.created_at, c.version, c.merged_into, c.made_by";

impl FromRow for Record {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            workspace: row.get(1)?,
            name: row.get(2)?,
            named: row.get(3)?,
            kind: row.get(4)?,
            language: row.get(5)?,
            region: row.get(6)?,
            tier: row.get(7)?,
            home: row.get(8)?,
            notes: row.get(9)?,
            tags: row.get::<Json<Vec<String>>>(10)?.0,
            id_number: row.get(11)?,
            id_number_masked: row.get(12)?,
            id_number_blind: row.get(13)?,
            address: row.get(14)?,
            address_masked: row.get(15)?,
            created_at: row.get(16)?,
            version: row.get(17)?,
            merged_into: row.get(18)?,
            made_by: row.get(19)?,
        })
    }
}

impl Record {
    /// The unit, `None` for zeros.
    pub fn org_unit(&self) -> Option<OrgUnitId> {
        (self.home != OrgUnitId::NIL).then_some(self.home)
    }

    /// Reads one without asking who looks.
    pub fn find(tx: &Tx<'_>, id: CustomerId) -> Result<Option<Self>> {
        tx.opt(&format!("SELECT {COLUMNS} FROM customer_record AS c WHERE c.id = ?1"), params![id])
    }

    /// Reads one to change it, without asking who looks.
    pub fn lock(tx: &Tx<'_>, id: CustomerId) -> Result<Option<Self>> {
        tx.opt(&format!("SELECT {COLUMNS} FROM customer_record AS c WHERE c.id = ?1{}", tx.for_update()), params![id])
    }

    /// Reads one that `sight` reaches; locked until the end of the transaction when it will be changed.
    pub fn open(tx: &Tx<'_>, workspace: WorkspaceId, sight: &Sight, id: CustomerId, change: bool) -> Result<Self> {
        let lock = if change { tx.for_update() } else { "" };
        let found = tx.opt::<Self>(&format!("SELECT {COLUMNS} FROM customer_record AS c WHERE c.id = ?1 AND c.workspace_id = ?2{lock}"), params![id, workspace])?;
        match found {
            Some(record) if sight.sees(tx, &record)? => Ok(record),
            _ => Err(Problem::not_found("customer")),
        }
    }

    /// The customer at the end of the chain of merges.
    pub fn root(self, tx: &Tx<'_>) -> Result<Self> {
        let mut record = self;
        // A chain is as long as somebody merged by hand; the bound only guards against a damaged one.
        for _ in 0..64 {
            let Some(into) = record.merged_into else { return Ok(record) };
            record = Self::find(tx, into)?.ok_or_else(|| Problem::internal(format!("customer {into} is missing, but another is part of it")))?;
        }
        Err(Problem::internal(format!("the merges of customer {} go round in a circle", record.id)))
    }

    /// Refuses changes to one who is part of another.
    pub fn must_stand_alone(&self) -> Result<()> {
        match self.merged_into {
            None => Ok(()),
            Some(into) => Err(Problem::conflict("customer.merged", "this customer is part of another one").expected("the other customer, or undo the merge first").detail(serde_json::json!({ "merged_into": into }))),
        }
    }

    /// Stores a new one with what it is found by.
    pub fn insert(&self, tx: &Tx<'_>) -> Result<()> {
        tx.run(
            "INSERT INTO customer_record (id, workspace_id, name, named, kind, language, region, tier, home_id, notes, tags, id_number, id_number_masked, id_number_blind, address, address_masked, created_at, updated_at, version, merged_into, made_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?17, ?18, NULL, ?19)",
            params![
                self.id, self.workspace, self.name, self.named, self.kind, self.language, self.region, self.tier, self.home, self.notes, Json(&self.tags), self.id_number, self.id_number_masked,
                self.id_number_blind, self.address, self.address_masked, self.created_at, self.version, self.made_by
            ],
        )?;
        self.add_names(tx)
    }

    /// Stores a changed one as its next version.
    pub fn save(&mut self, tx: &Tx<'_>) -> Result<()> {
        self.version += 1;
        tx.run(
            "UPDATE customer_record SET name = ?2, named = ?3, kind = ?4, language = ?5, region = ?6, tier = ?7, home_id = ?8, notes = ?9, tags = ?10, id_number = ?11, id_number_masked = ?12,
             id_number_blind = ?13, address = ?14, address_masked = ?15, updated_at = ?16, version = ?17, merged_into = ?18 WHERE id = ?1",
            params![
                self.id, self.name, self.named, self.kind, self.language, self.region, self.tier, self.home, self.notes, Json(&self.tags), self.id_number, self.id_number_masked,
                self.id_number_blind, self.address, self.address_masked, tx.now(), self.version, self.merged_into
            ],
        )?;
        Ok(())
    }

    /// Renews what the name is found by.
    pub fn index_name(&self, tx: &Tx<'_>) -> Result<()> {
        tx.run("DELETE FROM customer_name WHERE customer_id = ?1", params![self.id])?;
        self.add_names(tx)
    }

    fn add_names(&self, tx: &Tx<'_>) -> Result<()> {
        crate::search_keys(&self.name).into_iter().try_for_each(|key| tx.run("INSERT INTO customer_name (workspace_id, key, customer_id) VALUES (?1, ?2, ?3)", params![self.workspace, key, self.id]))
    }

    /// Tells the log what others need of the customer.
    pub fn tell(&self, tx: &Tx<'_>, ctx: &Ctx) -> Result<()> {
        let saved = Saved {
            customer_id: self.id,
            name: self.name.clone(),
            language: self.language.clone(),
            region: self.region.clone(),
            tier: self.tier.clone(),
            org_unit_id: self.org_unit(),
        };
        tx.emit::<CustomerEvent>(ctx, Some(self.id.0), Some(&self.access(tx)?), saved)
    }

    /// Who is told of it live: their unit, the people of their cases, and the team of them where it is one. An access has
    /// room for one team; it may name fewer than may look, never more.
    pub fn access(&self, tx: &Tx<'_>) -> Result<Access> {
        let cases: Vec<(Option<TeamId>, Option<PersonId>, Option<PersonId>)> =
            tx.all("SELECT DISTINCT team_id, assignee_id, accountable_id FROM customer_case WHERE root_id = ?1 LIMIT 100", params![self.id])?;
        let mut people: Vec<PersonId> = cases.iter().flat_map(|(_, assignee, accountable)| [*assignee, *accountable]).flatten().collect();
        people.extend(self.made_by.filter(|_| cases.is_empty() && self.home == OrgUnitId::NIL));
        people.sort_unstable();
        people.dedup();
        let team = cases.first().and_then(|first| first.0).filter(|team| cases.iter().all(|case| case.0 == Some(*team)));
        Ok(Access { org_unit: self.org_unit(), team, people })
    }

    /// As the API shows it.
    pub fn show(self, tx: &Tx<'_>) -> Result<Customer> {
        let mut identities = identities_of(tx, &[self.id])?;
        for part in parts_of(tx, self.id)? {
            identities.extend(identities_of(tx, &[part])?.into_iter().map(|(id, identity)| (id, Identity { primary: false, ..identity })));
        }
        Ok(self.with(identities.into_iter().map(|(_, identity)| identity).collect()))
    }

    fn with(self, identities: Vec<Identity>) -> Customer {
        Customer {
            org_unit_id: self.org_unit(),
            id: self.id,
            name: self.name,
            kind: self.kind,
            language: self.language,
            region: self.region,
            tier: self.tier,
            notes: self.notes,
            tags: self.tags,
            identities,
            personal: Personal { id_number_masked: self.id_number_masked, address_masked: self.address_masked },
            created_at: self.created_at,
            version: self.version,
            merged_into: self.merged_into,
        }
    }
}

/// A page of customers, with one query for all their identities.
pub(crate) fn show_all(tx: &Tx<'_>, records: Vec<Record>) -> Result<Vec<Customer>> {
    let ids: Vec<CustomerId> = records.iter().map(|r| r.id).collect();
    let mut identities = identities_of(tx, &ids)?;
    Ok(records
        .into_iter()
        .map(|record| {
            let own = identities.iter().filter(|(owner, _)| *owner == record.id).map(|(_, identity)| identity.clone()).collect();
            identities.retain(|(owner, _)| *owner != record.id);
            record.with(own)
        })
        .collect())
}

/// The customers that were merged into `id`, and into those.
pub(crate) fn parts_of(tx: &Tx<'_>, id: CustomerId) -> Result<Vec<CustomerId>> {
    let rows: Vec<(CustomerId,)> = tx.all(
        "WITH RECURSIVE part AS (SELECT id FROM customer_record WHERE merged_into = ?1 UNION SELECT c.id FROM customer_record AS c JOIN part AS p ON c.merged_into = p.id) SELECT id FROM part LIMIT 500",
        params![id],
    )?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

fn identities_of(tx: &Tx<'_>, customers: &[CustomerId]) -> Result<Vec<(CustomerId, Identity)>> {
    if customers.is_empty() {
        return Ok(Vec::new());
    }
    // A few sizes only, so that few statements are prepared.
    let size = [1, 10, 50, 201].into_iter().find(|size| *size >= customers.len()).unwrap_or(customers.len());
    let places: Vec<String> = (1..=size).map(|i| format!("?{i}")).collect();
    let mut values: Vec<Value> = customers.iter().map(|id| Value::Id(id.0)).collect();
    values.resize(size, Value::Null);
    let rows: Vec<(CustomerId, IdentityId, String, String, bool, bool)> = tx.all(
        &format!("SELECT customer_id, id, kind, masked, verified, is_primary FROM customer_identity WHERE customer_id IN ({}) ORDER BY customer_id, is_primary DESC, id", places.join(", ")),
        &values,
    )?;
    Ok(rows.into_iter().map(|(owner, id, kind, masked, verified, primary)| (owner, Identity { id, kind, masked, verified, primary })).collect())
}
