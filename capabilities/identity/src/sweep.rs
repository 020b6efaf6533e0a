//! What runs beside the requests: built-in roles follow the program at its start, uses of sessions are written down,
//! and once in a while what is over is removed.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use shouwen_kernel::Result;
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::App;

use crate::session::IDLE_S;

const FLUSH: Duration = Duration::from_secs(10);
/// Flushes between two clean-ups: half an hour.
const SWEEP_EVERY: u32 = 180;
/// Failures and known addresses are forgotten after so long.
const THROTTLE_S: i64 = 60 * 24 * 3600;
/// Setting that says which telling of everybody's rights was done.
const RIGHTS_TOLD: &str = "identity.rights_told";
/// Rises when what is told of rights grows.
const RIGHTS_VERSION: i64 = 1;

pub(crate) fn task(app: App) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(run(app))
}

async fn run(app: App) {
    let codes: Vec<&'static str> = app.permissions().iter().map(|p| p.code).collect();
    let roles = app.db().write(move |tx| {
        for workspace in tx.workspaces()? {
            // Before set-up there are none, and set-up makes them.
            if crate::role::by_key(tx, workspace.id, crate::ADMINISTRATOR)?.is_some() {
                let ctx = Ctx::system(workspace.id, "identity");
                crate::ensure_built_in_roles(tx, &ctx, &codes)?;
                tell_rights(tx, &ctx)?;
            }
        }
        Ok(())
    });
    if let Err(problem) = roles.await {
        tracing::error!(error = %problem, "the built-in roles could not be brought up to date");
    }
    let stopping = app.stopping();
    let mut round = 0u32;
    loop {
        let stop = tokio::select! { () = tokio::time::sleep(FLUSH) => false, () = stopping.cancelled() => true };
        if let Err(problem) = flush(&app).await {
            tracing::warn!(error = %problem, "uses of sessions could not be written down");
        }
        if stop {
            return;
        }
        round = round.wrapping_add(1);
        if round % SWEEP_EVERY == 1
            && let Err(problem) = app.db().write(sweep).await
        {
            tracing::warn!(error = %problem, "expired sessions could not be removed");
        }
    }
}

/// Tells once what everybody holds: logs written by older programs do not say it, and others (who finds the people
/// behind a role) know rights only from the log.
pub(crate) fn tell_rights(tx: &Tx<'_>, ctx: &Ctx) -> Result<()> {
    if tx.setting::<i64>(ctx.workspace, RIGHTS_TOLD)?.is_some_and(|version| version >= RIGHTS_VERSION) {
        return Ok(());
    }
    for (person,) in tx.all::<(shouwen_kernel::PersonId,)>("SELECT id FROM identity_person WHERE workspace_id = ?1 AND active ORDER BY id", params![ctx.workspace])? {
        crate::assignment::changed(tx, ctx, person)?;
    }
    tx.set_setting(ctx.workspace, RIGHTS_TOLD, &RIGHTS_VERSION)
}

/// Writes down which sessions and tokens were used.
pub(crate) async fn flush(app: &App) -> Result<()> {
    let notes = crate::seen::take(app.db());
    if notes.is_empty() {
        return Ok(());
    }
    app.db().write(move |tx| crate::seen::write(tx, &notes)).await
}

/// Removes what is over. Small steps, so that it never holds the writer long.
pub(crate) fn sweep(tx: &Tx<'_>) -> Result<()> {
    let people: Vec<(shouwen_kernel::PersonId, shouwen_kernel::WorkspaceId)> =
        tx.all("SELECT DISTINCT person_id, workspace_id FROM identity_session WHERE expires_at <= ?1 OR last_seen_at <= ?2 LIMIT 500", params![tx.now(), tx.now().plus_seconds(-IDLE_S)])?;
    tx.execute("DELETE FROM identity_session WHERE expires_at <= ?1", params![tx.now()])?;
    tx.execute("DELETE FROM identity_session WHERE last_seen_at <= ?1", params![tx.now().plus_seconds(-IDLE_S)])?;
    for (person, workspace) in people {
        // Whoever closed the browser without signing out is not there any more.
        if tx.opt::<(i64,)>("SELECT 1 FROM identity_session WHERE person_id = ?1 LIMIT 1", params![person])?.is_none() {
            crate::person::set_status(tx, &Ctx::system(workspace, "identity"), person, "offline")?;
        }
    }
    tx.execute("DELETE FROM identity_link WHERE expires_at <= ?1", params![tx.now()])?;
    tx.execute("DELETE FROM identity_throttle WHERE last_at < ?1", params![tx.now().plus_seconds(-THROTTLE_S)])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use shouwen_contracts::identity::{IdentityEvent, PersonStatus};
    use shouwen_store::params;
    use shouwen_testkit::on_both;

    use crate::person::{NewPerson, create_person, set_status};
    use crate::session::{Origin, start};

    #[test]
    fn rights_of_people_older_than_the_telling_are_told_once() {
        on_both(
            || vec![crate::module()],
            |t| {
                let ctx = t.system();
                t.db.write_blocking(move |tx| {
                    for i in 0..3 {
                        create_person(tx, &ctx, &NewPerson { name: "甲".into(), email: format!("a{i}@example.com"), ..NewPerson::default() })?;
                    }
                    Ok(())
                })
                .unwrap();
                let told = || t.events::<IdentityEvent>().iter().filter(|e| matches!(e, IdentityEvent::RightsChanged(r) if r.roles.is_some())).count();
                let before = told();
                for _ in 0..2 {
                    let ctx = t.system();
                    t.db.write_blocking(move |tx| super::tell_rights(tx, &ctx)).unwrap();
                }
                assert_eq!(told() - before, 3);
            },
        );
    }

    #[test]
    fn what_is_over_goes_and_who_left_without_signing_out_is_offline() {
        on_both(
            || vec![crate::module()],
            |t| {
                let ctx = t.system();
                let person = t
                    .db
                    .write_blocking(move |tx| {
                        let origin = Origin { ip: None, user_agent: "test".into() };
                        let person = create_person(tx, &ctx, &NewPerson { name: "甲".into(), email: "a@example.com".into(), ..NewPerson::default() })?;
                        start(tx, ctx.workspace, person, &origin)?;
                        set_status(tx, &ctx, person, "online")?;
                        crate::invite(tx, &ctx, person)?;
                        crate::throttle::Attempt::of(tx, "b@example.com", None).enter(tx)?;
                        Ok(person)
                    })
                    .unwrap();
                let rows = |t: &shouwen_testkit::TestApp| -> (i64, i64, i64) {
                    t.db.read_blocking(|tx| tx.one("SELECT (SELECT count(*) FROM identity_session), (SELECT count(*) FROM identity_link), (SELECT count(*) FROM identity_throttle)", params![])).unwrap()
                };
                t.db.write_blocking(super::sweep).unwrap();
                assert_eq!(rows(&t), (1, 1, 3));
                t.clock.advance(13 * 3600);
                t.db.write_blocking(super::sweep).unwrap();
                assert_eq!(rows(&t), (0, 1, 3), "idle");
                assert_eq!(t.events::<IdentityEvent>().last(), Some(&PersonStatus { person_id: person, status: "offline".into() }.into()));
                t.clock.advance(60 * 3600);
                t.db.write_blocking(super::sweep).unwrap();
                assert_eq!(rows(&t), (0, 0, 3), "expired");
                t.clock.advance(61 * 24 * 3600);
                t.db.write_blocking(super::sweep).unwrap();
                assert_eq!(rows(&t), (0, 0, 0));
            },
        );
    }
}
