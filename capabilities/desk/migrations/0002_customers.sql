-- Who may find a customer: their unit, who made them, whom they are part of. Their cases stand in desk_case.
CREATE TABLE desk_customer (
  customer_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  org_unit_id {id},
  made_by {id},
  merged_into {id}
);
CREATE INDEX desk_customer_merged ON desk_customer (merged_into) WHERE merged_into IS NOT NULL;
