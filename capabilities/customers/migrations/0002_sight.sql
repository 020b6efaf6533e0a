-- Who may see a customer: what the register knows of their cases, and which unit a mailbox belongs to.

-- One row a case. `customer_id` as the case names it, `root_id` the customer at the end of the merges.
CREATE TABLE customer_case (
  case_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  customer_id {id},
  root_id {id},
  team_id {id},
  org_unit_id {id},
  assignee_id {id},
  accountable_id {id}
);
CREATE INDEX customer_case_root ON customer_case (root_id) WHERE root_id IS NOT NULL;
CREATE INDEX customer_case_team ON customer_case (team_id, root_id) WHERE root_id IS NOT NULL;
CREATE INDEX customer_case_org_unit ON customer_case (org_unit_id, root_id) WHERE root_id IS NOT NULL;
CREATE INDEX customer_case_assignee ON customer_case (assignee_id, root_id) WHERE root_id IS NOT NULL;
CREATE INDEX customer_case_accountable ON customer_case (accountable_id, root_id) WHERE root_id IS NOT NULL;

CREATE TABLE customer_case_watcher (
  case_id {id} NOT NULL,
  person_id {id} NOT NULL,
  PRIMARY KEY (case_id, person_id)
);
CREATE INDEX customer_case_watcher_person ON customer_case_watcher (person_id, case_id);

CREATE TABLE customer_inbox (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  org_unit_id {id}
);

-- Who made a customer by hand; they see them as long as nobody else is named to.
ALTER TABLE customer_record ADD COLUMN made_by {id};
CREATE INDEX customer_record_maker ON customer_record (made_by, id) WHERE made_by IS NOT NULL AND merged_into IS NULL;
