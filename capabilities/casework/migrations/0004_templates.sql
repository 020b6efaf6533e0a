-- Cases prepared beforehand: what an agent opens again and again.
CREATE TABLE case_template (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  content {json} NOT NULL,
  person_id {id} NOT NULL,
  updated_at {int} NOT NULL,
  version {int} NOT NULL
);
CREATE UNIQUE INDEX case_template_name ON case_template (workspace_id, name);
