-- Items of packs, escalation ladders, regulatory clocks, clocks that rest in a stage.

ALTER TABLE clock_calendar ADD COLUMN key {text};
ALTER TABLE clock_calendar ADD COLUMN pack {text};
ALTER TABLE clock_calendar ADD COLUMN pack_print {text};
CREATE UNIQUE INDEX clock_calendar_key ON clock_calendar (workspace_id, key) WHERE key IS NOT NULL;

ALTER TABLE clock_level ADD COLUMN key {text};
ALTER TABLE clock_level ADD COLUMN pack {text};
ALTER TABLE clock_level ADD COLUMN pack_print {text};
ALTER TABLE clock_level ADD COLUMN ladder {json};
CREATE UNIQUE INDEX clock_level_key ON clock_level (workspace_id, key) WHERE key IS NOT NULL;

-- What a law, a regulator or the house itself sets, as data people may edit.
CREATE TABLE clock_policy (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  key {text} NOT NULL,
  title {json} NOT NULL,
  regime {text} NOT NULL,
  source {text} NOT NULL,
  active {bool} NOT NULL,
  applies {json},
  starts {text} NOT NULL,
  ends {text} NOT NULL,
  amount {int} NOT NULL,
  unit {text} NOT NULL,
  calendar_id {id} NOT NULL,
  pausable {bool} NOT NULL,
  warn_at {real} NOT NULL,
  ladder {json} NOT NULL,
  version {int} NOT NULL,
  pack {text},
  pack_print {text},
  UNIQUE (workspace_id, key)
);
CREATE INDEX clock_policy_calendar ON clock_policy (calendar_id);

-- Which clocks rest in which stage of which type; fed by case_type.saved.
CREATE TABLE clock_stage (
  workspace_id {id} NOT NULL,
  case_type {text} NOT NULL,
  stage {text} NOT NULL,
  pause {json} NOT NULL,
  PRIMARY KEY (workspace_id, case_type, stage)
);

ALTER TABLE clock_case ADD COLUMN case_type {text};
ALTER TABLE clock_case ADD COLUMN stage {text};
CREATE INDEX clock_case_stage ON clock_case (workspace_id, case_type, stage, case_id) WHERE stage IS NOT NULL;

-- The rungs of the ladder as this plan sets them: [{"step","at","to","told"}].
ALTER TABLE clock_clock ADD COLUMN steps {json};
