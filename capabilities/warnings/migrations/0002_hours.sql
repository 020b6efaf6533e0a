-- Working calendars, as service levels tell of them: a grade may ask for an answer within working hours.
CREATE TABLE warning_calendar (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  key {text},
  name {text} NOT NULL,
  spec {json} NOT NULL
);
CREATE INDEX warning_calendar_workspace ON warning_calendar (workspace_id, key);

-- Regions as complaints name them: how those of customers begin that belong to it, and the unit that answers for it.
CREATE TABLE warning_region (
  workspace_id {id} NOT NULL,
  key {text} NOT NULL,
  matches {json} NOT NULL,
  unit {text},
  PRIMARY KEY (workspace_id, key)
);

-- Whether somebody may read warnings in the whole workspace: a bulletin speaks of all of it.
CREATE TABLE warning_reader (
  person_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL
);
