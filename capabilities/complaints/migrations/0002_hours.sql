-- Working calendars, as service levels tell of them: care is planned in working time.
CREATE TABLE complaint_calendar (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  key {text},
  name {text} NOT NULL,
  spec {json} NOT NULL
);
CREATE INDEX complaint_calendar_workspace ON complaint_calendar (workspace_id, key);

-- Skills of teams: which of a unit's teams a complaint goes to.
ALTER TABLE complaint_team ADD COLUMN skills {json};
CREATE INDEX complaint_team_unit ON complaint_team (workspace_id, org_unit_id);
