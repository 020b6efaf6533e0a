CREATE TABLE routing_person (
  person_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  active {bool} NOT NULL,
  status {text} NOT NULL,
  org_unit_id {id},
  skills {json} NOT NULL,
  languages {json} NOT NULL,
  capacity {int} NOT NULL
);

CREATE TABLE routing_member (
  team_id {id} NOT NULL,
  person_id {id} NOT NULL,
  PRIMARY KEY (team_id, person_id)
);
CREATE INDEX routing_member_person ON routing_member (person_id);

CREATE TABLE routing_team (
  team_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  skills {json} NOT NULL
);

CREATE TABLE routing_case (
  case_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  open {bool} NOT NULL,
  team_id {id},
  org_unit_id {id},
  assignee_id {id},
  language {text},
  tags {json} NOT NULL,
  opened_at {int} NOT NULL,
  tried {text}
);
CREATE INDEX routing_case_load ON routing_case (assignee_id) WHERE open AND assignee_id IS NOT NULL;
CREATE INDEX routing_case_queue ON routing_case (team_id, opened_at) WHERE open AND assignee_id IS NULL;
