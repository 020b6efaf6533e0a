//! What categories and regions are called is told: early warnings and pages name them by it.

use std::future::Future;
use std::pin::Pin;

use shouwen_contracts::complaints::{ComplaintWordsEvent, Named};
use shouwen_kernel::{Result, WorkspaceId};
use shouwen_store::{Ctx, Tx};
use shouwen_web::{App, PackText};

use crate::category::{self, Category};
use crate::items::{self, Item};
use crate::region::Region;

/// Whether what there was before the telling has been told.
const TOLD: &str = "complaints.words_told";

/// What a category or a region is called.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Word {
    /// `category`, `region`.
    pub kind: &'static str,
    pub key: String,
    pub title: PackText,
    pub matches: Vec<String>,
    pub unit: Option<String>,
    pub removed: bool,
}

impl Word {
    pub fn new(kind: &'static str, key: &str) -> Self {
        Self { kind, key: key.to_owned(), ..Self::default() }
    }
}

/// Of a category.
pub fn of_category(category: &Category) -> Word {
    Word { title: category.title.clone(), ..Word::new("category", &category.key) }
}

/// Tells it.
pub fn tell(tx: &Tx<'_>, workspace: WorkspaceId, word: &Word) -> Result<()> {
    let Word { kind, key, title, matches, unit, removed } = word.clone();
    let told = Named { kind: kind.to_owned(), key, title_zh: title.zh, title_en: title.en, matches, unit, removed, at: tx.now() };
    tx.emit::<ComplaintWordsEvent>(&Ctx::system(workspace, "complaints"), None, None, told)
}

/// What is older than the telling is told once, at the start.
fn tell_old(tx: &Tx<'_>) -> Result<()> {
    for workspace in tx.workspaces()? {
        if tx.setting::<bool>(workspace.id, TOLD)?.unwrap_or_default() {
            continue;
        }
        for stored in category::stored(tx, workspace.id)? {
            tell(tx, workspace.id, &of_category(&stored.category))?;
        }
        for word in items::stored::<Region>(tx, workspace.id)?.into_iter().filter_map(|stored| stored.item.word()) {
            tell(tx, workspace.id, &word)?;
        }
        tx.set_setting(workspace.id, TOLD, &true)?;
    }
    Ok(())
}

/// Runs at the start and ends.
pub fn task(app: App) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        if let Err(problem) = app.db().write(tell_old).await {
            tracing::warn!(error = %problem, "categories and regions could not be told");
        }
    })
}
