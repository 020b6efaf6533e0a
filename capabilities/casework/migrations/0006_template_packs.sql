-- Where a prepared case came from, so that a pack can bring it, follow it and take it away.
ALTER TABLE case_template ADD COLUMN key {text};
ALTER TABLE case_template ADD COLUMN pack {text};
ALTER TABLE case_template ADD COLUMN pack_mark {text};
