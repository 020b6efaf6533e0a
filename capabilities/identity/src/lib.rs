//! People and rights: the organisation, teams, roles, accounts, sessions and API tokens.
//!
//! The web room asks [`authenticate`] on every request; everything that decides what a person may see starts there.

mod admin;
mod assignment;
mod authenticate;
mod builtin;
pub mod cli;
mod codes;
mod directory;
mod hash;
mod input;
mod invitation;
mod letters;
mod link;
mod me;
mod me_security;
mod org_unit;
mod org_units;
mod pack_roles;
mod passwords;
mod people;
mod people_doors;
mod person;
mod person_row;
mod policy;
mod role;
mod roles;
mod seen;
mod session;
mod sessions;
mod setup;
mod sign_in;
mod sweep;
mod team;
mod teams;
mod throttle;
mod token;
mod tokens;
mod totp;
mod viewer;
mod workspace;

use shouwen_store::Migration;
use shouwen_web::{Module, OpenApiRouter, routes};

pub use admin::{
    SYSTEM_ROLES, announce_all, change_password, deactivate_person, find_person, issue_token, list_people, require_password_change, reset_mfa, revoke_all_sessions, revoke_sessions, unlock,
};
pub use assignment::{Assigned, ReachKind, grant_role};
pub use authenticate::authenticate;
pub use builtin::{ADMINISTRATOR, ensure_built_in_roles};
pub use hash::hash_password;
pub use input::Localised;
pub use invitation::invite;
pub use org_unit::{NewOrgUnit, create_org_unit};
pub use person::{NewPerson, Skill, create_person, set_status};
pub use policy::{Rule, check_password, random_password};
pub use setup::{is_needed, setup_token};
pub use team::{NewTeam, create_team};
pub use workspace::set_mfa_roles;

shouwen_web::permissions! {
    /// Create, edit, invite and deactivate people, and give them roles.
    PeopleManage = "people.manage", "管理人员", "Manage people";
    /// Create and edit roles.
    RoleManage = "role.manage", "管理角色", "Manage roles";
    /// Create and edit teams and org units.
    TeamManage = "team.manage", "管理班组与组织机构", "Manage teams and org units";
    /// Settings of the workspace.
    WorkspaceManage = "workspace.manage", "管理工作区设置", "Manage workspace settings";
    /// Make API tokens of one's own.
    TokenManage = "token.manage", "创建 API 令牌", "Create API tokens";
}

/// The capability's schema.
pub const MIGRATIONS: &[Migration] = &[
    Migration { capability: "identity", version: 1, sql: include_str!("../migrations/0001_identity.sql") },
    Migration { capability: "identity", version: 2, sql: include_str!("../migrations/0002_pack_roles.sql") },
    Migration { capability: "identity", version: 3, sql: include_str!("../migrations/0003_letters.sql") },
];

/// What the binary lists.
pub fn module() -> Module {
    let routes = OpenApiRouter::new()
        .routes(routes!(setup::show, setup::finish))
        .routes(routes!(sign_in::create, sign_in::show, sign_in::end))
        .routes(routes!(sessions::list, sessions::end_others))
        .routes(routes!(sessions::end))
        .routes(routes!(me::edit))
        .routes(routes!(me::status))
        .routes(routes!(me_security::password))
        .routes(routes!(me_security::begin_totp, me_security::remove_totp))
        .routes(routes!(me_security::confirm_totp))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::delete))
        .routes(routes!(people::list, people::create))
        .routes(routes!(people::show, people::edit))
        .routes(routes!(people_doors::invite_person))
        .routes(routes!(people_doors::mfa_reset))
        .routes(routes!(people_doors::unlock_person))
        .routes(routes!(people_doors::end_sessions))
        .routes(routes!(invitation::preview))
        .routes(routes!(invitation::accept))
        .routes(routes!(directory::directory))
        .routes(routes!(teams::list, teams::create))
        .routes(routes!(teams::edit, teams::delete))
        .routes(routes!(org_units::list, org_units::create))
        .routes(routes!(org_units::edit, org_units::delete))
        .routes(routes!(roles::list, roles::create))
        .routes(routes!(roles::edit, roles::delete))
        .routes(routes!(roles::permissions))
        .routes(routes!(workspace::show, workspace::edit));
    Module {
        migrations: MIGRATIONS,
        routes,
        permissions: PERMISSIONS,
        subscriptions: vec![letters::INBOXES, letters::WISHES],
        tasks: vec![sweep::task],
        parts: vec![pack_roles::PART],
        ..Module::new("identity")
    }
}
