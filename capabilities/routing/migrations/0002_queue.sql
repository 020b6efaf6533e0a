-- The order a queue is served in, and how long a case has lain with its team.
ALTER TABLE routing_case ADD COLUMN priority {text};
ALTER TABLE routing_case ADD COLUMN tier {text};
ALTER TABLE routing_case ADD COLUMN place {int};
ALTER TABLE routing_case ADD COLUMN since {int};
ALTER TABLE routing_case ADD COLUMN spilled {bool};
UPDATE routing_case SET place = 5, since = opened_at WHERE open AND assignee_id IS NULL;
DROP INDEX routing_case_queue;
CREATE INDEX routing_case_queue ON routing_case (team_id, place, opened_at) WHERE open AND assignee_id IS NULL;
CREATE INDEX routing_case_spilled ON routing_case (team_id, place, opened_at) WHERE open AND assignee_id IS NULL AND spilled;
