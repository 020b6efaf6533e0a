-- The forms of case types: how their answers are compared.
CREATE TABLE rule_form (
  workspace_id {id} NOT NULL,
  case_type {text} NOT NULL,
  form {json} NOT NULL,
  PRIMARY KEY (workspace_id, case_type)
);

-- Who may name the accountable person, and how far (whoever may so for a team leads it), and which cases they read.
CREATE TABLE rule_lead (
  person_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  leads {json} NOT NULL,
  reads {json} NOT NULL
);
CREATE INDEX rule_lead_workspace ON rule_lead (workspace_id, person_id);
