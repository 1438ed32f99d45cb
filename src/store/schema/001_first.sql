-- Executions, pipelines and the journal of events.
-- Times are milliseconds since the epoch; documents are JSON text. Values over 16 kB lie in blobs: where one was taken out
-- the document holds null, and a row of uses says which blob belongs there.

CREATE TABLE executions (
	key INTEGER PRIMARY KEY,
	id TEXT NOT NULL UNIQUE,
	application TEXT COLLATE NOCASE,
	config_id TEXT,
	build_ms INTEGER NOT NULL,
	status TEXT NOT NULL,
	complete INTEGER NOT NULL,
	head TEXT NOT NULL, -- all but what has a place of its own
	trigger TEXT NOT NULL,
	config TEXT NOT NULL
);
CREATE INDEX executions_active ON executions (id) WHERE complete = 0;
CREATE INDEX executions_by_application ON executions (application, build_ms, id);
CREATE INDEX executions_by_config ON executions (config_id, build_ms, id);
CREATE INDEX executions_by_time ON executions (build_ms, id);

-- One row a stage. key = key of the execution * 65536 + index of the stage: the stages of an execution lie together.
CREATE TABLE stages (
	key INTEGER PRIMARY KEY,
	head TEXT NOT NULL,
	state TEXT NOT NULL, -- what the engine needs to go on
	context TEXT,
	outputs TEXT,
	removed INTEGER NOT NULL -- 1: only the engine sees it
);

CREATE TABLE events (
	seq INTEGER PRIMARY KEY AUTOINCREMENT, -- a position is never given twice
	execution INTEGER, -- executions.key
	value TEXT NOT NULL,
	large INTEGER NOT NULL -- 1: uses has rows
);
CREATE INDEX events_by_execution ON events (execution, seq) WHERE execution IS NOT NULL;

CREATE TABLE blobs (
	key INTEGER PRIMARY KEY,
	hash BLOB NOT NULL UNIQUE, -- SHA-256 of value
	uses INTEGER NOT NULL,
	value TEXT NOT NULL
);
CREATE INDEX blobs_unused ON blobs (key) WHERE uses = 0;

CREATE TABLE uses (
	kind INTEGER NOT NULL, -- 0: of an execution, 1: of an event
	owner INTEGER NOT NULL, -- executions.key, events.seq
	stage INTEGER NOT NULL, -- index, -1 = the execution's own
	part INTEGER NOT NULL, -- which document
	path TEXT NOT NULL, -- list of keys
	blob INTEGER NOT NULL REFERENCES blobs (key),
	PRIMARY KEY (kind, owner, stage, part, path)
) WITHOUT ROWID;
CREATE TRIGGER uses_insert AFTER INSERT ON uses BEGIN
	UPDATE blobs SET uses = uses + 1 WHERE key = new.blob;
END;
CREATE TRIGGER uses_delete AFTER DELETE ON uses BEGIN
	UPDATE blobs SET uses = uses - 1 WHERE key = old.blob;
END;

CREATE TABLE pipelines (
	key INTEGER PRIMARY KEY,
	id TEXT NOT NULL UNIQUE,
	application TEXT NOT NULL COLLATE NOCASE,
	name TEXT NOT NULL,
	document TEXT NOT NULL
);
CREATE INDEX pipelines_by_name ON pipelines (application, name, id);

CREATE TABLE pipeline_history (
	key INTEGER PRIMARY KEY AUTOINCREMENT,
	id TEXT NOT NULL,
	document TEXT NOT NULL
);
CREATE INDEX pipeline_history_by_id ON pipeline_history (id, key);

CREATE TABLE applications (
	key INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE COLLATE NOCASE,
	attributes TEXT NOT NULL
);

CREATE TABLE memory (
	key INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	value TEXT NOT NULL
);
