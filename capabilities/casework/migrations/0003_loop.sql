-- Case types from the database, the steps of the closed loop, verification, work orders, hand-over of accountability.

CREATE TABLE case_type (
  workspace_id {id} NOT NULL,
  key {text} NOT NULL,
  version {int} NOT NULL,
  place {int} NOT NULL,
  definition {json} NOT NULL,
  pack {text},
  pack_version {text},
  pack_mark {text},
  updated_at {int} NOT NULL,
  updated_by {id},
  PRIMARY KEY (workspace_id, key)
);

CREATE TABLE case_type_version (
  workspace_id {id} NOT NULL,
  key {text} NOT NULL,
  version {int} NOT NULL,
  definition {json} NOT NULL,
  at {int} NOT NULL,
  by_person {id},
  PRIMARY KEY (workspace_id, key, version)
);

CREATE TABLE case_type_set (
  workspace_id {id} PRIMARY KEY,
  hash {text} NOT NULL
);

ALTER TABLE case_case ADD COLUMN parent_id {id};
ALTER TABLE case_case ADD COLUMN due_at {int};
ALTER TABLE case_case ADD COLUMN stage_at {int};
ALTER TABLE case_case ADD COLUMN reminders {int} NOT NULL DEFAULT 0;
ALTER TABLE case_case ADD COLUMN reminded_at {int};
ALTER TABLE case_case ADD COLUMN former_types {json} NOT NULL DEFAULT '[]';
ALTER TABLE case_case ADD COLUMN verified_way {text};
ALTER TABLE case_case ADD COLUMN verified_at {int};
ALTER TABLE case_case ADD COLUMN review {text};
CREATE INDEX case_case_parent ON case_case (parent_id, id) WHERE parent_id IS NOT NULL;
CREATE INDEX case_case_type ON case_case (workspace_id, case_type, stage);
CREATE INDEX case_case_accountable ON case_case (accountable_id, id) WHERE accountable_id IS NOT NULL AND status <> 'closed';

ALTER TABLE case_watcher ADD COLUMN co_handler {bool} NOT NULL DEFAULT FALSE;

CREATE TABLE case_step (
  case_id {id} NOT NULL,
  place {int} NOT NULL,
  workspace_id {id} NOT NULL,
  step {text} NOT NULL,
  stage {text} NOT NULL,
  entered_at {int} NOT NULL,
  left_at {int},
  by_person {id},
  PRIMARY KEY (case_id, place)
);

CREATE TABLE case_verification (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  case_id {id} NOT NULL,
  way {text} NOT NULL,
  outcome {text} NOT NULL,
  text {text},
  message_id {id},
  name {text},
  signature {text},
  by_person {id},
  at {int} NOT NULL,
  ended_at {int}
);
CREATE INDEX case_verification_case ON case_verification (case_id, id);

CREATE TABLE case_verification_request (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  case_id {id} NOT NULL,
  way {text} NOT NULL,
  language {text} NOT NULL,
  contact {text} NOT NULL,
  asked_by {id},
  asked_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  answer {text},
  answered_at {int}
);
CREATE INDEX case_verification_request_case ON case_verification_request (case_id, id);

CREATE TABLE case_wish (
  workspace_id {id} NOT NULL,
  source {text} NOT NULL,
  case_id {id},
  outcome {text} NOT NULL,
  at {int} NOT NULL,
  PRIMARY KEY (workspace_id, source)
);

CREATE TABLE case_hand_over (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  case_id {id} NOT NULL,
  from_person {id},
  to_person {id} NOT NULL,
  reason {text} NOT NULL,
  offered_by {id} NOT NULL,
  offered_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  began_to_watch {bool} NOT NULL,
  state {text} NOT NULL,
  answer {text},
  answered_at {int}
);
CREATE INDEX case_hand_over_case ON case_hand_over (case_id, id);
CREATE INDEX case_hand_over_offered ON case_hand_over (to_person, id) WHERE state = 'offered';

CREATE TABLE case_recurring (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  title {text} NOT NULL,
  template {json} NOT NULL,
  every {json} NOT NULL,
  active {bool} NOT NULL,
  next_at {int} NOT NULL,
  last_at {int},
  last_case {id},
  person_id {id} NOT NULL,
  version {int} NOT NULL
);
CREATE INDEX case_recurring_workspace ON case_recurring (workspace_id, id);

ALTER TABLE case_canned ADD COLUMN pack {text};
ALTER TABLE case_canned ADD COLUMN pack_mark {text};
