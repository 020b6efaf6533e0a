//! `GET /customers`: all, or found by name, pinyin, phone, e-mail, identity number.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use shouwen_crypt::AddressKind;
use shouwen_kernel::{CustomerId, Problem, Result, WorkspaceId};
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App, Page, Params, decode_cursor, limit_of};

use crate::names::{after_prefix, fold};
use crate::record::{COLUMNS, Customer, Record, show_all};
use crate::{CustomerRead, Sight, identity};

/// What to list.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// The beginning of a name (characters, pinyin or initials), a whole e-mail address, phone number or identity
    /// number, or a customer id. Absent: all, newest first.
    q: Option<String>,
    /// Rows a page, 1–200; 50 when absent.
    limit: Option<usize>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Customers, personal data masked. Those that are part of another are left out.
#[utoipa::path(get, path = "/customers", params(Wanted), responses((status = 200, body = Page<Customer>)), tag = "customers", extensions(("x-permission" = json!("customer.read"))))]
pub(crate) async fn list(State(app): State<App>, who: Allowed<CustomerRead>, Params(wanted): Params<Wanted>) -> Answer<axum::Json<Page<Customer>>> {
    let (ctx, sight, limit) = (who.ctx(), Sight::of(&who.scope), limit_of(wanted.limit)?);
    let page = app
        .db()
        .write(move |tx| {
            let query = Query::of(wanted.q.as_deref().unwrap_or_default());
            let page = match &query {
                Query::All => newest(tx, ctx.workspace, &sight, limit, wanted.after.as_deref())?,
                Query::Name(prefix) => named(tx, ctx.workspace, &sight, prefix, limit, wanted.after.as_deref())?,
                Query::Address(kind, normal) => {
                    let blind = tx.keys().address_index(*kind, normal);
                    one(tx, &sight, identity::owner(tx, ctx.workspace, kind.name(), &blind)?.map(|(owner, _)| owner))?
                }
                Query::IdNumber(normal) => by_id_number(tx, ctx.workspace, &sight, normal, limit)?,
                Query::Id(id) => one(tx, &sight, Record::find(tx, *id)?.filter(|r| r.workspace == ctx.workspace))?,
            };
            // Who searched, and for what kind of thing; never the thing itself.
            tx.audit(&ctx, "customer.listed", "customer", None, Some(json!({ "by": query.word(), "found": page.items.len() })))?;
            Ok(page)
        })
        .await?;
    Ok(axum::Json(page))
}

enum Query {
    All,
    Name(String),
    Address(AddressKind, String),
    IdNumber(String),
    Id(CustomerId),
}

impl Query {
    fn of(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() {
            return Self::All;
        }
        if let Ok(id) = text.parse() {
            return Self::Id(id);
        }
        if text.contains(['@', '＠'])
            && let Ok(normal) = AddressKind::Email.normal(text)
        {
            return Self::Address(AddressKind::Email, normal);
        }
        let folded = fold(text).to_ascii_uppercase();
        if folded.len() == 18 && folded.bytes().take(17).all(|b| b.is_ascii_digit()) {
            return Self::IdNumber(folded);
        }
        if folded.bytes().filter(u8::is_ascii_digit).count() >= 5
            && let Ok(normal) = AddressKind::Phone.normal(text)
        {
            return Self::Address(AddressKind::Phone, normal);
        }
        Self::Name(fold(text))
    }

    fn word(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Name(_) => "name",
            Self::Address(kind, _) => kind.name(),
            Self::IdNumber(_) => "id_number",
            Self::Id(_) => "id",
        }
    }
}

fn one(tx: &Tx<'_>, sight: &Sight, record: Option<Record>) -> Result<Page<Customer>> {
    let records = match record {
        Some(record) if sight.sees(tx, &record)? => vec![record],
        _ => Vec::new(),
    };
    Ok(Page { items: show_all(tx, records)?, next: None })
}

fn by_id_number(tx: &Tx<'_>, workspace: WorkspaceId, sight: &Sight, normal: &str, limit: usize) -> Result<Page<Customer>> {
    let blind = tx.keys().index("id_number", normal);
    let found: Vec<Record> =
        tx.all(&format!("SELECT {COLUMNS} FROM customer_record AS c WHERE c.workspace_id = ?1 AND c.id_number_blind = ?2 ORDER BY c.id LIMIT ?3"), params![workspace, blind, limit])?;
    let mut roots: Vec<Record> = Vec::new();
    for record in found {
        let root = record.root(tx)?;
        if !roots.iter().any(|r| r.id == root.id) && sight.sees(tx, &root)? {
            roots.push(root);
        }
    }
    Ok(Page { items: show_all(tx, roots)?, next: None })
}

fn newest(tx: &Tx<'_>, workspace: WorkspaceId, sight: &Sight, limit: usize, after: Option<&str>) -> Result<Page<Customer>> {
    let after: Option<CustomerId> = decode_cursor(after)?;
    let (sql, values) = sight.newest(COLUMNS, workspace, after, limit + 1);
    let records: Vec<Record> = tx.all(&sql, &values)?;
    let page = Page::from_rows(records, limit, |record| record.id);
    Ok(Page { items: show_all(tx, page.items)?, next: page.next })
}

/// Up to this many customers inside a reach, a search by name begins with them.
const FEW: usize = 5000;

/// By the beginning of a name, in the order of what matched. A customer found by several keys stands at the first.
fn named(tx: &Tx<'_>, workspace: WorkspaceId, sight: &Sight, prefix: &str, limit: usize, after: Option<&str>) -> Result<Page<Customer>> {
    if prefix.is_empty() {
        return Err(Problem::invalid("q", "there is nothing to search for").expected("a name, an address, a number or an id"));
    }
    let after: Option<(String, CustomerId)> = decode_cursor(after)?;
    let (key, id) = after.unwrap_or_else(|| (prefix.to_owned(), CustomerId::NIL));
    // Whoever may see few reads the names of those few; whoever may see many finds a page soon on the way through the
    // names. So no search reads the names of everybody for nobody.
    let (with, tables, condition, mut values) = match sight.few(tx, workspace, FEW)? {
        Some((few, values)) => (format!("WITH mine AS MATERIALIZED ({few}) "), "mine CROSS JOIN customer_name AS n", "n.customer_id = mine.id".to_owned(), values),
        None => {
            let (condition, values) = sight.sql(1);
            (String::new(), "customer_name AS n", condition, values)
        }
    };
    let first = values.len() + 1;
    let [space, low, high, from, last, most] = std::array::from_fn(|i| format!("?{}", first + i));
    values.extend_from_slice(params![workspace, prefix, after_prefix(prefix), key, id, limit + 1]);
    let rows: Vec<(String, CustomerId)> = tx.all(
        &format!(
            "{with}SELECT n.key, n.customer_id FROM {tables} JOIN customer_record AS c ON c.id = n.customer_id
             WHERE n.workspace_id = {space} AND n.key >= {from} AND n.key < {high} AND (n.key, n.customer_id) > ({from}, {last}) AND c.merged_into IS NULL AND {condition}
             AND NOT EXISTS (SELECT 1 FROM customer_name AS b WHERE b.customer_id = n.customer_id AND b.key >= {low} AND b.key < n.key)
             ORDER BY n.key, n.customer_id LIMIT {most}"
        ),
        &values,
    )?;
    let page = Page::from_rows(rows, limit, |row| row.clone());
    let mut records = Vec::with_capacity(page.items.len());
    for (_, id) in &page.items {
        records.extend(Record::find(tx, *id)?);
    }
    Ok(Page { items: show_all(tx, records)?, next: page.next })
}
