CREATE TABLE webhook_hook (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  url {text} NOT NULL,
  secret {text} NOT NULL,
  kinds {json} NOT NULL,
  active {bool} NOT NULL,
  failing_since {int},
  trouble {text},
  version {int} NOT NULL,
  created_at {int} NOT NULL
);
CREATE INDEX webhook_hook_workspace ON webhook_hook (workspace_id, id);

CREATE TABLE webhook_delivery (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  hook_id {id} NOT NULL,
  kind {text} NOT NULL,
  body {text} NOT NULL,
  state {text} NOT NULL,
  attempts {int} NOT NULL,
  status {int},
  answer {text},
  at {int} NOT NULL,
  done_at {int}
);
CREATE INDEX webhook_delivery_hook ON webhook_delivery (hook_id, id);
