//! The index on disk: open, feed, commit, search.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use shouwen_kernel::{Problem, Result, problem};
use tantivy::directory::MmapDirectory;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::query::EnableScoring;
use tantivy::schema::Value;
use tantivy::{IndexReader, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, Term};

use crate::build::plan;
use crate::collect::{Best, Found};
use crate::schema::{FORMAT, Fields, access_key, hash};
use crate::visible::Cache;
use crate::{Doc, Hit, Kind, Query, Results, Snippet, Visibility, snippet};

/// What one commit gathers in memory before a part of it goes to disk.
const ARENA: usize = 20_000_000;
const MOST_HITS: usize = 200;

/// The search index of this node. Every call blocks; call it from a thread that may.
pub struct Index {
    path: PathBuf,
    fields: Fields,
    index: tantivy::Index,
    reader: IndexReader,
    // Made at the first write: an idle product pays nothing for it.
    writer: Mutex<Option<IndexWriter>>,
    cache: Cache,
}

/// Figures for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Rows, access documents included.
    pub rows: u64,
    /// Pieces on disk; a merge in the background keeps them few.
    pub segments: usize,
    /// Bytes on disk.
    pub bytes: u64,
}

impl Index {
    /// Opens the index in `dir`, or starts an empty one when there is none, when it was made under another `version`
    /// (the caller's, raised when it puts other texts in) or by another format, or when it cannot be read.
    ///
    /// Errors: the folder cannot be written.
    pub fn open(dir: &Path, version: &str) -> Result<Self> {
        let path = dir.join("index");
        let stamp = dir.join("VERSION");
        let wanted = format!("{FORMAT} {version}\n");
        let fields = Fields::new();
        fs::create_dir_all(dir).map_err(|e| io(dir, &e))?;
        let opened = (fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) && path.join("meta.json").exists())
            .then(|| start(&path, &fields))
            .and_then(|result| result.inspect_err(|problem| tracing::warn!(%problem, "search index unreadable, building it again")).ok());
        let (index, reader) = match opened {
            Some(opened) => opened,
            None => {
                if path.exists() {
                    fs::remove_dir_all(&path).map_err(|e| io(&path, &e))?;
                }
                fs::create_dir_all(&path).map_err(|e| io(&path, &e))?;
                let opened = start(&path, &fields)?;
                // The stamp comes last: a crash in between leaves no stamp, and the next start begins again.
                fs::write(&stamp, &wanted).map_err(|e| io(&stamp, &e))?;
                opened
            }
        };
        Ok(Self { path, fields, index, reader, writer: Mutex::new(None), cache: Cache::default() })
    }

    /// The log position of the last commit; `None` when nothing was committed yet: feed from the beginning.
    pub fn position(&self) -> Option<String> {
        self.index.load_metas().ok()?.payload
    }

    /// Adds a text, in place of the one with the same key. Found after the next [`commit`](Self::commit), by those whom
    /// [`scope`](Self::scope) lets see its case.
    pub fn put(&self, doc: &Doc) -> Result<()> {
        let row = self.fields.row(doc);
        self.replace(&doc.key, Some(row))
    }

    /// Says who may see a case (or customer) and all that belongs to it; cheap however much that is.
    pub fn scope(&self, workspace: &str, case_id: &str, who: &Visibility) -> Result<()> {
        self.scope_any(workspace, case_id, std::slice::from_ref(who))
    }

    /// The same for what is seen by whoever one of `ways` lets in: a customer by each of their cases.
    pub fn scope_any(&self, workspace: &str, case_id: &str, ways: &[Visibility]) -> Result<()> {
        let row = self.fields.access(workspace, case_id, ways);
        self.replace(&access_key(workspace, case_id), Some(row))
    }

    /// From the next commit on nobody but a viewer of everything finds what belongs to the case.
    pub fn unscope(&self, workspace: &str, case_id: &str) -> Result<()> {
        self.replace(&access_key(workspace, case_id), None)
    }

    /// Removes a text; no error when there is none.
    pub fn delete(&self, key: &str) -> Result<()> {
        self.replace(key, None)
    }

    /// Makes everything so far durable and findable, and remembers how far the log was read.
    ///
    /// Batch one or two seconds of events, or a few thousand, into one commit: each costs an fsync and a small file.
    /// After an error nothing since the last commit is kept: read [`position`](Self::position) and feed again.
    pub fn commit(&self, position: &str) -> Result<()> {
        let mut guard = self.writer()?;
        let done = guard.as_mut().map_or(Ok(()), |writer| {
            let mut prepared = writer.prepare_commit()?;
            prepared.set_payload(position);
            prepared.commit().map(|_| ())
        });
        if let Err(error) = done {
            *guard = None;
            return Err(fault(error));
        }
        drop(guard);
        self.reader.reload().map_err(fault)
    }

    /// Finds what the viewer may see. Never fails on any text; an empty one finds nothing.
    pub fn search(&self, query: &Query) -> Result<Results> {
        let searcher = self.reader.searcher();
        self.answer(&searcher, query).map_err(fault)
    }

    fn answer(&self, searcher: &Searcher, query: &Query) -> tantivy::Result<Results> {
        let limit = query.limit.min(MOST_HITS);
        if limit == 0 || query.scope.is_empty() || searcher.num_docs() == 0 {
            return Ok(Results::default());
        }
        let Some(plan) = plan(&query.text, &self.fields, searcher)? else { return Ok(Results::default()) };
        let visible = self.cache.visible(&self.fields, searcher, &query.workspace, &query.scope)?;
        let kinds = if query.kinds.is_empty() { !1 } else { query.kinds.iter().fold(0, |bits, k| bits | 1 << k.code()) };
        // More than asked for: the newest are preferred among near equals, and a case is named once.
        let best = Best { limit: (limit * 4).clamp(40, 800), workspace: hash(&[&query.workspace]), kinds, visible };
        let plan = if query.kinds == [Kind::Customer] { plan.among(&self.fields) } else { plan };
        let mut found = match &plan.quick {
            Some(quick) => {
                let wide = Best { limit: 300, visible: best.visible.clone(), ..best };
                rescore(searcher, plan.strict.as_ref(), searcher.search(quick.as_ref(), &wide)?)?
            }
            None => searcher.search(plan.strict.as_ref(), &best)?,
        };
        let mut partial = false;
        if found.is_empty()
            && let Some(relaxed) = &plan.relaxed
        {
            found = searcher.search(relaxed.as_ref(), &best)?;
            partial = !found.is_empty();
        }
        prefer_newer(&mut found);
        if query.one_per_case {
            let mut seen = std::collections::HashSet::new();
            found.retain(|f| seen.insert(f.owner));
        }
        found.truncate(limit);
        let hits = found.iter().filter_map(|f| self.hit(searcher, f, &plan.needles).transpose()).collect::<tantivy::Result<_>>()?;
        Ok(Results { hits, partial })
    }

    fn hit(&self, searcher: &Searcher, found: &Found, needles: &[String]) -> tantivy::Result<Option<Hit>> {
        let row: TantivyDocument = searcher.doc(found.address)?;
        let text = |field| row.get_first(field).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let segment = searcher.segment_reader(found.address.segment_ord);
        let code = segment.fast_fields().column_first_or_default::<u64>("kind")?.get_val(found.address.doc_id);
        let Some(kind) = Kind::of(code) else { return Ok(None) };
        let (title, body) = (text(self.fields.shown_title), text(self.fields.shown_body));
        let snippet: Snippet = snippet::marked(&body, needles)
            .or_else(|| snippet::marked(&title, needles))
            .unwrap_or_else(|| snippet::beginning(if body.is_empty() { &title } else { &body }));
        Ok(Some(Hit { key: text(self.fields.key), kind, case_id: text(self.fields.case_id), title, at: found.at, score: found.score, snippet }))
    }

    /// Figures for the operator.
    pub fn stats(&self) -> Stats {
        let searcher = self.reader.searcher();
        let bytes = fs::read_dir(&self.path).map_or(0, |files| files.flatten().filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum());
        Stats { rows: searcher.num_docs(), segments: searcher.segment_readers().len(), bytes }
    }

    /// Gives back the memory of the writer until the next write; for quiet times. What was not committed is dropped.
    pub fn rest(&self) {
        let mut guard = self.writer.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *guard = None;
    }

    fn replace(&self, key: &str, row: Option<TantivyDocument>) -> Result<()> {
        let mut guard = self.writer()?;
        let Some(writer) = guard.as_mut() else { return Ok(()) };
        writer.delete_term(Term::from_field_text(self.fields.key, key));
        if let Some(row) = row
            && let Err(error) = writer.add_document(row)
        {
            // A writer whose thread has died takes nothing more.
            *guard = None;
            return Err(fault(error));
        }
        Ok(())
    }

    fn writer(&self) -> Result<MutexGuard<'_, Option<IndexWriter>>> {
        let mut guard = self.writer.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if guard.is_none() {
            let options = IndexWriterOptions::builder().memory_budget_per_thread(ARENA).num_worker_threads(1).num_merge_threads(1).build();
            let writer: IndexWriter = self.index.writer_with_options(options).map_err(fault)?;
            let mut policy = LogMergePolicy::default();
            // Access documents are replaced all the time; what they leave behind is cleared when it is a third.
            policy.set_del_docs_ratio_before_merge(0.34);
            writer.set_merge_policy(Box::new(policy));
            *guard = Some(writer);
        }
        Ok(guard)
    }
}

fn start(path: &Path, fields: &Fields) -> Result<(tantivy::Index, IndexReader)> {
    let directory = MmapDirectory::open(path).map_err(|e| fault(e.into()))?;
    let index = tantivy::Index::open_or_create(directory, fields.schema.clone()).map_err(fault)?;
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).doc_store_cache_num_blocks(10).try_into().map_err(fault)?;
    Ok((index, reader))
}

/// Gives what was found the scores of another query (which finds it, too).
fn rescore(searcher: &Searcher, query: &dyn tantivy::query::Query, mut found: Vec<Found>) -> tantivy::Result<Vec<Found>> {
    let weight = query.weight(EnableScoring::enabled_from_searcher(searcher))?;
    found.sort_by_key(|f| f.address);
    for segment in found.chunk_by_mut(|a, b| a.address.segment_ord == b.address.segment_ord) {
        let mut scorer = weight.scorer(searcher.segment_reader(segment[0].address.segment_ord), 1.0)?;
        for f in segment {
            let doc = f.address.doc_id;
            // A scorer must not be asked to go back.
            if (scorer.doc() == doc) || (scorer.doc() < doc && scorer.seek(doc) == doc) {
                f.score = scorer.score();
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Up to a tenth more for the newest of what was found, falling to nothing over a year.
fn prefer_newer(found: &mut [Found]) {
    let Some(newest) = found.iter().map(|f| f.at).max() else { return };
    for f in found.iter_mut() {
        let years = newest.saturating_sub(f.at) as f32 / 31_536_000.0;
        f.score *= 1.0 + 0.1 * (1.0 - years).clamp(0.0, 1.0);
    }
    found.sort();
}

fn fault(error: tantivy::TantivyError) -> Problem {
    match &error {
        tantivy::TantivyError::LockFailure(..) => {
            Problem::new(problem::Kind::Unavailable, "search.locked", "another process writes the search index").expected("one server per data folder")
        }
        _ => Problem::internal(format!("search index: {error}")),
    }
}

fn io(path: &Path, error: &std::io::Error) -> Problem {
    Problem::internal(format!("search index {}: {error}", path.display())).expected("a folder the server may write")
}
