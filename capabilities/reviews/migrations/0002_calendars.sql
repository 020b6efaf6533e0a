-- Working calendars, as service levels tell of them.
CREATE TABLE review_calendar (
  calendar_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  key {text},
  name {text} NOT NULL,
  spec {json} NOT NULL
);
CREATE INDEX review_calendar_workspace ON review_calendar (workspace_id, key);
