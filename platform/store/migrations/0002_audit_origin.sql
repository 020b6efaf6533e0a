-- Each audit row carries a mark that only the program can make, and is found by time and by kind of object.

ALTER TABLE audit ADD COLUMN origin {text};
CREATE INDEX audit_at ON audit (at, seq);
CREATE INDEX audit_kind ON audit (object, seq);
