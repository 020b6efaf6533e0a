-- Cases, conversations, messages, and what agents do with them.

CREATE TABLE case_case (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  number {text} NOT NULL,
  case_type {text} NOT NULL,
  title {text} NOT NULL,
  stage {text} NOT NULL,
  status {text} NOT NULL,
  priority {text} NOT NULL,
  tags {json} NOT NULL,
  fields {json} NOT NULL,
  field_versions {json} NOT NULL,
  language {text},
  channel {text} NOT NULL,
  inbox_id {id},
  customer_id {id},
  customer_name {text},
  region {text},
  tier {text},
  org_unit_id {id},
  team_id {id},
  assignee_id {id},
  accountable_id {id},
  merged_into {id},
  snoozed_until {int},
  opened_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  first_response_at {int},
  last_in_at {int},
  resolved_at {int},
  closed_at {int},
  closed_by {id},
  resolution_code {text},
  resolution_text {text},
  reopened_count {int} NOT NULL DEFAULT 0,
  version {int} NOT NULL DEFAULT 1,
  UNIQUE (workspace_id, number)
);
CREATE INDEX case_case_customer ON case_case (customer_id, id) WHERE customer_id IS NOT NULL;

CREATE TABLE case_watcher (
  case_id {id} NOT NULL,
  person_id {id} NOT NULL,
  workspace_id {id} NOT NULL,
  by_person {id},
  at {int} NOT NULL,
  PRIMARY KEY (case_id, person_id)
);

CREATE TABLE case_conversation (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  case_id {id} NOT NULL,
  channel {text} NOT NULL,
  inbox_id {id},
  subject {text} NOT NULL,
  continued_in {id},
  created_at {int} NOT NULL
);
CREATE INDEX case_conversation_case ON case_conversation (case_id, id);

CREATE TABLE case_participant (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  conversation_id {id} NOT NULL,
  name {text} NOT NULL,
  address {text} NOT NULL,
  address_index {text} NOT NULL,
  reply_to {text},
  customer_id {id},
  role {text} NOT NULL,
  verified {bool} NOT NULL,
  joined_at {int} NOT NULL,
  UNIQUE (conversation_id, address_index)
);

CREATE TABLE case_message (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  case_id {id} NOT NULL,
  conversation_id {id} NOT NULL,
  direction {text} NOT NULL,
  author_kind {text} NOT NULL,
  author_id {id},
  author_name {text} NOT NULL,
  at {int} NOT NULL,
  subject {text} NOT NULL,
  text {text} NOT NULL,
  facts {json} NOT NULL,
  parties {json} NOT NULL,
  content {text} NOT NULL,
  raw {text},
  wire_id {text},
  state {text} NOT NULL,
  error {text},
  send_at {int},
  outbox_id {id},
  auto {text},
  verified {bool} NOT NULL,
  files {int} NOT NULL DEFAULT 0,
  added_at {int} NOT NULL
);
CREATE INDEX case_message_case ON case_message (case_id, at, id);
CREATE INDEX case_message_conversation ON case_message (conversation_id, at, id);

CREATE TABLE case_wire_id (
  workspace_id {id} NOT NULL,
  wire_id {text} NOT NULL,
  message_id {id} NOT NULL,
  conversation_id {id} NOT NULL,
  inbox_id {id},
  direction {text} NOT NULL,
  verified {bool} NOT NULL,
  PRIMARY KEY (workspace_id, wire_id, message_id)
);
CREATE INDEX case_wire_id_message ON case_wire_id (message_id);
CREATE INDEX case_wire_id_conversation ON case_wire_id (conversation_id, message_id);

CREATE TABLE case_attachment (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  message_id {id} NOT NULL,
  name {text} NOT NULL,
  media_type {text} NOT NULL,
  size {int} NOT NULL,
  inline {bool} NOT NULL,
  content_id {text},
  sha256 {text} NOT NULL
);
CREATE INDEX case_attachment_message ON case_attachment (message_id, id);

CREATE TABLE case_upload (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  person_id {id} NOT NULL,
  name {text} NOT NULL,
  media_type {text} NOT NULL,
  size {int} NOT NULL,
  sha256 {text} NOT NULL,
  created_at {int} NOT NULL
);

CREATE TABLE case_draft (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  case_id {id} NOT NULL,
  person_id {id} NOT NULL,
  mode {text} NOT NULL,
  body {json} NOT NULL,
  version {int} NOT NULL,
  updated_at {int} NOT NULL,
  UNIQUE (case_id, person_id, mode)
);

CREATE TABLE case_link (
  case_id {id} NOT NULL,
  other_id {id} NOT NULL,
  workspace_id {id} NOT NULL,
  kind {text} NOT NULL,
  by_person {id},
  at {int} NOT NULL,
  PRIMARY KEY (case_id, other_id)
);

CREATE TABLE case_closure (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  case_id {id} NOT NULL,
  kind {text} NOT NULL,
  code {text} NOT NULL,
  text {text},
  at {int} NOT NULL,
  by_person {id},
  ended_at {int},
  ended_by {id},
  ended_reason {text}
);
CREATE INDEX case_closure_case ON case_closure (case_id, id);

CREATE TABLE case_merge (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  case_id {id} NOT NULL,
  into_id {id} NOT NULL,
  moved {json} NOT NULL,
  at {int} NOT NULL,
  by_person {id},
  undone_at {int}
);
CREATE INDEX case_merge_case ON case_merge (case_id, id);

CREATE TABLE case_canned (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  title {text} NOT NULL,
  shortcut {text} NOT NULL,
  text {text} NOT NULL,
  html {text},
  locale {text} NOT NULL,
  team_id {id},
  version {int} NOT NULL,
  updated_at {int} NOT NULL
);
CREATE UNIQUE INDEX case_canned_shortcut ON case_canned (workspace_id, shortcut, locale);
CREATE INDEX case_canned_list ON case_canned (workspace_id, title, id);

CREATE TABLE case_job (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  person_id {id} NOT NULL,
  viewer {json} NOT NULL,
  kind {text} NOT NULL,
  action {json} NOT NULL,
  state {text} NOT NULL,
  total {int} NOT NULL,
  done {int} NOT NULL,
  undo_of {id},
  undone_by {id},
  created_at {int} NOT NULL
);

CREATE TABLE case_job_item (
  job_id {id} NOT NULL,
  place {int} NOT NULL,
  case_id {id} NOT NULL,
  number {text},
  action {json},
  state {text} NOT NULL,
  error {json},
  undo {json},
  PRIMARY KEY (job_id, place)
);
CREATE INDEX case_job_item_state ON case_job_item (job_id, state, place);

CREATE TABLE case_person (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  active {bool} NOT NULL
);

CREATE TABLE case_team (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  org_unit_id {id}
);

CREATE TABLE case_member (
  team_id {id} NOT NULL,
  person_id {id} NOT NULL,
  workspace_id {id} NOT NULL,
  PRIMARY KEY (team_id, person_id)
);
CREATE INDEX case_member_person ON case_member (person_id);

CREATE TABLE case_org_unit (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL
);

CREATE TABLE case_inbox (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  channel {text} NOT NULL,
  name {text} NOT NULL,
  address {text} NOT NULL,
  address_index {text} NOT NULL,
  active {bool} NOT NULL,
  team_id {id},
  org_unit_id {id},
  signature {text} NOT NULL,
  default_language {text} NOT NULL
);
CREATE INDEX case_inbox_workspace ON case_inbox (workspace_id, id);

CREATE TABLE case_customer (
  id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  name {text} NOT NULL,
  language {text},
  region {text},
  tier {text},
  merged_into {id}
);
