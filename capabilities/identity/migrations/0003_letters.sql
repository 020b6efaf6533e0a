-- The inboxes mail to people of the house can leave from.
CREATE TABLE identity_inbox (
  inbox_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  general {bool} NOT NULL
);
CREATE INDEX identity_inbox_choice ON identity_inbox (workspace_id, general, inbox_id);

-- Mail somebody wished for: once per source and person. `skipped` says why there was none.
CREATE TABLE identity_letter (
  workspace_id {id} NOT NULL,
  source {text} NOT NULL,
  person_id {id} NOT NULL,
  message_id {id},
  skipped {text},
  at {int} NOT NULL,
  PRIMARY KEY (workspace_id, source, person_id)
);
