CREATE TABLE clock_calendar (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  spec {json} NOT NULL,
  version {int} NOT NULL,
  created_at {int} NOT NULL,
  UNIQUE (workspace_id, name)
);

CREATE TABLE clock_level (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  active {bool} NOT NULL,
  ord {int} NOT NULL,
  applies {json},
  calendar_id {id} NOT NULL,
  targets {json} NOT NULL,
  warn_at {real} NOT NULL,
  pause_when {json} NOT NULL,
  version {int} NOT NULL
);
CREATE INDEX clock_level_order ON clock_level (workspace_id, ord, id);
CREATE INDEX clock_level_calendar ON clock_level (calendar_id);

CREATE TABLE clock_case (
  case_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  status {text} NOT NULL,
  facts {json} NOT NULL,
  access {json} NOT NULL,
  level_id {id},
  opened_at {int} NOT NULL,
  responded {bool} NOT NULL,
  merged {bool} NOT NULL
);

CREATE TABLE clock_clock (
  case_id {id} NOT NULL,
  kind {text} NOT NULL,
  workspace_id {id} NOT NULL,
  level_id {id} NOT NULL,
  calendar_id {id} NOT NULL,
  target {text} NOT NULL,
  target_s {int} NOT NULL,
  state {text} NOT NULL,
  started_at {int} NOT NULL,
  due_at {int},
  warn_at {int},
  pauses {json} NOT NULL,
  met_at {int},
  elapsed_s {int},
  warned {bool} NOT NULL,
  breached {bool} NOT NULL,
  history {json} NOT NULL,
  PRIMARY KEY (case_id, kind)
);
CREATE INDEX clock_clock_calendar ON clock_clock (calendar_id, case_id) WHERE state IN ('running', 'paused');
CREATE INDEX clock_clock_level ON clock_clock (level_id, case_id) WHERE state IN ('running', 'paused');
