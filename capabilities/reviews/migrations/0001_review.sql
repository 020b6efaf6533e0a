CREATE TABLE review_flow (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  key {text} NOT NULL,
  content {json} NOT NULL,
  pack {text},
  pack_print {text},
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  version {int} NOT NULL
);
CREATE UNIQUE INDEX review_flow_key ON review_flow (workspace_id, key);

CREATE TABLE review_authority (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  key {text} NOT NULL,
  content {json} NOT NULL,
  pack {text},
  pack_print {text},
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  version {int} NOT NULL,
  reviewed_at {int},
  reviewed_by {id},
  due_at {int} NOT NULL,
  told_at {int}
);
CREATE UNIQUE INDEX review_authority_key ON review_authority (workspace_id, key);

CREATE TABLE review_person (
  person_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  locale {text} NOT NULL,
  active {bool} NOT NULL,
  leads {bool} NOT NULL,
  org_unit_id {id},
  teams {json} NOT NULL,
  grants {json} NOT NULL
);
CREATE INDEX review_person_lead ON review_person (workspace_id, leads, active, person_id);

CREATE TABLE review_role (
  workspace_id {id} NOT NULL,
  role {text} NOT NULL,
  person_id {id} NOT NULL,
  PRIMARY KEY (workspace_id, role, person_id)
);
CREATE INDEX review_role_person ON review_role (person_id);

CREATE TABLE review_case (
  case_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  number {text} NOT NULL,
  title {text} NOT NULL,
  case_type {text} NOT NULL,
  stage {text} NOT NULL,
  status {text} NOT NULL,
  solution {text},
  access {json} NOT NULL
);

CREATE TABLE review_review (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  flow {text} NOT NULL,
  kind {text} NOT NULL,
  title {text} NOT NULL,
  reason {text} NOT NULL,
  case_id {id},
  stage {text},
  amount {int},
  currency {text},
  plan {json} NOT NULL,
  access {json} NOT NULL,
  requester_id {id},
  emergency {bool} NOT NULL,
  state {text} NOT NULL,
  step {int} NOT NULL,
  steps {int} NOT NULL,
  note {text},
  requested_at {int} NOT NULL,
  decided_at {int},
  end_reason {text},
  write_up {text},
  write_up_due_at {int},
  write_up_at {int},
  write_up_late_at {int},
  version {int} NOT NULL
);
CREATE INDEX review_review_all ON review_review (workspace_id, id);
CREATE INDEX review_review_state ON review_review (workspace_id, state, id);
CREATE INDEX review_review_requester ON review_review (workspace_id, requester_id, id);
CREATE INDEX review_review_case ON review_review (case_id, id);

CREATE TABLE review_step (
  review_id {id} NOT NULL,
  place {int} NOT NULL,
  workspace_id {id} NOT NULL,
  state {text} NOT NULL,
  opened_at {int} NOT NULL,
  due_at {int},
  late_at {int},
  ended_at {int},
  note {text},
  PRIMARY KEY (review_id, place)
);

CREATE TABLE review_seat (
  review_id {id} NOT NULL,
  place {int} NOT NULL,
  person_id {id} NOT NULL,
  workspace_id {id} NOT NULL,
  origin {text} NOT NULL,
  state {text} NOT NULL,
  opened_at {int} NOT NULL,
  decided_at {int},
  decided_by {id},
  via {text},
  reason {text},
  PRIMARY KEY (review_id, place, person_id)
);
CREATE INDEX review_seat_person ON review_seat (workspace_id, person_id, state, review_id);
CREATE INDEX review_seat_decided ON review_seat (workspace_id, decided_by, review_id);

CREATE TABLE review_delegation (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  from_person {id} NOT NULL,
  to_person {id} NOT NULL,
  kinds {json} NOT NULL,
  from_at {int} NOT NULL,
  until_at {int} NOT NULL,
  reason {text},
  made_by {id} NOT NULL,
  made_at {int} NOT NULL,
  ended_at {int}
);
CREATE INDEX review_delegation_until ON review_delegation (workspace_id, until_at, from_person);

CREATE TABLE review_link (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  review_id {id} NOT NULL,
  place {int} NOT NULL,
  person_id {id} NOT NULL,
  made_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  seen_at {int},
  used_at {int}
);
CREATE INDEX review_link_review ON review_link (review_id, place);
