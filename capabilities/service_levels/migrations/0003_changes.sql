-- Whose case it is, what is known of customers, the forms of case types, and for which moments something was told.

ALTER TABLE clock_case ADD COLUMN customer_id {id};
CREATE INDEX clock_case_customer ON clock_case (customer_id, case_id) WHERE customer_id IS NOT NULL;

-- The latest warning and breach that were told: a plan that goes back to them tells nothing again.
ALTER TABLE clock_clock ADD COLUMN warn_told {int};
ALTER TABLE clock_clock ADD COLUMN breach_told {int};

CREATE TABLE clock_customer (
  customer_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  region {text},
  tier {text}
);

CREATE TABLE clock_form (
  workspace_id {id} NOT NULL,
  case_type {text} NOT NULL,
  form {json} NOT NULL,
  PRIMARY KEY (workspace_id, case_type)
);
