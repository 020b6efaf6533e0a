-- Who wrote what is decided on decides nothing in it; a solution that changed after its approval is known.
ALTER TABLE review_case ADD COLUMN solution_by {id};
ALTER TABLE review_review ADD COLUMN not_by {json};
ALTER TABLE review_review ADD COLUMN outdated_at {int};
