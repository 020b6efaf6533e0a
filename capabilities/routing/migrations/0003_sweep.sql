-- Waiting cases in the order a sweep goes through them.
CREATE INDEX routing_case_sweep ON routing_case (workspace_id, team_id, case_id) WHERE open AND assignee_id IS NULL AND team_id IS NOT NULL;
