-- Notices of reviews, warnings, crises and care carry what they are about.
ALTER TABLE desk_notice ADD COLUMN data {json};

-- Who holds a role, and which cases they may read.
CREATE TABLE desk_role (
  person_id {id} NOT NULL,
  workspace_id {id} NOT NULL,
  role {text} NOT NULL,
  reads {json} NOT NULL,
  PRIMARY KEY (person_id, role)
);
CREATE INDEX desk_role_role ON desk_role (workspace_id, role, person_id);

-- Who may name the accountable person, and how far: whoever may so for a team leads it.
CREATE TABLE desk_lead (
  person_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  leads {json} NOT NULL
);
CREATE INDEX desk_lead_workspace ON desk_lead (workspace_id, person_id);

-- Who asked for a review that still runs.
CREATE TABLE desk_asked (
  review_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  person_id {id} NOT NULL,
  title {text} NOT NULL
);

-- How many answers somebody sent and how many cases they closed on a day (yyyymmdd, the workspace's).
CREATE TABLE desk_day (
  person_id {id} NOT NULL,
  day {int} NOT NULL,
  answered {int} NOT NULL,
  closed {int} NOT NULL,
  PRIMARY KEY (person_id, day)
);

-- The case types, for boards.
CREATE TABLE desk_type (
  workspace_id {id} NOT NULL,
  key {text} NOT NULL,
  title_zh {text} NOT NULL,
  title_en {text} NOT NULL,
  stages {json} NOT NULL,
  PRIMARY KEY (workspace_id, key)
);

-- Since when a case stands in its stage, and how often somebody asked to get on with it.
CREATE TABLE desk_stay (
  case_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  since {int} NOT NULL,
  reminders {int} NOT NULL,
  reminded_at {int}
);

-- What a case waits for: a work order of another department (`department`), a review (`review`).
CREATE TABLE desk_wait (
  case_id {id} NOT NULL,
  ref {id} NOT NULL,
  workspace_id {id} NOT NULL,
  kind {text} NOT NULL,
  number {text} NOT NULL,
  title_zh {text} NOT NULL,
  title_en {text} NOT NULL,
  step {int} NOT NULL,
  steps {int} NOT NULL,
  people {json} NOT NULL,
  since {int} NOT NULL,
  due_at {int},
  PRIMARY KEY (case_id, ref)
);

CREATE TABLE desk_presence (
  person_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  status {text} NOT NULL,
  at {int} NOT NULL
);

CREATE TABLE desk_team (
  team_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  org_unit_id {id}
);
CREATE INDEX desk_team_workspace ON desk_team (workspace_id, name, team_id);

-- Boards and accountability look only at what is not archived.
CREATE INDEX desk_case_board ON desk_case (workspace_id, case_type, stage, due_sort, case_id) WHERE status <> 'closed' AND NOT merged;
CREATE INDEX desk_case_answers ON desk_case (accountable_id, due_sort, case_id) WHERE status <> 'closed' AND NOT merged;
