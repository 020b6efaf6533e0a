-- Whose case it is, and the customer's tier as it is now: by that it is served, not by the one it was opened with.
ALTER TABLE routing_case ADD COLUMN customer_id {id};
CREATE INDEX routing_case_customer ON routing_case (customer_id, case_id) WHERE customer_id IS NOT NULL AND open;

CREATE TABLE routing_customer (
  customer_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  tier {text}
);
