//! The search index of this node.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use shouwen_kernel::{Problem, Result};
use shouwen_search::Index;
use shouwen_web::App;

/// Raised when other texts go in; the folder is then rebuilt from the log.
pub const SEARCH_VERSION: &str = "2";

/// The index in the data folder of `app`, opened once for the process.
pub fn of(app: &App) -> Result<Arc<Index>> {
    static OPEN: OnceLock<Mutex<HashMap<PathBuf, Arc<Index>>>> = OnceLock::new();
    let folder = app.config().data_dir.join("search");
    let mut open = OPEN.get_or_init(Mutex::default).lock().unwrap_or_else(|p| p.into_inner());
    if let Some(index) = open.get(&folder) {
        return Ok(index.clone());
    }
    let index = Arc::new(Index::open(&folder, SEARCH_VERSION).map_err(|e| Problem::internal(format!("the search index in {} cannot be opened: {e}", folder.display())))?);
    open.insert(folder, index.clone());
    Ok(index)
}
