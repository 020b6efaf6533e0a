-- Upon what an end was archived: how it was verified, or that it was not asked for or put aside.

ALTER TABLE case_closure ADD COLUMN case_type {text};
ALTER TABLE case_closure ADD COLUMN ground {text};
CREATE INDEX case_closure_ground ON case_closure (workspace_id, ground, at) WHERE kind = 'closed' AND ended_at IS NULL;
