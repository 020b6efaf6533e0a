//! `/packs`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use shouwen_kernel::{Actor, Kind, Problem, Result, Time};
use shouwen_store::{Ctx, Json, Tx, params};
use shouwen_web::{Allowed, Answer, App, Failure, Input, PackFault, PackFile, PackText, Params, axum};

use crate::check::{LARGEST_PACK, is_older};
use crate::install::{Report, install, installed, try_out};
use crate::shipped::{files_for, files_of, shipped, shipped_keys};
use crate::{PackManage, check as checking, export as exporting, remove as removing};

/// A pack as the list shows it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PackRow {
    key: String,
    title: PackText,
    /// The installed version; null when it is not installed.
    version: Option<String>,
    requires: Vec<String>,
    /// The version inside this program; null when it does not ship with it.
    shipped: Option<String>,
    /// The shipped version is newer than the installed one.
    upgrade: bool,
    files: usize,
    installed_at: Option<Time>,
    installed_by: Option<Actor>,
    /// What the last installation did.
    report: Option<Report>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PackList {
    items: Vec<PackRow>,
}

type Row = (String, String, Json<PackText>, Json<Vec<String>>, i64, Time, Json<Actor>, Json<Report>);

fn rows(tx: &Tx<'_>, ctx: &Ctx) -> Result<Vec<PackRow>> {
    let found: Vec<Row> = tx.all("SELECT key, version, title, requires, files, installed_at, installed_by, report FROM pack_installed WHERE workspace_id = ?1 ORDER BY installed_at, key", params![ctx.workspace])?;
    let mut items: Vec<PackRow> = found
        .into_iter()
        .map(|(key, version, title, requires, files, at, by, report)| {
            let own = shipped(&key).map(|(manifest, _)| manifest.version);
            PackRow {
                upgrade: own.as_ref().is_some_and(|own| is_older(&version, own)),
                shipped: own,
                key,
                title: title.0,
                version: Some(version),
                requires: requires.0,
                files: usize::try_from(files).unwrap_or_default(),
                installed_at: Some(at),
                installed_by: Some(by.0),
                report: Some(report.0),
            }
        })
        .collect();
    for key in shipped_keys() {
        if items.iter().any(|row| row.key == key) {
            continue;
        }
        if let Some((manifest, files)) = shipped(&key) {
            items.push(PackRow {
                key,
                title: manifest.title,
                version: None,
                requires: manifest.requires,
                shipped: Some(manifest.version),
                upgrade: false,
                files: files.files.len(),
                installed_at: None,
                installed_by: None,
                report: None,
            });
        }
    }
    Ok(items)
}

/// The installed packs, then those that ship with the product and are not installed.
#[utoipa::path(get, path = "/packs", responses((status = 200, body = PackList)), tag = "packs", summary = "Installed and shipped packs", extensions(("x-permission" = json!("pack.manage"))))]
pub(crate) async fn list(State(app): State<App>, who: Allowed<PackManage>) -> Answer<axum::Json<PackList>> {
    let ctx = who.ctx();
    app.query(move |tx| Ok(PackList { items: rows(tx, &ctx)? })).await
}

/// Which pack: a shipped one by its key, or its files.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PackInput {
    /// Key of a pack that ships with the product.
    #[serde(default)]
    shipped: Option<String>,
    #[serde(default)]
    files: Option<Vec<PackFile>>,
    /// Items edited by hand take the pack's content; an older version may follow a newer one.
    #[serde(default)]
    replace: bool,
}

impl PackInput {
    fn files(&self, app: &App) -> Result<Vec<PackFile>> {
        match (&self.shipped, &self.files) {
            (Some(key), None) => match files_for(key, app.pack_parts()) {
                files if files.is_empty() => Err(Problem::invalid("shipped", format!("no pack `{}` ships with this program", shouwen_kernel::text::clip(key, 60))).expected(shipped_keys().join(", "))),
                files => Ok(files),
            },
            (None, Some(files)) => Ok(files.clone()),
            _ => Err(Problem::invalid("files", "neither or both of `shipped` and `files` are given").expected("one of them")),
        }
    }
}

/// The body that brings a pack of [`LARGEST_PACK`] bytes, in MiB: as JSON, line ends and quotes take two bytes, and each file
/// has a name. The files themselves are counted where every pack is checked.
const BODY_MIB: usize = LARGEST_PACK / 1024 / 1024 * 2 + 1;

type PackBody = std::result::Result<Input<PackInput, BODY_MIB>, Failure>;

/// The body, or a refusal that names the limit of packs instead of the body's.
fn whole(body: PackBody) -> std::result::Result<Input<PackInput, BODY_MIB>, Failure> {
    body.map_err(|Failure(problem)| {
        if problem.code != "too_large" {
            return Failure(problem);
        }
        let most = LARGEST_PACK / 1024 / 1024;
        Problem::new(Kind::TooLarge, "pack.too_large", format!("the files of the pack are larger than {most} MiB together")).field("files").expected(format!("at most {LARGEST_PACK} bytes ({most} MiB), here as in `shouwen pack install`")).into()
    })
}

/// Install a pack or bring it to another version, in one transaction. Doing it again changes nothing.
#[utoipa::path(post, path = "/packs", request_body = PackInput, responses((status = 200, body = Report), (status = 413, description = "pack.too_large: more than 4 MiB"), (status = 422, description = "Faults, in `detail.faults`")), tag = "packs", summary = "Install a pack", extensions(("x-permission" = json!("pack.manage"))))]
pub(crate) async fn create(State(app): State<App>, who: Allowed<PackManage>, body: PackBody) -> Answer<Response> {
    let input = whole(body)?;
    let (ctx, once, own) = (who.ctx(), who.once(&input.hash), app.clone());
    let files = input.value.files(&app)?;
    app.command(once, StatusCode::OK, move |tx| install(&own, tx, &ctx, files.clone(), input.value.replace)).await
}

/// What a check found.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Checked {
    faults: Vec<PackFault>,
    /// What installing would do; null while there are faults, or when it would be refused for `refused`.
    report: Option<Report>,
    refused: Option<String>,
}

/// Check a pack: every fault with file and line, or what installing would do. Nothing is changed.
#[utoipa::path(post, path = "/packs/check", request_body = PackInput, responses((status = 200, body = Checked)), tag = "packs", summary = "Check a pack without installing it", extensions(("x-permission" = json!("pack.manage"))))]
pub(crate) async fn check(State(app): State<App>, who: Allowed<PackManage>, body: PackBody) -> Answer<axum::Json<Checked>> {
    let input = whole(body)?;
    let (ctx, own) = (who.ctx(), app.clone());
    let files = input.value.files(&app)?;
    let answer = app
        .db()
        .write(move |tx| {
            let mut find = |key: &str| installed(tx, &ctx, key).ok().flatten();
            let (faults, _) = checking::check(files.clone(), own.pack_parts(), own.permissions(), &mut find);
            if !faults.is_empty() {
                return Ok(Checked { faults, report: None, refused: None });
            }
            Ok(match try_out(&own, tx, &ctx, files.clone(), input.value.replace) {
                Ok(report) => Checked { faults: Vec::new(), report: Some(report), refused: None },
                Err(problem) if problem.is_transient() => return Err(problem),
                Err(problem) => Checked { faults: Vec::new(), report: None, refused: Some(problem.to_string()) },
            })
        })
        .await?;
    Ok(axum::Json(answer))
}

/// An installed pack with its files.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PackDetail {
    #[serde(flatten)]
    row: PackRow,
    content: Vec<PackFile>,
}

fn detail(tx: &Tx<'_>, ctx: &Ctx, key: &str) -> Result<PackDetail> {
    let row = rows(tx, ctx)?.into_iter().find(|row| row.key == key).ok_or_else(|| Problem::not_found("pack"))?;
    let content = installed(tx, ctx, key)?.map_or_else(|| files_of(key), |(_, pack)| pack.files);
    Ok(PackDetail { row, content })
}

/// A pack with its files, as installed or, if it is not, as shipped.
#[utoipa::path(get, path = "/packs/{key}", params(("key" = String, Path)), responses((status = 200, body = PackDetail)), tag = "packs", summary = "A pack with its files", extensions(("x-permission" = json!("pack.manage"))))]
pub(crate) async fn show(State(app): State<App>, who: Allowed<PackManage>, axum::extract::Path(key): axum::extract::Path<String>) -> Answer<axum::Json<PackDetail>> {
    let ctx = who.ctx();
    app.query(move |tx| detail(tx, &ctx, &key)).await
}

/// What installing the shipped version (or, when none ships, the installed one again) would change, item by item;
/// `kept` are items edited here. Nothing is changed.
#[utoipa::path(get, path = "/packs/{key}/diff", params(("key" = String, Path)), responses((status = 200, body = Report)), tag = "packs", summary = "What an upgrade would change", extensions(("x-permission" = json!("pack.manage"))))]
pub(crate) async fn diff(State(app): State<App>, who: Allowed<PackManage>, axum::extract::Path(key): axum::extract::Path<String>) -> Answer<axum::Json<Report>> {
    let (ctx, own) = (who.ctx(), app.clone());
    let report = app
        .db()
        .write(move |tx| {
            let files = match files_for(&key, own.pack_parts()) {
                files if files.is_empty() => installed(tx, &ctx, &key)?.ok_or_else(|| Problem::not_found("pack"))?.1.files,
                files => files,
            };
            try_out(&own, tx, &ctx, files, false)
        })
        .await?;
    Ok(axum::Json(report))
}

/// What removing a pack would take away and what would stay. Nothing is changed.
#[utoipa::path(get, path = "/packs/{key}/removal", params(("key" = String, Path)), responses((status = 200, body = Report), (status = 409, description = "pack.needed, pack.required")), tag = "packs", summary = "What removing a pack would do", extensions(("x-permission" = json!("pack.manage"))))]
pub(crate) async fn removal(State(app): State<App>, who: Allowed<PackManage>, axum::extract::Path(key): axum::extract::Path<String>) -> Answer<axum::Json<Report>> {
    let (ctx, own) = (who.ctx(), app.clone());
    Ok(axum::Json(app.db().write(move |tx| removing::try_removal(&own, tx, &ctx, &key)).await?))
}

/// Remove a pack. What nobody edited and nothing needs goes; the rest stays as the house's own (`kept`).
#[utoipa::path(delete, path = "/packs/{key}", params(("key" = String, Path)), responses((status = 200, body = Report), (status = 409, description = "pack.needed, pack.required")), tag = "packs", summary = "Remove a pack", extensions(("x-permission" = json!("pack.manage"))))]
pub(crate) async fn take_away(State(app): State<App>, who: Allowed<PackManage>, axum::extract::Path(key): axum::extract::Path<String>) -> Answer<Response> {
    let (ctx, once, own) = (who.ctx(), who.once(""), app.clone());
    app.command(once, StatusCode::OK, move |tx| removing::remove(&own, tx, &ctx, &key)).await
}

/// The workspace's configuration as one pack.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Exported {
    key: String,
    files: Vec<PackFile>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportParams {
    /// Key of the new pack; `own` unless given.
    #[serde(default)]
    key: Option<String>,
    /// Only files whose path begins so, e.g. `case-types/complaint.toml`; `pack.toml` is always there.
    #[serde(default)]
    only: Option<String>,
}

/// Everything a pack can hold, as it stands now: `POST /packs` takes these files.
#[utoipa::path(get, path = "/packs/export", params(ExportParams), responses((status = 200, body = Exported)), tag = "packs", summary = "Export the configuration as a pack", extensions(("x-permission" = json!("pack.manage"))))]
pub(crate) async fn export(State(app): State<App>, who: Allowed<PackManage>, query: Params<ExportParams>) -> Answer<axum::Json<Exported>> {
    let (ctx, own) = (who.ctx(), app.clone());
    let (key, only) = (query.0.key.unwrap_or_else(|| "own".into()), query.0.only.unwrap_or_default());
    app.query(move |tx| {
        let mut files = exporting::export(tx, ctx.workspace, own.pack_parts(), &key)?;
        files.retain(|file| file.path == crate::manifest::FILE || file.path.starts_with(&only));
        Ok(Exported { files, key: key.clone() })
    })
    .await
}
