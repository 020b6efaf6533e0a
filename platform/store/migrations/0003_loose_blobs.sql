-- Blobs that nothing names any more: since when that is known, and whether the log was asked.
-- loose_since: no column named it then; null: named, or never looked at.
-- kept: true: an event names it, it stays for ever; false: the log was read after it was marked and does not; null: not asked.

ALTER TABLE blob ADD COLUMN loose_since {int};
ALTER TABLE blob ADD COLUMN kept {bool};
CREATE INDEX blob_loose ON blob (loose_since) WHERE loose_since IS NOT NULL;
