-- The customer's tier and region as they are now: what lists show of a case and are filtered by.
ALTER TABLE desk_customer ADD COLUMN region {text};
ALTER TABLE desk_customer ADD COLUMN tier {text};
