-- The spine: log, checkpoints, timers, outbox, blobs, idempotency, audit, leases.

CREATE TABLE workspace (
  id {id} PRIMARY KEY,
  name {text} NOT NULL,
  time_zone {text} NOT NULL,
  locale {text} NOT NULL,
  created_at {int} NOT NULL,
  settings {json} NOT NULL
);

CREATE TABLE event (
  seq {seq},
  tx {txid},
  workspace_id {id} NOT NULL,
  at {int} NOT NULL,
  kind {text} NOT NULL,
  subject {id},
  actor {json} NOT NULL,
  access {json},
  payload {json} NOT NULL
);
CREATE INDEX event_position ON event (tx, seq);
CREATE INDEX event_subject ON event (subject, seq) WHERE subject IS NOT NULL;

CREATE TABLE subscription (
  name {text} PRIMARY KEY,
  tx {int} NOT NULL,
  seq {int} NOT NULL,
  version {int} NOT NULL,
  updated_at {int} NOT NULL
);

CREATE TABLE parked_event (
  subscription {text} NOT NULL,
  seq {int} NOT NULL,
  kind {text} NOT NULL,
  error {text} NOT NULL,
  at {int} NOT NULL,
  PRIMARY KEY (subscription, seq)
);

CREATE TABLE timer (
  kind {text} NOT NULL,
  key {text} NOT NULL,
  workspace_id {id} NOT NULL,
  due_at {int} NOT NULL,
  payload {json} NOT NULL,
  attempts {int} NOT NULL DEFAULT 0,
  error {text},
  PRIMARY KEY (kind, key)
);
CREATE INDEX timer_due ON timer (due_at);

CREATE TABLE outbox (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  kind {text} NOT NULL,
  key {text} NOT NULL,
  payload {json} NOT NULL,
  state {text} NOT NULL,
  attempts {int} NOT NULL DEFAULT 0,
  next_at {int} NOT NULL,
  lease_until {int} NOT NULL DEFAULT 0,
  epoch {int} NOT NULL DEFAULT 0,
  error {text},
  created_at {int} NOT NULL,
  done_at {int},
  UNIQUE (kind, key)
);
CREATE INDEX outbox_due ON outbox (kind, next_at) WHERE state IN ('pending', 'sending');
CREATE INDEX outbox_state ON outbox (state, id);

CREATE TABLE blob (
  sha256 {text} PRIMARY KEY,
  size {int} NOT NULL,
  data {bytes},
  created_at {int} NOT NULL
);

CREATE TABLE idempotency (
  principal {text} NOT NULL,
  key {text} NOT NULL,
  hash {text} NOT NULL,
  status {int} NOT NULL,
  body {text} NOT NULL,
  at {int} NOT NULL,
  PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_at ON idempotency (at);

CREATE TABLE audit (
  seq {seq},
  tx {txid},
  workspace_id {id} NOT NULL,
  at {int} NOT NULL,
  actor {json} NOT NULL,
  actor_id {id},
  action {text} NOT NULL,
  object {text} NOT NULL,
  object_id {id},
  ip {text},
  detail {json},
  chain {int},
  hash {text}
);
CREATE INDEX audit_object ON audit (object_id, seq) WHERE object_id IS NOT NULL;
CREATE INDEX audit_actor ON audit (actor_id, seq) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_action ON audit (action, seq);
CREATE INDEX audit_unsealed ON audit (tx, seq) WHERE chain IS NULL;
CREATE UNIQUE INDEX audit_chain ON audit (chain) WHERE chain IS NOT NULL;

CREATE TABLE lease (
  name {text} PRIMARY KEY,
  holder {text} NOT NULL,
  epoch {int} NOT NULL,
  until {int} NOT NULL
);

CREATE TABLE counter (
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  value {int} NOT NULL,
  PRIMARY KEY (workspace_id, name)
);

CREATE TABLE setting (
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  value {json} NOT NULL,
  PRIMARY KEY (workspace_id, name)
);
