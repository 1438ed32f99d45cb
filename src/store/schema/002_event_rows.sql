-- A row of the journal holds a list of events of one execution, one after the other, and seq is the position of the last one.
-- An event with large values is alone in its row.

UPDATE events SET value = '[' || value || ']';
