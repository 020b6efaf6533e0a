-- Roles that came with a pack: which one, and the fingerprint of what it wrote.
ALTER TABLE identity_role ADD COLUMN pack {text};
ALTER TABLE identity_role ADD COLUMN pack_print {text};
