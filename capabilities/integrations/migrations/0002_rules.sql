-- Which case a mail belongs to, so that an operator sees what did not leave.
CREATE TABLE webhook_sent (
  message_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  case_id {id} NOT NULL
);

-- What rules asked to be told to a webhook: once a wish.
CREATE TABLE webhook_wish (
  workspace_id {id} NOT NULL,
  source {text} NOT NULL,
  delivery_id {id},
  at {int} NOT NULL,
  PRIMARY KEY (workspace_id, source)
);
