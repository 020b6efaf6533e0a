-- Customers. Personal fields lie sealed, beside the mask that is shown and the blind index that finds them.

CREATE TABLE customer_record (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  named {bool} NOT NULL,
  kind {text} NOT NULL,
  language {text},
  region {text},
  tier {text},
  home_id {id} NOT NULL,
  notes {text} NOT NULL,
  tags {json} NOT NULL,
  id_number {text},
  id_number_masked {text},
  id_number_blind {text},
  address {text},
  address_masked {text},
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  version {int} NOT NULL,
  merged_into {id}
);
CREATE INDEX customer_record_all ON customer_record (workspace_id, id) WHERE merged_into IS NULL;
CREATE INDEX customer_record_home ON customer_record (home_id, id) WHERE merged_into IS NULL;
CREATE INDEX customer_record_merged ON customer_record (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX customer_record_id_number ON customer_record (workspace_id, id_number_blind) WHERE id_number_blind IS NOT NULL;

CREATE TABLE customer_identity (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  customer_id {id} NOT NULL,
  kind {text} NOT NULL,
  blind {text} NOT NULL,
  sealed {text} NOT NULL,
  masked {text} NOT NULL,
  verified {bool} NOT NULL,
  is_primary {bool} NOT NULL,
  created_at {int} NOT NULL
);
CREATE UNIQUE INDEX customer_identity_blind ON customer_identity (workspace_id, kind, blind);
CREATE INDEX customer_identity_customer ON customer_identity (customer_id, id);

-- What a name is found by: the name, its words, its pinyin, its initials.
CREATE TABLE customer_name (
  workspace_id {id} NOT NULL,
  key {text} NOT NULL,
  customer_id {id} NOT NULL,
  PRIMARY KEY (workspace_id, key, customer_id)
);
CREATE INDEX customer_name_customer ON customer_name (customer_id, key);

CREATE TABLE customer_merge (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  customer_id {id} NOT NULL,
  into_id {id} NOT NULL,
  at {int} NOT NULL,
  by {json} NOT NULL,
  undone_at {int}
);
CREATE INDEX customer_merge_customer ON customer_merge (customer_id, id);

-- The org units as identity tells of them, to check what a customer is said to belong to.
CREATE TABLE customer_org_unit (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL
);
