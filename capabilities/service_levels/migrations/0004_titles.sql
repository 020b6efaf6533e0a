-- Calendars and levels have a title in both languages; `name` stays the one of the workspace's own language.
ALTER TABLE clock_calendar ADD COLUMN title {json};
ALTER TABLE clock_level ADD COLUMN title {json};

-- The open cases of a workspace, for a look at all of them after a change of settings.
CREATE INDEX clock_case_open ON clock_case (workspace_id, case_id) WHERE status <> 'closed' AND NOT merged;
