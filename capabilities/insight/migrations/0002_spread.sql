-- How durations are spread over a day lies in that day's row as one value: a board over a quarter reads a hundred rows
-- instead of twenty thousand. The roll-ups are rebuilt from the log.
ALTER TABLE insight_day ADD COLUMN spread {bytes};
DROP TABLE insight_spread;
