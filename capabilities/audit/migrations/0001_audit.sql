-- The people as identity tells of them, so that a row of the audit can be shown with a name and within a scope.
-- The audit rows themselves belong to the store.

CREATE TABLE audit_person (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  org_unit_id {id}
);
