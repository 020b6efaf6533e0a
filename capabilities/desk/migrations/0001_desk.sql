CREATE TABLE desk_case (
  case_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  number {text} NOT NULL,
  title {text} NOT NULL,
  case_type {text} NOT NULL,
  stage {text} NOT NULL,
  status {text} NOT NULL,
  active {bool} NOT NULL,
  priority {text} NOT NULL,
  rank {int} NOT NULL,
  channel {text} NOT NULL,
  inbox_id {id},
  language {text},
  region {text},
  tier {text},
  customer_id {id},
  customer_name {text},
  org_unit_id {id},
  team_id {id},
  assignee_id {id},
  accountable_id {id},
  tags {json} NOT NULL,
  opened_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  last_in_at {int},
  last_at {int},
  last_direction {text},
  last_author {text},
  last_preview {text},
  messages {int} NOT NULL,
  clocks {json} NOT NULL,
  clock_kind {text},
  clock_state {text},
  warn_at {int},
  due_at {int},
  due_sort {int} NOT NULL,
  breached {bool} NOT NULL,
  snoozed_until {int},
  closed_at {int},
  merged {bool} NOT NULL,
  version {int} NOT NULL
);
CREATE INDEX desk_case_all ON desk_case (workspace_id, active, updated_at, case_id);
CREATE INDEX desk_case_team ON desk_case (team_id, active, updated_at, case_id);
CREATE INDEX desk_case_assignee ON desk_case (assignee_id, active, updated_at, case_id);
CREATE INDEX desk_case_accountable ON desk_case (accountable_id, active, updated_at, case_id);
CREATE INDEX desk_case_unit ON desk_case (org_unit_id, active, updated_at, case_id);
CREATE INDEX desk_case_customer ON desk_case (customer_id, updated_at, case_id);
CREATE INDEX desk_case_all_due ON desk_case (workspace_id, active, due_sort, case_id);
CREATE INDEX desk_case_team_due ON desk_case (team_id, active, due_sort, case_id);
CREATE INDEX desk_case_assignee_due ON desk_case (assignee_id, active, due_sort, case_id);
CREATE INDEX desk_case_all_opened ON desk_case (workspace_id, active, opened_at, case_id);
CREATE INDEX desk_case_all_rank ON desk_case (workspace_id, active, rank, updated_at, case_id);
CREATE INDEX desk_case_status ON desk_case (workspace_id, status, updated_at, case_id);
CREATE INDEX desk_case_number ON desk_case (workspace_id, number);
CREATE INDEX desk_case_unassigned ON desk_case (team_id, updated_at, case_id) WHERE active AND assignee_id IS NULL;

CREATE TABLE desk_watcher (
  case_id {id} NOT NULL,
  person_id {id} NOT NULL,
  PRIMARY KEY (case_id, person_id)
);
CREATE INDEX desk_watcher_person ON desk_watcher (person_id, case_id);

CREATE TABLE desk_tag (
  case_id {id} NOT NULL,
  tag {text} NOT NULL,
  PRIMARY KEY (case_id, tag)
);
CREATE INDEX desk_tag_tag ON desk_tag (tag, case_id);

CREATE TABLE desk_mention (
  case_id {id} NOT NULL,
  person_id {id} NOT NULL,
  at {int} NOT NULL,
  PRIMARY KEY (person_id, case_id)
);

CREATE TABLE desk_name (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  kind {text} NOT NULL,
  name {text} NOT NULL
);

CREATE TABLE desk_member (
  person_id {id} NOT NULL,
  team_id {id} NOT NULL,
  PRIMARY KEY (person_id, team_id)
);

CREATE TABLE desk_read (
  person_id {id} NOT NULL,
  case_id {id} NOT NULL,
  at {int} NOT NULL,
  PRIMARY KEY (person_id, case_id)
);

CREATE TABLE desk_view (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  person_id {id},
  team_id {id},
  filter {json} NOT NULL,
  sort {text} NOT NULL,
  ord {int} NOT NULL,
  version {int} NOT NULL
);
CREATE INDEX desk_view_person ON desk_view (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX desk_view_team ON desk_view (team_id) WHERE team_id IS NOT NULL;

CREATE TABLE desk_notice (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  person_id {id} NOT NULL,
  kind {text} NOT NULL,
  case_id {id},
  number {text} NOT NULL,
  title {text} NOT NULL,
  text {text} NOT NULL,
  at {int} NOT NULL,
  read_at {int}
);
CREATE INDEX desk_notice_person ON desk_notice (person_id, id);
CREATE INDEX desk_notice_unread ON desk_notice (person_id, id) WHERE read_at IS NULL;
