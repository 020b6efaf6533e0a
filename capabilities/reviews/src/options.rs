//! What somebody may ask for: the flows and authorities, as a form needs them.

use axum::extract::State;
use serde::Serialize;
use shouwen_web::{Allowed, Answer, App, PackText, axum};
use utoipa::ToSchema;

use crate::def::{AuthorityDef, FlowDef};
use crate::{ReviewRequest, authorities, flows};

/// One tier, as far as whoever asks has to know.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TierOption {
    /// Inclusive; null: any amount.
    pub up_to: Option<String>,
    /// Whom it needs nobody's approval of.
    pub alone: Vec<String>,
    /// The steps by title.
    #[schema(value_type = Vec<Object>)]
    pub steps: Vec<PackText>,
}

/// An authority or a flow to ask by.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReviewOption {
    pub key: String,
    #[schema(value_type = Object)]
    pub title: PackText,
    /// Null of a flow.
    pub currency: Option<String>,
    pub tiers: Vec<TierOption>,
    /// Whether one may act at once (with the permission) and write it up afterwards; until when.
    pub emergency: Option<String>,
}

/// All there is to ask by.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReviewOptions {
    pub authorities: Vec<ReviewOption>,
    pub flows: Vec<ReviewOption>,
}

fn of_authority(def: AuthorityDef) -> ReviewOption {
    let tiers = def.tier.into_iter().map(|tier| TierOption { up_to: tier.up_to, alone: tier.alone, steps: tier.step.into_iter().map(|s| s.title).collect() }).collect();
    ReviewOption { key: def.key, title: def.title, currency: Some(def.currency), tiers, emergency: def.emergency.map(|e| e.write_up) }
}

fn of_flow(def: FlowDef) -> ReviewOption {
    let tiers = vec![TierOption { up_to: None, alone: Vec::new(), steps: def.step.into_iter().map(|s| s.title).collect() }];
    ReviewOption { key: def.key, title: def.title, currency: None, tiers, emergency: def.emergency.map(|e| e.write_up) }
}

#[utoipa::path(get, path = "/review-options", responses((status = 200, body = ReviewOptions)), tag = "reviews", summary = "The flows and authorities one may ask by", extensions(("x-permission" = json!("review.request"))))]
pub async fn options(State(app): State<App>, who: Allowed<ReviewRequest>) -> Answer<axum::Json<ReviewOptions>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| {
        Ok(ReviewOptions {
            authorities: authorities::all(tx, workspace)?.into_iter().map(|stored| of_authority(stored.def)).collect(),
            flows: flows::all(tx, workspace)?.into_iter().map(|stored| of_flow(stored.def)).collect(),
        })
    })
    .await
}
