//! Who listens, and by which way they could see something: a push is made into bytes once, and given to the sockets it may
//! concern, found by the places and people of its access. Each of them is then asked by the one predicate; nobody else
//! is woken.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::json;
use shouwen_kernel::access::Branch;
use shouwen_kernel::{Access, CaseId, PersonId, Result, Scope, WorkspaceId};
use shouwen_store::{Position, Recorded, Tx, params};
use shouwen_web::Viewer;
use shouwen_web::axum::extract::ws::Utf8Bytes;
use tokio::sync::mpsc;

use crate::project;

/// Pushes that may wait for one socket; whoever is slower reads what was missed from the log.
const WAITING: usize = 256;

/// Whom a push concerns.
#[derive(Clone, Debug)]
pub enum Audience {
    /// Everybody in the workspace: what pickers show has changed.
    Everyone,
    /// Who may read the case.
    Cases(Access),
    /// Who may read the customer.
    Customers(Access),
    /// Nobody beside those named.
    Nobody,
    /// This person.
    Person(PersonId),
}

/// An event ready to be sent.
#[derive(Debug)]
pub struct Push {
    pub position: Position,
    workspace: WorkspaceId,
    audience: Audience,
    frame: Utf8Bytes,
    /// Who was given a notice of it, whatever they may read, and the frame that says so.
    noticed: Option<(Vec<PersonId>, Utf8Bytes)>,
    /// Tells those who heard of it and may not see the case any more; with who may.
    revoke: Option<(Utf8Bytes, Option<Access>)>,
    /// Whose rights have changed.
    rights: Option<PersonId>,
}

/// What a socket is given.
#[derive(Clone, Debug)]
pub enum Signal {
    /// Frames of the event at this place.
    Event(Position, Utf8Bytes, Option<Utf8Bytes>),
    /// A frame that is in no log.
    Frame(Utf8Bytes),
    /// The viewer's rights have changed.
    Look,
}

/// Events that can take a case out of somebody's sight.
const MOVES: [&str; 4] = ["case.assigned", "case.accountable", "case.watched", "case.edited"];

impl Push {
    /// What an event means to sockets; `None`: nothing to any.
    pub fn of(tx: &Tx<'_>, event: &Recorded) -> Result<Option<Self>> {
        let case = project::case_of(event);
        let about_customer = event.kind.starts_with("customer.");
        let (audience, frame) = match event.access()? {
            // Of customers hears who may read customers, of everything else who may read cases.
            Some(access) => (
                if about_customer { Audience::Customers(access) } else { Audience::Cases(access) },
                json!({ "type": "event", "position": event.position, "kind": event.kind, "case_id": case, "actor": event.actor()?, "at": event.at }),
            ),
            // Without access only what concerns everybody's pickers is told, by kind alone.
            None if ["person.", "team.", "org_unit.", "inbox."].iter().any(|p| event.kind.starts_with(p)) => (Audience::Everyone, json!({ "type": "event", "position": event.position, "kind": event.kind })),
            None => (Audience::Nobody, json!(null)),
        };
        let noticed = noticed(event)?;
        if matches!(audience, Audience::Nobody) && noticed.is_none() {
            return Ok(None);
        }
        // A hand-over is told to those who lost sight of the case too; then it must go from their screens.
        let revoke = match case.filter(|_| matches!(audience, Audience::Cases(_)) && MOVES.contains(&event.kind.as_str())) {
            Some(case) => Some((Utf8Bytes::from(json!({ "type": "revoke", "position": event.position, "case_id": case }).to_string()), access_now(tx, case)?)),
            None => None,
        };
        let rights = event.subject.filter(|_| event.kind == "person.rights_changed").map(PersonId);
        Ok(Some(Self { position: event.position, workspace: event.workspace, audience, frame: Utf8Bytes::from(frame.to_string()), noticed, revoke, rights }))
    }

    /// What this viewer is sent of it.
    pub fn for_viewer(&self, viewer: &Viewer) -> Option<Signal> {
        if self.workspace != viewer.workspace {
            return None;
        }
        let noticed = || self.noticed.as_ref().filter(|(people, _)| people.contains(&viewer.person)).map(|(_, frame)| Signal::Event(self.position, frame.clone(), None));
        self.to(&Reach::of(viewer)).or_else(noticed)
    }

    fn to(&self, reach: &Reach) -> Option<Signal> {
        let scope = match &self.audience {
            Audience::Everyone => return Some(Signal::Event(self.position, self.frame.clone(), None)),
            Audience::Nobody | Audience::Person(_) => return None,
            Audience::Cases(access) => reach.cases.as_ref().filter(|scope| scope.sees(access))?,
            Audience::Customers(access) => reach.customers.as_ref().filter(|scope| scope.sees(access))?,
        };
        let gone = self.revoke.as_ref().filter(|(_, now)| !now.as_ref().is_some_and(|now| scope.sees(now))).map(|(frame, _)| frame.clone());
        Some(Signal::Event(self.position, self.frame.clone(), gone))
    }
}

/// Who is given a notice of an event that names them, though it may be about no case they could hear of it by: a warning, a
/// bulletin, a step to decide, a care action.
fn noticed(event: &Recorded) -> Result<Option<(Vec<PersonId>, Utf8Bytes)>> {
    if !project::NOTICED.contains(&event.kind.as_str()) {
        return Ok(None);
    }
    let told = event.payload()?;
    let named = told["people"].as_array().into_iter().flatten().chain([&told["person_id"]]);
    let people: Vec<PersonId> = named.filter_map(|id| id.as_str()?.parse().ok()).collect();
    let frame = json!({ "type": "event", "position": event.position, "kind": "notice" });
    Ok((!people.is_empty()).then(|| (people, Utf8Bytes::from(frame.to_string()))))
}

/// Who may see a case as the lists have it now.
fn access_now(tx: &Tx<'_>, case: CaseId) -> Result<Option<Access>> {
    type Row = (Option<shouwen_kernel::OrgUnitId>, Option<shouwen_kernel::TeamId>, Option<PersonId>, Option<PersonId>);
    let Some((org_unit, team, assignee, accountable)) = tx.opt::<Row>("SELECT org_unit_id, team_id, assignee_id, accountable_id FROM desk_case WHERE case_id = ?1", params![case])? else { return Ok(None) };
    let watchers: Vec<(PersonId,)> = tx.all("SELECT person_id FROM desk_watcher WHERE case_id = ?1", params![case])?;
    Ok(Some(Access { org_unit, team, people: assignee.into_iter().chain(accountable).chain(watchers.into_iter().map(|w| w.0)).collect() }))
}

/// How far a viewer sees.
struct Reach {
    cases: Option<Scope>,
    customers: Option<Scope>,
}

impl Reach {
    fn of(viewer: &Viewer) -> Self {
        Self { cases: viewer.scope("case.read"), customers: viewer.scope("customer.read") }
    }
}

/// A way in, as the index keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Way {
    /// Every socket of the workspace.
    Here,
    All,
    Place(uuid::Uuid),
}

/// Cases or customers: each by its own permission.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Topic {
    Any,
    Cases,
    Customers,
}

type Key = (WorkspaceId, Topic, Way);

fn ways(viewer: &Viewer, reach: &Reach) -> Vec<Key> {
    let workspace = viewer.workspace;
    let mut out = vec![(workspace, Topic::Any, Way::Here), (workspace, Topic::Any, Way::Place(viewer.person.0))];
    for (topic, scope) in [(Topic::Cases, &reach.cases), (Topic::Customers, &reach.customers)] {
        out.extend(scope.iter().flat_map(Scope::branches).map(|branch| {
            let way = match branch {
                Branch::All => Way::All,
                Branch::OrgUnit(id) => Way::Place(id.0),
                Branch::Team(id) => Way::Place(id.0),
                Branch::Person(id) => Way::Place(id.0),
            };
            (workspace, topic, way)
        }));
    }
    out
}

struct Listener {
    person: PersonId,
    reach: Reach,
    keys: Vec<Key>,
    queue: mpsc::Sender<Signal>,
    /// Something could not be given.
    missed: Arc<AtomicBool>,
}

#[derive(Default)]
struct Hub {
    next: u64,
    listeners: HashMap<u64, Listener>,
    index: HashMap<Key, HashSet<u64>>,
}

fn hub() -> &'static Mutex<Hub> {
    static HUB: OnceLock<Mutex<Hub>> = OnceLock::new();
    HUB.get_or_init(Mutex::default)
}

fn locked() -> std::sync::MutexGuard<'static, Hub> {
    hub().lock().unwrap_or_else(|p| p.into_inner())
}

impl Hub {
    fn enter(&mut self, id: u64, listener: Listener) {
        for key in &listener.keys {
            self.index.entry(*key).or_default().insert(id);
        }
        self.listeners.insert(id, listener);
    }

    fn leave(&mut self, id: u64) -> Option<Listener> {
        let gone = self.listeners.remove(&id)?;
        for key in &gone.keys {
            if let Some(there) = self.index.get_mut(key) {
                there.remove(&id);
                if there.is_empty() {
                    self.index.remove(key);
                }
            }
        }
        Some(gone)
    }

    /// Gives every listener who may see it what `make` makes for them; how many had something.
    fn give(&self, workspace: WorkspaceId, audience: &Audience, make: impl Fn(&Listener) -> Option<Signal>) -> usize {
        let (topic, access) = match audience {
            Audience::Everyone | Audience::Nobody | Audience::Person(_) => (Topic::Any, None),
            Audience::Cases(access) => (Topic::Cases, Some(access)),
            Audience::Customers(access) => (Topic::Customers, Some(access)),
        };
        let places: Vec<Way> = match access {
            _ if matches!(audience, Audience::Nobody) => Vec::new(),
            None => vec![if let Audience::Person(person) = audience { Way::Place(person.0) } else { Way::Here }],
            Some(access) => {
                let ids = access.org_unit.map(|id| id.0).into_iter().chain(access.team.map(|id| id.0)).chain(access.people.iter().map(|id| id.0));
                std::iter::once(Way::All).chain(ids.map(Way::Place)).collect()
            }
        };
        let (mut given, mut count) = (HashSet::new(), 0);
        for way in places {
            for id in self.index.get(&(workspace, topic, way)).into_iter().flatten() {
                // Whoever sees everything comes by that way alone.
                if way != Way::All && way != Way::Here && !given.insert(*id) {
                    continue;
                }
                let Some(listener) = self.listeners.get(id) else { continue };
                let Some(signal) = make(listener) else { continue };
                count += 1;
                if listener.queue.try_send(signal).is_err() {
                    listener.missed.store(true, Ordering::Release);
                }
            }
        }
        count
    }
}

/// Gives events to whom they concern; how much was given.
pub fn publish(pushes: &[Push]) -> usize {
    let (hub, mut count) = (locked(), 0);
    for push in pushes {
        count += hub.give(push.workspace, &push.audience, |listener| push.to(&listener.reach));
        // Whoever had the event itself passes this over: it stands at the same place.
        for (person, frame) in push.noticed.iter().flat_map(|(people, frame)| people.iter().map(move |person| (*person, frame))) {
            hub.give(push.workspace, &Audience::Person(person), |_| Some(Signal::Event(push.position, frame.clone(), None)));
        }
        if let Some(person) = push.rights {
            hub.give(push.workspace, &Audience::Everyone, |listener| (listener.person == person).then_some(Signal::Look));
        }
    }
    count
}

/// Gives a frame that is in no log to those who may read such a case.
pub fn tell(workspace: WorkspaceId, access: &Access, frame: &serde_json::Value) {
    let frame = Utf8Bytes::from(frame.to_string());
    locked().give(workspace, &Audience::Cases(access.clone()), |listener| listener.reach.cases.as_ref().filter(|scope| scope.sees(access)).map(|_| Signal::Frame(frame.clone())));
}

/// A place among those who listen; given up when it is dropped.
pub struct Seat {
    id: u64,
    pub queue: mpsc::Receiver<Signal>,
    missed: Arc<AtomicBool>,
}

impl Seat {
    /// Begins to listen.
    pub fn take(viewer: &Viewer) -> Self {
        let (sender, queue) = mpsc::channel(WAITING);
        let missed = Arc::new(AtomicBool::new(false));
        let reach = Reach::of(viewer);
        let mut hub = locked();
        hub.next += 1;
        let id = hub.next;
        hub.enter(id, Listener { person: viewer.person, keys: ways(viewer, &reach), reach, queue: sender, missed: missed.clone() });
        Self { id, queue, missed }
    }

    /// The viewer's rights are these now.
    pub fn move_to(&self, viewer: &Viewer) {
        let reach = Reach::of(viewer);
        let mut hub = locked();
        if let Some(before) = hub.leave(self.id) {
            hub.enter(self.id, Listener { keys: ways(viewer, &reach), reach, ..before });
        }
    }

    /// Whether something could not be given since this was last asked.
    pub fn missed(&self) -> bool {
        self.missed.swap(false, Ordering::AcqRel)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        locked().leave(self.id);
    }
}

#[cfg(test)]
mod tests {
    use shouwen_contracts::warnings::{BulletinMade, WarningEvent};
    use shouwen_kernel::ObjectId;
    use shouwen_testkit::{TestApp, on_both};

    use super::*;

    fn modules() -> Vec<shouwen_web::Module> {
        vec![crate::module()]
    }

    fn heard(seat: &mut Seat) -> Vec<String> {
        std::iter::from_fn(|| seat.queue.try_recv().ok()).filter_map(|signal| if let Signal::Event(_, frame, _) = signal { Some(frame.as_str().to_owned()) } else { None }).collect()
    }

    #[test]
    fn who_is_given_a_notice_about_no_case_hears_of_it_live_and_nobody_else() {
        on_both(modules, |t: TestApp| {
            let (reader, other) = (t.person("经理", &["case.read"]), t.person("坐席", &["case.read"]));
            let (mut for_reader, mut for_other) = (Seat::take(&reader), Seat::take(&other));
            let id: ObjectId = t.app.ids().next(t.app.clock());
            t.emit::<WarningEvent>(
                Some(id.0),
                None,
                BulletinMade { bulletin_id: t.app.ids().next(t.app.clock()), period: "day".into(), from: t.app.clock().now(), to: t.app.clock().now(), people: vec![reader.person], at: t.app.clock().now() }.into(),
            );
            let event = t.recorded().into_iter().find(|event| event.kind == "bulletin.made").unwrap();
            let push = t.db.read_blocking(move |tx| Push::of(tx, &event)).unwrap().unwrap();
            publish(std::slice::from_ref(&push));
            assert!(matches!(&heard(&mut for_reader)[..], [frame] if frame.contains("\"notice\"")));
            assert_eq!(heard(&mut for_other), Vec::<String>::new());
            // So does who comes back later.
            assert!(push.for_viewer(&reader).is_some() && push.for_viewer(&other).is_none());
        });
    }
}
