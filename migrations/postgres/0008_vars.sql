-- What was given for a version's variables at its deploy: a JSON object.
ALTER TABLE versions ADD COLUMN vars TEXT NOT NULL DEFAULT '{}';
