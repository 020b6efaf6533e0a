-- Reviews that still run: when they were asked for.
CREATE TABLE insight_review (
  review_id {id} PRIMARY KEY,
  case_id {id} NOT NULL,
  at {int} NOT NULL
);
