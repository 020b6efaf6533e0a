-- E-mail: inboxes, what was fetched and what became of it, what was sent.

CREATE TABLE mail_inbox (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  address {text} NOT NULL,
  active {bool} NOT NULL,
  team_id {id},
  org_unit_id {id},
  signature {text} NOT NULL,
  default_language {text} NOT NULL,
  incoming {json},
  outgoing {json},
  incoming_secret {text},
  outgoing_secret {text},
  version {int} NOT NULL,
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  deleted_at {int}
);
CREATE INDEX mail_inbox_workspace ON mail_inbox (workspace_id, id);
CREATE UNIQUE INDEX mail_inbox_address ON mail_inbox (workspace_id, address) WHERE deleted_at IS NULL;
CREATE INDEX mail_inbox_active ON mail_inbox (id) WHERE active AND deleted_at IS NULL;

CREATE TABLE mail_health (
  inbox_id {id} NOT NULL,
  side {text} NOT NULL,
  workspace_id {id} NOT NULL,
  state {text} NOT NULL,
  error {text},
  since {int} NOT NULL,
  last_ok_at {int},
  PRIMARY KEY (inbox_id, side)
);

CREATE TABLE mail_cursor (
  inbox_id {id} NOT NULL,
  folder {text} NOT NULL,
  workspace_id {id} NOT NULL,
  uidvalidity {int} NOT NULL,
  last_uid {int} NOT NULL,
  rescan_until {int} NOT NULL,
  rescan {bool} NOT NULL,
  since {int},
  updated_at {int} NOT NULL,
  PRIMARY KEY (inbox_id, folder)
);

CREATE TABLE mail_message (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  inbox_id {id} NOT NULL,
  source {text} NOT NULL,
  folder {text},
  uidvalidity {int},
  uid {int},
  raw {text} NOT NULL,
  size {int} NOT NULL,
  bytes_key {text} NOT NULL,
  same_key {text} NOT NULL,
  received_at {int},
  taken_at {int} NOT NULL,
  state {text} NOT NULL,
  reason {text},
  attempts {int} NOT NULL DEFAULT 0,
  wire_id {text},
  marking {text} NOT NULL,
  copies {int} NOT NULL DEFAULT 0,
  version {int} NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX mail_message_bytes ON mail_message (inbox_id, bytes_key);
CREATE UNIQUE INDEX mail_message_place ON mail_message (inbox_id, folder, uidvalidity, uid) WHERE uid IS NOT NULL;
CREATE INDEX mail_message_same ON mail_message (inbox_id, same_key);
CREATE INDEX mail_message_wire ON mail_message (inbox_id, wire_id) WHERE wire_id IS NOT NULL;
CREATE INDEX mail_message_stored ON mail_message (id) WHERE state = 'stored';
CREATE INDEX mail_message_quarantine ON mail_message (workspace_id, id) WHERE state = 'quarantined';
CREATE INDEX mail_message_marking ON mail_message (inbox_id, uid) WHERE marking = 'pending';

CREATE TABLE mail_unfetched (
  inbox_id {id} NOT NULL,
  folder {text} NOT NULL,
  uidvalidity {int} NOT NULL,
  uid {int} NOT NULL,
  workspace_id {id} NOT NULL,
  attempts {int} NOT NULL,
  next_at {int} NOT NULL,
  error {text} NOT NULL,
  PRIMARY KEY (inbox_id, folder, uidvalidity, uid)
);

CREATE TABLE mail_pop (
  inbox_id {id} NOT NULL,
  uidl {text} NOT NULL,
  workspace_id {id} NOT NULL,
  message_id {id},
  at {int} NOT NULL,
  PRIMARY KEY (inbox_id, uidl)
);

CREATE TABLE mail_sent (
  message_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  inbox_id {id} NOT NULL,
  conversation_id {id},
  wire_id {text} NOT NULL,
  automatic {bool} NOT NULL,
  state {text} NOT NULL,
  accepted {json} NOT NULL,
  at {int} NOT NULL
);
CREATE INDEX mail_sent_wire ON mail_sent (workspace_id, wire_id);

CREATE TABLE mail_loop (
  conversation_id {id} NOT NULL,
  message_id {id} NOT NULL,
  party {text} NOT NULL,
  workspace_id {id} NOT NULL,
  direction {text} NOT NULL,
  automatic {bool} NOT NULL,
  at {int} NOT NULL,
  PRIMARY KEY (conversation_id, message_id, party)
);
CREATE INDEX mail_loop_recent ON mail_loop (conversation_id, at);
