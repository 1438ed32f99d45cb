-- The configuration of an execution is stored once for all that have the same. Those from before keep theirs in their row, where the others
-- have nothing.

CREATE TABLE configs (
	key INTEGER PRIMARY KEY,
	hash BLOB NOT NULL UNIQUE, -- SHA-256 of value
	value TEXT NOT NULL
);
ALTER TABLE executions ADD COLUMN config_key INTEGER; -- configs.key
CREATE INDEX executions_by_config_key ON executions (config_key) WHERE config_key IS NOT NULL;
CREATE TRIGGER executions_delete AFTER DELETE ON executions BEGIN
	DELETE FROM configs WHERE key = old.config_key
		AND NOT EXISTS (SELECT 1 FROM executions WHERE config_key = old.config_key);
END;
CREATE TRIGGER executions_config AFTER UPDATE OF config_key ON executions WHEN old.config_key <> new.config_key BEGIN
	DELETE FROM configs WHERE key = old.config_key
		AND NOT EXISTS (SELECT 1 FROM executions WHERE config_key = old.config_key);
END;
