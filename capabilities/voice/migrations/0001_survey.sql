CREATE TABLE survey_seen (
  message_id {id} PRIMARY KEY,
  inbox_id {id} NOT NULL,
  party {json} NOT NULL,
  subject {text} NOT NULL,
  wire_id {text},
  language {text},
  at {int} NOT NULL
);

CREATE TABLE survey_contact (
  conversation_id {id} PRIMARY KEY,
  case_id {id} NOT NULL,
  inbox_id {id} NOT NULL,
  party {json} NOT NULL,
  subject {text} NOT NULL,
  wire_id {text},
  language {text}
);
CREATE INDEX survey_contact_case ON survey_contact (case_id);

CREATE TABLE survey_case (
  case_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  number {text} NOT NULL,
  title {text} NOT NULL,
  customer_id {id},
  assignee_id {id},
  access {json} NOT NULL
);

CREATE TABLE survey_request (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  case_id {id} NOT NULL,
  number {text} NOT NULL,
  title {text} NOT NULL,
  customer_id {id},
  contact {text} NOT NULL,
  language {text} NOT NULL,
  requested_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  score {int},
  answered_at {int},
  comment {text},
  commented_at {int}
);
CREATE INDEX survey_request_case ON survey_request (case_id, id);
CREATE INDEX survey_request_contact ON survey_request (workspace_id, contact, requested_at);
CREATE INDEX survey_request_answered ON survey_request (workspace_id, answered_at, id) WHERE answered_at IS NOT NULL;
