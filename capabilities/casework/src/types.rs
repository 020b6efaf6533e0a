//! The case types, for pages and programs.

use axum::extract::State;
use serde::Serialize;
use serde_json::Value as Json;
use shouwen_forms::{Field, FieldType, Form};
use shouwen_kernel::Result;
use shouwen_rules::Words;
use shouwen_stages::{Stage, Title, Verification};
use shouwen_web::{Answer, App, SignedIn};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::kinds::Kind;
use crate::type_store;

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A name in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Name {
    pub zh: String,
    pub en: String,
}

impl From<&Title> for Name {
    fn from(title: &Title) -> Self {
        Self { zh: title.zh.clone(), en: title.en.clone() }
    }
}

impl From<&Words> for Name {
    fn from(words: &Words) -> Self {
        Self { zh: words.pick("zh").to_owned(), en: words.pick("en").to_owned() }
    }
}

/// A stage and the status it means.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StageView {
    pub key: String,
    pub name: Name,
    /// `open`, `waiting`, `resolved`, `closed`.
    pub status: &'static str,
    /// Step of the closed loop: `accept`, `handle`, `review`, `inform`, `callback`, `archive`, `improve`.
    #[serde(rename = "loop")]
    pub step: &'static str,
    pub help: Option<Name>,
    /// Fields that must be answered to go on.
    pub require: Vec<String>,
    /// Where one may go from here; null: anywhere.
    pub to: Option<Vec<String>>,
    /// Who may move it out; null: who may edit the case.
    pub who: Option<Vec<String>>,
    /// Conditions to come in and to go on, in their text form.
    pub enter: Option<String>,
    pub leave: Option<String>,
    /// Kinds of clocks that rest here.
    pub pause: Vec<String>,
    /// The flow of reviews it asks for.
    pub review: Option<String>,
}

/// A field of the type's form, in short; `form` has everything.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldView {
    pub key: String,
    pub name: Name,
    /// `text`, `number`, `date`, `choice`, `bool`.
    pub kind: &'static str,
    /// Allowed values of a `choice`.
    pub choices: Vec<ChoiceView>,
    /// Sealed; shown masked.
    pub personal: bool,
}

/// A choice.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChoiceView {
    pub key: String,
    pub name: Name,
}

/// A way a case can end.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ResolutionKind {
    pub key: String,
    pub name: Name,
    /// Is itself the recorded reason: nothing else verifies the end.
    pub is_reason: bool,
    /// Puts the case aside from any stage.
    pub aside: bool,
}

/// A case type.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CaseTypeView {
    pub key: String,
    pub name: Name,
    pub version: i64,
    /// The pack it came with.
    pub pack: Option<String>,
    /// Changed since it came with its pack.
    pub edited: bool,
    pub first: String,
    pub working: String,
    pub stages: Vec<StageView>,
    pub fields: Vec<FieldView>,
    /// The whole form: sections, conditions, bounds.
    #[schema(value_type = Option<Object>)]
    pub form: Option<Json>,
    pub resolutions: Vec<ResolutionKind>,
    /// `customer`, `signature`, `callback`, `reason`.
    pub verification: Vec<&'static str>,
    /// Some end of it needs more than a resolution; putting it aside then needs a reason in words.
    pub asks_verification: bool,
    /// Who may put a case aside unverified (`permission:CODE` …); empty: whoever may close it.
    pub aside_by: Vec<String>,
}

fn stage(s: &Stage) -> StageView {
    StageView {
        key: s.key.clone(),
        name: (&s.title).into(),
        status: s.status.word(),
        step: s.step.word(),
        help: s.help.as_ref().map(Into::into),
        require: s.require.clone(),
        to: s.to.clone(),
        who: s.who.as_ref().map(|who| who.iter().map(shouwen_stages::Who::word).collect()),
        enter: s.enter.clone(),
        leave: s.leave.clone(),
        pause: s.pause.clone(),
        review: s.review.clone(),
    }
}

fn field(f: &Field) -> FieldView {
    let kind = match f.kind {
        FieldType::Number | FieldType::Money | FieldType::Rating => "number",
        FieldType::Date => "date",
        FieldType::Choice => "choice",
        FieldType::YesNo => "bool",
        _ => "text",
    };
    let choices = if kind == "choice" { f.options.iter().filter(|o| !o.retired).map(|o| ChoiceView { key: o.key.clone(), name: (&o.label).into() }).collect() } else { Vec::new() };
    FieldView { key: f.key.clone(), name: (&f.label).into(), kind, choices, personal: f.personal }
}

/// A type as the API shows it.
pub fn view(kind: &Kind) -> Result<CaseTypeView> {
    let d = kind.definition();
    let Verification { ways, by_resolution, aside_by } = &d.verification;
    Ok(CaseTypeView {
        key: d.key.clone(),
        name: (&d.title).into(),
        version: kind.version,
        pack: kind.pack.clone(),
        edited: kind.edited,
        first: d.first.clone(),
        working: d.working.clone(),
        stages: d.stages.iter().map(stage).collect(),
        fields: d.form.iter().flat_map(Form::fields).map(|(_, f)| field(f)).collect(),
        form: d.form.as_ref().map(serde_json::to_value).transpose()?,
        resolutions: d.resolutions.iter().map(|r| ResolutionKind { key: r.key.clone(), name: (&r.title).into(), is_reason: by_resolution.contains(&r.key), aside: r.aside }).collect(),
        verification: ways.iter().map(|w| w.word()).collect(),
        asks_verification: kind.asks_verification(),
        aside_by: aside_by.iter().map(shouwen_stages::Who::word).collect(),
    })
}

/// Every case type with its stages, form and resolutions.
#[utoipa::path(get, path = "/case-types", responses((status = 200, body = Vec<CaseTypeView>)), tag = "cases", extensions(("x-permission" = json!("signed_in"))))]
async fn list(State(app): State<App>, who: SignedIn) -> Answer<axum::Json<Vec<CaseTypeView>>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| type_store::types(tx, workspace)?.0.iter().map(|kind| view(kind)).collect()).await
}
