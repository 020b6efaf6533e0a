-- Whether a draft of somebody holds a file of theirs.
CREATE INDEX case_draft_person ON case_draft (person_id);
