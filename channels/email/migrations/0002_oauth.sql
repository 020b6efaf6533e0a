-- OAuth 2 of an inbox: where tokens come from, the lasting secrets sealed, the access token sealed until it expires.

CREATE TABLE mail_oauth (
  inbox_id {id} PRIMARY KEY,
  workspace_id {id} NOT NULL,
  token_url {text} NOT NULL,
  client_id {text} NOT NULL,
  scope {text},
  client_secret {text},
  refresh_token {text} NOT NULL,
  access_token {text},
  expires_at {int},
  updated_at {int} NOT NULL
);
