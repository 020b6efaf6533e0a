CREATE TABLE insight_case (
  case_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  number {text} NOT NULL,
  title {text} NOT NULL,
  channel {text} NOT NULL,
  team_id {id} NOT NULL,
  org_unit_id {id} NOT NULL,
  person_id {id} NOT NULL,
  answers {int} NOT NULL,
  opened_at {int} NOT NULL,
  merged {bool} NOT NULL
);

CREATE TABLE insight_point (
  case_id {id} NOT NULL,
  points {text} NOT NULL,
  slot {text} NOT NULL,
  workspace_id {id} NOT NULL,
  day {int} NOT NULL,
  at {int} NOT NULL,
  numerator {int} NOT NULL,
  denominator {int} NOT NULL,
  value {int},
  team_id {id} NOT NULL,
  org_unit_id {id} NOT NULL,
  person_id {id} NOT NULL,
  channel {text} NOT NULL,
  PRIMARY KEY (case_id, points, slot)
);
CREATE INDEX insight_point_day ON insight_point (workspace_id, points, day, case_id);

CREATE TABLE insight_day (
  workspace_id {id} NOT NULL,
  points {text} NOT NULL,
  total {bool} NOT NULL,
  day {int} NOT NULL,
  team_id {id} NOT NULL,
  org_unit_id {id} NOT NULL,
  person_id {id} NOT NULL,
  channel {text} NOT NULL,
  numerator {int} NOT NULL,
  denominator {int} NOT NULL,
  n {int} NOT NULL,
  PRIMARY KEY (workspace_id, points, total, day, team_id, org_unit_id, person_id, channel)
);

CREATE TABLE insight_spread (
  workspace_id {id} NOT NULL,
  points {text} NOT NULL,
  total {bool} NOT NULL,
  day {int} NOT NULL,
  bucket {int} NOT NULL,
  team_id {id} NOT NULL,
  org_unit_id {id} NOT NULL,
  person_id {id} NOT NULL,
  channel {text} NOT NULL,
  n {int} NOT NULL,
  PRIMARY KEY (workspace_id, points, total, day, bucket, team_id, org_unit_id, person_id, channel)
);

CREATE TABLE insight_name (
  id {id} PRIMARY KEY,
  kind {text} NOT NULL,
  name {text} NOT NULL
);
