CREATE TABLE rule_rule (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  key {text} NOT NULL,
  place {int} NOT NULL,
  enabled {bool} NOT NULL,
  content {json} NOT NULL,
  owner_id {id},
  off_reason {text},
  pack {text},
  pack_print {text},
  active_since {int} NOT NULL,
  fired {int} NOT NULL,
  last_fired_at {int},
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  version {int} NOT NULL
);
CREATE UNIQUE INDEX rule_rule_key ON rule_rule (workspace_id, key);
CREATE INDEX rule_rule_place ON rule_rule (workspace_id, place, key);
CREATE INDEX rule_rule_owner ON rule_rule (owner_id);

CREATE TABLE rule_macro (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  key {text} NOT NULL,
  content {json} NOT NULL,
  pack {text},
  pack_print {text},
  used {int} NOT NULL,
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  version {int} NOT NULL
);
CREATE UNIQUE INDEX rule_macro_key ON rule_macro (workspace_id, key);

CREATE TABLE rule_owner (
  person_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  active {bool} NOT NULL,
  grants {json} NOT NULL,
  seen_at {int} NOT NULL
);
CREATE INDEX rule_owner_workspace ON rule_owner (workspace_id);

CREATE TABLE rule_case (
  case_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  customer_id {id},
  case_type {text} NOT NULL,
  closed {bool} NOT NULL,
  opened_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  state {json} NOT NULL
);
CREATE INDEX rule_case_open ON rule_case (workspace_id, closed, case_id);
CREATE INDEX rule_case_updated ON rule_case (workspace_id, updated_at, case_id);
CREATE INDEX rule_case_customer ON rule_case (customer_id, opened_at);

CREATE TABLE rule_customer (
  customer_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  region {text},
  tier {text}
);

CREATE TABLE rule_firing (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  rule_id {id} NOT NULL,
  mark {text} NOT NULL,
  case_id {id},
  number {text},
  event {text} NOT NULL,
  at {int} NOT NULL,
  because {json} NOT NULL,
  actions {json} NOT NULL,
  chain {json} NOT NULL,
  outcome {text} NOT NULL
);
CREATE UNIQUE INDEX rule_firing_mark ON rule_firing (rule_id, mark);
CREATE INDEX rule_firing_rule ON rule_firing (rule_id, id);
CREATE INDEX rule_firing_case ON rule_firing (rule_id, case_id, at);
CREATE INDEX rule_firing_age ON rule_firing (at);

CREATE TABLE rule_once (
  workspace_id {id} NOT NULL,
  key {text} NOT NULL,
  passing {bool} NOT NULL,
  at {int} NOT NULL,
  PRIMARY KEY (workspace_id, key)
);
CREATE INDEX rule_once_age ON rule_once (passing, at);

CREATE TABLE rule_day (
  rule_id {id} NOT NULL,
  day {int} NOT NULL,
  fired {int} NOT NULL,
  PRIMARY KEY (rule_id, day)
);

CREATE TABLE rule_role (
  workspace_id {id} NOT NULL,
  role {text} NOT NULL,
  person_id {id} NOT NULL,
  reads {json} NOT NULL,
  PRIMARY KEY (workspace_id, role, person_id)
);
CREATE INDEX rule_role_person ON rule_role (person_id);
