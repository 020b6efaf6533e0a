CREATE TABLE pack_installed (
  workspace_id {id} NOT NULL,
  key {text} NOT NULL,
  version {text} NOT NULL,
  title {json} NOT NULL,
  requires {json} NOT NULL,
  content {text} NOT NULL,
  files {int} NOT NULL,
  installed_at {int} NOT NULL,
  installed_by {json} NOT NULL,
  report {json} NOT NULL,
  PRIMARY KEY (workspace_id, key)
);
