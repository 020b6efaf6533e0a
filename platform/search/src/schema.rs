//! The fields of the index, and how a document becomes one of its rows.

use tantivy::TantivyDocument;
use tantivy::schema::{FAST, Field, IndexRecordOption, STORED, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{PreTokenizedString, Token};

use crate::fold::fold;
use crate::tokens::{spelt, terms};
use crate::{Doc, Kind, Visibility};

/// Raised whenever fields or tokens change: an index written under another number is built again.
pub(crate) const FORMAT: u32 = 4;
/// Stands in every customer's row: among millions of texts they are found without looking at the others.
pub(crate) const A_CUSTOMER: &str = "customer";
/// What is shown beside a hit comes from this many characters of the body; all of it is searched.
const SHOWN: usize = 4_000;
/// A body longer than this (a pasted log file) is searched up to here.
const SEARCHED: usize = 200_000;

#[derive(Clone)]
pub(crate) struct Fields {
    pub schema: Schema,
    /// The document's key.
    pub key: Field,
    /// Every term of title, body and number.
    pub text: Field,
    /// Terms of the title again, to weigh more.
    pub title: Field,
    /// The case number and its tails.
    pub number: Field,
    /// Access documents: who is let in. Customers: that they are customers.
    pub grant: Field,
    /// Hash of workspace and case: joins a text to its access document.
    pub owner: Field,
    pub workspace: Field,
    pub kind: Field,
    pub at: Field,
    pub case_id: Field,
    pub shown_title: Field,
    pub shown_body: Field,
}

impl Fields {
    pub fn new() -> Self {
        let mut s = Schema::builder();
        let terms = |option: IndexRecordOption, norms: bool| {
            TextOptions::default().set_indexing_options(TextFieldIndexing::default().set_tokenizer("raw").set_index_option(option).set_fieldnorms(norms))
        };
        Self {
            key: s.add_text_field("key", terms(IndexRecordOption::Basic, false) | STORED),
            text: s.add_text_field("text", terms(IndexRecordOption::WithFreqs, true)),
            title: s.add_text_field("title", terms(IndexRecordOption::WithFreqs, true)),
            number: s.add_text_field("number", terms(IndexRecordOption::WithFreqs, false)),
            grant: s.add_text_field("grant", terms(IndexRecordOption::Basic, false)),
            owner: s.add_u64_field("owner", FAST),
            workspace: s.add_u64_field("workspace", FAST),
            kind: s.add_u64_field("kind", FAST),
            at: s.add_i64_field("at", FAST),
            case_id: s.add_text_field("case_id", STORED),
            shown_title: s.add_text_field("shown_title", STORED),
            shown_body: s.add_text_field("shown_body", STORED),
            schema: s.build(),
        }
    }

    /// The row of a text.
    pub fn row(&self, doc: &Doc) -> TantivyDocument {
        let mut row = TantivyDocument::default();
        row.add_text(self.key, &doc.key);
        row.add_u64(self.owner, owner(&doc.workspace, &doc.case_id));
        row.add_u64(self.workspace, hash(&[&doc.workspace]));
        row.add_u64(self.kind, doc.kind.code());
        row.add_i64(self.at, doc.at);
        row.add_text(self.case_id, &doc.case_id);
        row.add_text(self.shown_title, clip(&doc.title, SHOWN));
        row.add_text(self.shown_body, clip(&doc.body, SHOWN));
        let mut all = Vec::new();
        for part in [doc.title.as_str(), clip(&doc.body, SEARCHED), &doc.number] {
            terms(&fold(part).chars, false, &mut |t| all.push(token(t)));
        }
        if doc.kind == Kind::Customer {
            spelt(&fold(clip(&doc.title, 100)).chars, &mut |t| all.push(token(t)));
            row.add_text(self.grant, A_CUSTOMER);
        }
        row.add_pre_tokenized_text(self.text, PreTokenizedString { text: String::new(), tokens: all });
        let mut title = Vec::new();
        terms(&fold(&doc.title).chars, true, &mut |t| title.push(token(t)));
        row.add_pre_tokenized_text(self.title, PreTokenizedString { text: String::new(), tokens: title });
        if !doc.number.is_empty() {
            let mut number = Vec::new();
            terms(&fold(&doc.number).chars, false, &mut |t| number.push(token(t)));
            row.add_pre_tokenized_text(self.number, PreTokenizedString { text: String::new(), tokens: number });
        }
        row
    }

    /// The access document of a case.
    pub fn access(&self, workspace: &str, case_id: &str, ways: &[Visibility]) -> TantivyDocument {
        let mut row = TantivyDocument::default();
        row.add_text(self.key, access_key(workspace, case_id));
        row.add_u64(self.owner, owner(workspace, case_id));
        row.add_u64(self.workspace, hash(&[workspace]));
        row.add_u64(self.kind, 0);
        row.add_i64(self.at, 0);
        let mut grants: Vec<String> = Vec::new();
        for who in ways {
            grants.extend(who.people.iter().map(|p| grant('p', workspace, p)));
            grants.extend(who.team.iter().map(|t| grant('t', workspace, t)));
            grants.extend(who.org_unit.iter().map(|o| grant('o', workspace, o)));
        }
        grants.sort();
        grants.dedup();
        grants.iter().for_each(|g| row.add_text(self.grant, g));
        row
    }
}

fn token(text: &str) -> Token {
    // Positions are not indexed.
    Token { text: text.to_owned(), position: 0, position_length: 1, offset_from: 0, offset_to: 0 }
}

fn clip(text: &str, max: usize) -> &str {
    text.char_indices().nth(max).map_or(text, |(at, _)| &text[..at])
}

pub(crate) fn access_key(workspace: &str, case_id: &str) -> String {
    format!("access\0{workspace}\0{case_id}")
}

pub(crate) fn grant(way: char, workspace: &str, id: &str) -> String {
    format!("{way}\0{workspace}\0{id}")
}

pub(crate) fn owner(workspace: &str, case_id: &str) -> u64 {
    hash(&[workspace, case_id])
}

/// FNV-1a with a final mix. It is written to disk, so it must stay the same for ever (the standard library's may not).
/// Two of a million cases share a value with a probability of 3·10⁻⁸.
pub(crate) fn hash(parts: &[&str]) -> u64 {
    let mut h: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in part.bytes().chain([0xff]) {
            h = (h ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    h = (h ^ (h >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    h = (h ^ (h >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ (h >> 33)
}
