//! The doors to a case: who may, and what a command answers.

use serde::Serialize;
use serde_json::json;
use shouwen_kernel::{Actor, CaseId, Lang, Permission, PersonId, Problem, Result};
use shouwen_store::{Ctx, Position, Tx};
use shouwen_web::{Allowed, Viewer};
use utoipa::ToSchema;

use crate::case::Case;
use crate::view::{self, CaseView};

/// An ordinary request that takes a command back.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Undo {
    pub method: String,
    /// Under `/api/v1`.
    pub path: String,
    /// JSON body; null when the request has none.
    pub body: serde_json::Value,
}

impl Undo {
    /// The request `method path body`.
    pub fn new(method: &str, path: String, body: serde_json::Value) -> Self {
        Self { method: method.to_owned(), path: format!("/api/v1{path}"), body }
    }
}

/// What every command on a case answers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CaseAnswer {
    pub case: CaseView,
    /// Takes the command back; null when there is nothing to take back.
    pub undo: Option<Undo>,
    /// Place in the log after which this state holds.
    #[schema(value_type = String)]
    pub position: Position,
}

/// Somebody who does something to a case.
#[derive(Clone)]
pub struct Deed {
    pub ctx: Ctx,
    pub viewer: Viewer,
    permission: &'static str,
}

impl Deed {
    /// For a handler that asked for permission `P`.
    pub fn of<P: Permission>(who: &Allowed<P>) -> Self {
        Self { ctx: who.ctx(), viewer: who.viewer.clone(), permission: P::CODE }
    }

    /// For work that goes on after its request was answered.
    pub fn for_viewer(viewer: Viewer, ip: Option<String>) -> Self {
        Self { ctx: Ctx { workspace: viewer.workspace, actor: viewer.actor(), ip }, viewer, permission: "case.read" }
    }

    /// The house itself: a rule, a review, a clock. It may do everything that the type of a case allows to the product.
    pub fn of_house(ctx: &Ctx) -> Self {
        let viewer = Viewer {
            workspace: ctx.workspace,
            person: PersonId::NIL,
            name: match &ctx.actor {
                Actor::System { name } => name.clone(),
                _ => String::new(),
            },
            session: None,
            token: None,
            grants: Vec::new(),
            lang: Lang::Zh,
            time_zone: "Asia/Shanghai".to_owned(),
            must_enrol: false,
        };
        Self { ctx: ctx.clone(), viewer, permission: "case.read" }
    }

    /// Whether it is the house itself.
    pub fn is_house(&self) -> bool {
        self.viewer.person == PersonId::NIL
    }

    /// Who did it, for messages.
    pub fn person(&self) -> Option<PersonId> {
        (!self.is_house()).then_some(self.viewer.person)
    }

    /// The same somebody doing another thing.
    pub fn needing(&self, permission: &'static str) -> Self {
        Self { permission, ..self.clone() }
    }

    /// A case they may see, or 404.
    pub fn see(&self, tx: &Tx<'_>, id: CaseId) -> Result<Case> {
        let case = Case::load(tx, self.viewer.workspace, id)?.ok_or_else(|| Problem::not_found("case"))?;
        self.check_sight(&case)?;
        Ok(case)
    }

    /// A case they may do this to, locked: 404 when they may not see it, 403 when they may see it but not do this.
    pub fn open(&self, tx: &Tx<'_>, id: CaseId) -> Result<Case> {
        let case = Case::lock(tx, self.viewer.workspace, id)?.ok_or_else(|| Problem::not_found("case"))?;
        self.check(&case)?;
        Ok(case)
    }

    /// Whether they may do this to the case.
    pub fn check(&self, case: &Case) -> Result<()> {
        if self.is_house() {
            return Ok(());
        }
        self.check_sight(case)?;
        if may(&self.viewer, self.permission, case) { Ok(()) } else { Err(Problem::forbidden(self.permission)) }
    }

    fn check_sight(&self, case: &Case) -> Result<()> {
        if may(&self.viewer, "case.read", case) { Ok(()) } else { Err(Problem::not_found("case")) }
    }

    /// The answer of a command: the case as it is now.
    pub fn answer(&self, tx: &Tx<'_>, case: &Case, undo: Option<Undo>) -> Result<CaseAnswer> {
        Ok(CaseAnswer { case: view::case(tx, &self.viewer, case)?, undo, position: tx.log_head()? })
    }

    /// Audits a deed done to a case.
    pub fn audit(&self, tx: &Tx<'_>, action: &str, case: &Case, detail: Option<serde_json::Value>) -> Result<()> {
        tx.audit(&self.ctx, action, "case", Some(case.id.0), detail)
    }
}

/// Whether a viewer holds `permission` for this case.
pub fn may(viewer: &Viewer, permission: &str, case: &Case) -> bool {
    viewer.scope(permission).is_some_and(|scope| scope.sees(&case.access()))
}

/// The refusal of an edit that was based on an older version, with both values.
pub fn version_conflict(tx: &Tx<'_>, viewer: &Viewer, case: &Case, conflicts: Vec<serde_json::Value>) -> Result<Problem> {
    Ok(Problem::conflict("version_conflict", "somebody else changed this in the meantime")
        .expected("look at both values, then send again with the current version")
        .detail(json!({ "current": view::case(tx, viewer, case)?, "conflicts": conflicts })))
}
