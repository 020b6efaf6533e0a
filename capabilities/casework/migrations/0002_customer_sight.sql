-- What decides who may open a case for a customer: their unit, and who made them.
ALTER TABLE case_customer ADD COLUMN org_unit_id {id};
ALTER TABLE case_customer ADD COLUMN made_by {id};
CREATE INDEX case_customer_merged ON case_customer (merged_into) WHERE merged_into IS NOT NULL;
