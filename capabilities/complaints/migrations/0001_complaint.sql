CREATE TABLE complaint_category (
  workspace_id {id} NOT NULL,
  key {text} NOT NULL,
  place {int} NOT NULL,
  content {json} NOT NULL,
  pack {text},
  pack_print {text},
  updated_at {int} NOT NULL,
  version {int} NOT NULL,
  PRIMARY KEY (workspace_id, key)
);

CREATE TABLE complaint_item (
  workspace_id {id} NOT NULL,
  kind {text} NOT NULL,
  key {text} NOT NULL,
  place {int} NOT NULL,
  content {json} NOT NULL,
  pack {text},
  pack_print {text},
  updated_at {int} NOT NULL,
  PRIMARY KEY (workspace_id, kind, key)
);

CREATE TABLE complaint_case (
  case_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  customer_id {id},
  counted {bool} NOT NULL,
  complaint {bool} NOT NULL,
  closed {bool} NOT NULL,
  repeated {bool} NOT NULL,
  path {text} NOT NULL,
  region {text} NOT NULL,
  grade {text} NOT NULL,
  team_id {id},
  org_unit_id {id},
  assignee_id {id},
  accountable_id {id},
  opened_at {int} NOT NULL,
  sketch {json},
  state {json} NOT NULL
);
CREATE INDEX complaint_case_opened ON complaint_case (workspace_id, counted, opened_at, case_id);
CREATE INDEX complaint_case_team ON complaint_case (team_id, counted, opened_at, case_id);
CREATE INDEX complaint_case_unit ON complaint_case (org_unit_id, counted, opened_at, case_id);
CREATE INDEX complaint_case_assignee ON complaint_case (assignee_id, counted, opened_at, case_id);
CREATE INDEX complaint_case_accountable ON complaint_case (accountable_id, counted, opened_at, case_id);
CREATE INDEX complaint_case_customer ON complaint_case (customer_id, counted, opened_at);

CREATE TABLE complaint_watcher (
  case_id {id} NOT NULL,
  person_id {id} NOT NULL,
  PRIMARY KEY (case_id, person_id)
);
CREATE INDEX complaint_watcher_person ON complaint_watcher (person_id, case_id);

CREATE TABLE complaint_day (
  workspace_id {id} NOT NULL,
  day {int} NOT NULL,
  dimension {text} NOT NULL,
  key {text} NOT NULL,
  team_id {id} NOT NULL,
  org_unit_id {id} NOT NULL,
  opened {int} NOT NULL,
  closed {int} NOT NULL,
  repeated {int} NOT NULL,
  critical {int} NOT NULL,
  PRIMARY KEY (workspace_id, day, dimension, key, team_id, org_unit_id)
);

CREATE INDEX complaint_day_key ON complaint_day (workspace_id, dimension, key);

CREATE TABLE complaint_person (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  active {bool} NOT NULL
);

CREATE TABLE complaint_team (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  org_unit_id {id}
);
CREATE INDEX complaint_team_name ON complaint_team (workspace_id, name);

CREATE TABLE complaint_unit (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL
);
CREATE INDEX complaint_unit_name ON complaint_unit (workspace_id, name);

CREATE TABLE complaint_customer (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  region {text},
  org_unit_id {id},
  merged_into {id}
);

CREATE TABLE complaint_type (
  workspace_id {id} NOT NULL,
  key {text} NOT NULL,
  title_zh {text} NOT NULL,
  title_en {text} NOT NULL,
  fields {json} NOT NULL,
  PRIMARY KEY (workspace_id, key)
);

CREATE TABLE complaint_file (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  customer_id {id} NOT NULL,
  open {bool} NOT NULL,
  overdue {bool} NOT NULL,
  reason {text} NOT NULL,
  owner_id {id},
  team_id {id},
  org_unit_id {id},
  plan {text},
  opened_at {int} NOT NULL,
  opened_by {id},
  next_due_at {int},
  closed_at {int},
  closed_by {id},
  outcome {text},
  closing_text {text},
  version {int} NOT NULL
);
CREATE UNIQUE INDEX complaint_file_one ON complaint_file (workspace_id, customer_id) WHERE open;
CREATE INDEX complaint_file_customer ON complaint_file (customer_id, id);
CREATE INDEX complaint_file_open ON complaint_file (workspace_id, open, id);
CREATE INDEX complaint_file_owner ON complaint_file (owner_id, open, id);
CREATE INDEX complaint_file_team ON complaint_file (team_id, open, id);
CREATE INDEX complaint_file_unit ON complaint_file (org_unit_id, open, id);

CREATE TABLE complaint_file_reason (
  id {id} PRIMARY KEY,
  file_id {id} NOT NULL,
  reason {text} NOT NULL,
  case_id {id},
  detail {text} NOT NULL,
  at {int} NOT NULL
);
CREATE INDEX complaint_file_reason_file ON complaint_file_reason (file_id, id);
CREATE INDEX complaint_file_reason_case ON complaint_file_reason (case_id, file_id);

CREATE TABLE complaint_file_person (
  file_id {id} NOT NULL,
  person_id {id} NOT NULL,
  PRIMARY KEY (file_id, person_id)
);
CREATE INDEX complaint_file_person_person ON complaint_file_person (person_id, file_id);

CREATE TABLE complaint_care (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  file_id {id} NOT NULL,
  key {text} NOT NULL,
  title_zh {text} NOT NULL,
  title_en {text} NOT NULL,
  state {text} NOT NULL,
  approval {text} NOT NULL,
  person_id {id},
  due_at {int} NOT NULL,
  overdue {bool} NOT NULL,
  outcome {text},
  note {text} NOT NULL,
  done_by {id},
  done_at {int},
  decided_by {id},
  decision_note {text} NOT NULL,
  created_at {int} NOT NULL
);
CREATE INDEX complaint_care_file ON complaint_care (file_id, due_at, id);
