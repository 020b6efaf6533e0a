-- People and rights. E-mail addresses are sealed; secrets are stored as hashes only.

CREATE TABLE identity_org_unit (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  parent_id {id},
  name {text} NOT NULL,
  kind {text} NOT NULL,
  region_code {text},
  version {int} NOT NULL,
  created_at {int} NOT NULL
);
CREATE INDEX identity_org_unit_tree ON identity_org_unit (workspace_id, parent_id);

-- Every unit with each of its ancestors and itself (depth 0): a subtree is one index range.
CREATE TABLE identity_org_path (
  workspace_id {id} NOT NULL,
  ancestor_id {id} NOT NULL,
  unit_id {id} NOT NULL,
  depth {int} NOT NULL,
  PRIMARY KEY (ancestor_id, unit_id)
);
CREATE INDEX identity_org_path_unit ON identity_org_path (unit_id, depth);

CREATE TABLE identity_person (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  email_sealed {text} NOT NULL,
  email_index {text} NOT NULL,
  active {bool} NOT NULL,
  locale {text} NOT NULL,
  time_zone {text} NOT NULL,
  org_unit_id {id},
  skills {json} NOT NULL,
  languages {json} NOT NULL,
  capacity {int} NOT NULL,
  status {text} NOT NULL,
  preferences {json} NOT NULL,
  password_hash {text},
  must_change_password {bool} NOT NULL,
  totp_sealed {text},
  totp_pending {text},
  totp_step {int} NOT NULL,
  last_seen_at {int},
  version {int} NOT NULL,
  created_at {int} NOT NULL,
  UNIQUE (email_index)
);
CREATE INDEX identity_person_list ON identity_person (workspace_id, id);
CREATE INDEX identity_person_unit ON identity_person (org_unit_id, id);

CREATE TABLE identity_team (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  org_unit_id {id},
  skills {json} NOT NULL,
  version {int} NOT NULL,
  created_at {int} NOT NULL
);
CREATE INDEX identity_team_list ON identity_team (workspace_id, id);
CREATE INDEX identity_team_unit ON identity_team (org_unit_id, id);

CREATE TABLE identity_team_member (
  workspace_id {id} NOT NULL,
  team_id {id} NOT NULL,
  person_id {id} NOT NULL,
  PRIMARY KEY (team_id, person_id)
);
CREATE INDEX identity_team_member_person ON identity_team_member (person_id, team_id);
CREATE INDEX identity_team_member_workspace ON identity_team_member (workspace_id);

CREATE TABLE identity_role (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  key {text},
  name_zh {text} NOT NULL,
  name_en {text} NOT NULL,
  permissions {json} NOT NULL,
  built_in {bool} NOT NULL,
  version {int} NOT NULL,
  created_at {int} NOT NULL,
  UNIQUE (workspace_id, key)
);
CREATE INDEX identity_role_list ON identity_role (workspace_id, id);

-- A role given to a person, with how far it reaches.
CREATE TABLE identity_assignment (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  person_id {id} NOT NULL,
  role_id {id} NOT NULL,
  reach {text} NOT NULL,
  org_unit_id {id},
  team_id {id}
);
CREATE INDEX identity_assignment_person ON identity_assignment (person_id);
CREATE INDEX identity_assignment_role ON identity_assignment (role_id);
CREATE INDEX identity_assignment_workspace ON identity_assignment (workspace_id);

CREATE TABLE identity_session (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  person_id {id} NOT NULL,
  token_hash {text} NOT NULL,
  created_at {int} NOT NULL,
  last_seen_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  ip {text},
  user_agent {text} NOT NULL,
  UNIQUE (token_hash)
);
CREATE INDEX identity_session_person ON identity_session (person_id, id);
CREATE INDEX identity_session_expiry ON identity_session (expires_at);
CREATE INDEX identity_session_idle ON identity_session (last_seen_at);

CREATE TABLE identity_token (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  person_id {id} NOT NULL,
  name {text} NOT NULL,
  token_hash {text} NOT NULL,
  permissions {json},
  created_at {int} NOT NULL,
  expires_at {int},
  last_used_at {int},
  UNIQUE (token_hash)
);
CREATE INDEX identity_token_person ON identity_token (person_id, id);

CREATE TABLE identity_recovery_code (
  workspace_id {id} NOT NULL,
  person_id {id} NOT NULL,
  code_index {text} NOT NULL,
  used_at {int},
  PRIMARY KEY (person_id, code_index)
);

-- Links that open one door once: an invitation belongs to a person; the set-up link to nobody yet.
CREATE TABLE identity_link (
  token_hash {text} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  kind {text} NOT NULL,
  person_id {id},
  created_at {int} NOT NULL,
  expires_at {int}
);
CREATE INDEX identity_link_person ON identity_link (person_id);
CREATE INDEX identity_link_kind ON identity_link (kind, expires_at);

-- Failed sign-ins by account, by address and by both. Before somebody is signed in there is no workspace, so the key
-- alone names the row; it is a keyed hash, so the table tells nobody's address.
CREATE TABLE identity_throttle (
  key {text} PRIMARY KEY,
  failures {int} NOT NULL,
  last_at {int} NOT NULL,
  blocked_until {int} NOT NULL
);
CREATE INDEX identity_throttle_age ON identity_throttle (last_at);
