CREATE TABLE warning_threshold (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  key {text} NOT NULL,
  enabled {bool} NOT NULL,
  content {json} NOT NULL,
  pack {text},
  pack_print {text},
  counting {bool} NOT NULL,
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  version {int} NOT NULL
);
CREATE UNIQUE INDEX warning_threshold_key ON warning_threshold (workspace_id, key);

CREATE TABLE warning_turn (
  workspace_id {id} PRIMARY KEY
);

CREATE TABLE warning_fact (
  case_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  number {text} NOT NULL,
  case_type {text} NOT NULL,
  channel {text} NOT NULL,
  priority {text} NOT NULL,
  tier {text},
  category {text},
  path {json} NOT NULL,
  region {text},
  product {text},
  cause {text},
  responsibility {text},
  classified {bool} NOT NULL,
  merged {bool} NOT NULL,
  aside {bool} NOT NULL,
  opened_at {int} NOT NULL
);
CREATE INDEX warning_fact_opened ON warning_fact (workspace_id, opened_at, case_id);
CREATE INDEX warning_fact_age ON warning_fact (opened_at);

CREATE TABLE warning_member (
  threshold_id {id} NOT NULL,
  case_id {id} NOT NULL,
  workspace_id {id} NOT NULL,
  grp {text} NOT NULL,
  bucket {int} NOT NULL,
  opened_at {int} NOT NULL,
  PRIMARY KEY (threshold_id, case_id)
);
CREATE INDEX warning_member_group ON warning_member (threshold_id, grp, opened_at);
CREATE INDEX warning_member_case ON warning_member (case_id);

CREATE TABLE warning_count (
  threshold_id {id} NOT NULL,
  grp {text} NOT NULL,
  bucket {int} NOT NULL,
  workspace_id {id} NOT NULL,
  n {int} NOT NULL,
  PRIMARY KEY (threshold_id, grp, bucket)
);
CREATE INDEX warning_count_recent ON warning_count (threshold_id, bucket);

CREATE TABLE warning_group (
  threshold_id {id} NOT NULL,
  grp {text} NOT NULL,
  workspace_id {id} NOT NULL,
  open_id {id},
  grade {text} NOT NULL,
  raised_at {int} NOT NULL,
  PRIMARY KEY (threshold_id, grp)
);

CREATE TABLE warning_warning (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  threshold_id {id},
  threshold {text} NOT NULL,
  grp {text} NOT NULL,
  title_zh {text} NOT NULL,
  title_en {text} NOT NULL,
  grade {text} NOT NULL,
  why {text} NOT NULL,
  category {text},
  region {text},
  product {text},
  found {int} NOT NULL,
  peak {int} NOT NULL,
  threshold_limit {int} NOT NULL,
  window_s {int} NOT NULL,
  response_zh {text} NOT NULL,
  response_en {text} NOT NULL,
  org_unit_id {id},
  team_id {id},
  case_id {id},
  case_number {text},
  case_problem {text},
  state {text} NOT NULL,
  live {bool} NOT NULL,
  raised_at {int} NOT NULL,
  graded_at {int} NOT NULL,
  respond_by {int} NOT NULL,
  overdue_at {int},
  rung {int} NOT NULL,
  answer {text},
  answered_at {int},
  answered_by {id},
  late {bool} NOT NULL,
  closed_at {int},
  closed_by {id},
  version {int} NOT NULL
);
CREATE INDEX warning_warning_live ON warning_warning (workspace_id, live, raised_at, id);
CREATE INDEX warning_warning_raised ON warning_warning (workspace_id, raised_at, id);
CREATE INDEX warning_warning_team ON warning_warning (team_id, raised_at, id);
CREATE INDEX warning_warning_unit ON warning_warning (org_unit_id, raised_at, id);
CREATE INDEX warning_warning_case ON warning_warning (case_id);
CREATE INDEX warning_warning_threshold ON warning_warning (threshold_id);

CREATE TABLE warning_person (
  warning_id {id} NOT NULL,
  person_id {id} NOT NULL,
  PRIMARY KEY (warning_id, person_id)
);
CREATE INDEX warning_person_person ON warning_person (person_id, warning_id);

CREATE TABLE warning_step (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  warning_id {id} NOT NULL,
  kind {text} NOT NULL,
  grade {text} NOT NULL,
  from_grade {text},
  found {int} NOT NULL,
  step_limit {int} NOT NULL,
  why {text} NOT NULL,
  person_id {id},
  text {text},
  at {int} NOT NULL
);
CREATE INDEX warning_step_warning ON warning_step (warning_id, at, id);
CREATE INDEX warning_step_at ON warning_step (workspace_id, at);

CREATE TABLE warning_bulletin (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  mark {text} NOT NULL,
  period {text} NOT NULL,
  from_at {int} NOT NULL,
  to_at {int} NOT NULL,
  zone {text} NOT NULL,
  content {json} NOT NULL,
  people {int} NOT NULL,
  made_by {id},
  made_at {int} NOT NULL
);
CREATE UNIQUE INDEX warning_bulletin_mark ON warning_bulletin (workspace_id, mark);
CREATE INDEX warning_bulletin_made ON warning_bulletin (workspace_id, made_at, id);

CREATE TABLE warning_crisis (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  case_id {id},
  case_number {text},
  case_problem {text},
  warning_id {id},
  from_case_id {id},
  title {text} NOT NULL,
  situation {text} NOT NULL,
  state {text} NOT NULL,
  live {bool} NOT NULL,
  declared_by {id} NOT NULL,
  declared_at {int} NOT NULL,
  plan_hours {int} NOT NULL,
  plan_due_at {int} NOT NULL,
  plan {text},
  plan_at {int},
  plan_by {id},
  plan_overdue_at {int},
  spokesperson {text},
  statement {text},
  statement_at {int},
  over_at {int},
  over_by {id},
  write_up_due_at {int},
  write_up {text},
  write_up_at {int},
  write_up_by {id},
  write_up_overdue_at {int},
  ended_at {int},
  version {int} NOT NULL
);
CREATE INDEX warning_crisis_live ON warning_crisis (workspace_id, live, declared_at, id);
CREATE INDEX warning_crisis_declared ON warning_crisis (workspace_id, declared_at, id);
CREATE INDEX warning_crisis_by ON warning_crisis (declared_by, declared_at, id);
CREATE INDEX warning_crisis_case ON warning_crisis (case_id);
CREATE INDEX warning_crisis_from ON warning_crisis (from_case_id);
CREATE INDEX warning_crisis_warning ON warning_crisis (warning_id);

CREATE TABLE warning_crisis_member (
  crisis_id {id} NOT NULL,
  person_id {id} NOT NULL,
  acknowledged_at {int},
  PRIMARY KEY (crisis_id, person_id)
);
CREATE INDEX warning_crisis_member_person ON warning_crisis_member (person_id, crisis_id);

CREATE TABLE warning_crisis_log (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  crisis_id {id} NOT NULL,
  kind {text} NOT NULL,
  person_id {id},
  text {text} NOT NULL,
  at {int} NOT NULL
);
CREATE INDEX warning_crisis_log_crisis ON warning_crisis_log (crisis_id, id);

CREATE TABLE warning_staff (
  person_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  active {bool} NOT NULL,
  locale {text} NOT NULL,
  org_unit_id {id}
);
CREATE INDEX warning_staff_workspace ON warning_staff (workspace_id);

CREATE TABLE warning_role (
  workspace_id {id} NOT NULL,
  role {text} NOT NULL,
  person_id {id} NOT NULL,
  PRIMARY KEY (workspace_id, role, person_id)
);
CREATE INDEX warning_role_person ON warning_role (person_id);

CREATE TABLE warning_team_member (
  team_id {id} NOT NULL,
  person_id {id} NOT NULL,
  PRIMARY KEY (team_id, person_id)
);
CREATE INDEX warning_team_member_person ON warning_team_member (person_id);

CREATE TABLE warning_team (
  team_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL
);
CREATE INDEX warning_team_name ON warning_team (workspace_id, name);

CREATE TABLE warning_unit (
  org_unit_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  region_code {text},
  path {json} NOT NULL
);
CREATE INDEX warning_unit_region ON warning_unit (workspace_id, region_code);

CREATE TABLE warning_label (
  workspace_id {id} NOT NULL,
  kind {text} NOT NULL,
  key {text} NOT NULL,
  zh {text} NOT NULL,
  en {text} NOT NULL,
  PRIMARY KEY (workspace_id, kind, key)
);
