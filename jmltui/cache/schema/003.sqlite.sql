ALTER TABLE diffline ADD COLUMN rules TEXT NOT NULL DEFAULT '[]'
--;;
CREATE TABLE statement (
	source VARCHAR NOT NULL,
	"key" VARCHAR NOT NULL,
	facts TEXT NOT NULL,
	starts VARCHAR NOT NULL,
	ends VARCHAR NOT NULL,
	digest VARCHAR NOT NULL,
	row_ref VARCHAR NOT NULL,
	present BOOLEAN NOT NULL,
	missing_feeds INTEGER NOT NULL,
	read_at DATETIME NOT NULL,
	PRIMARY KEY (source, "key")
)
--;;
CREATE INDEX statement_key ON statement ("key")
--;;
CREATE TABLE successor (
	person_id INTEGER NOT NULL,
	successor_id INTEGER NOT NULL,
	named_by VARCHAR NOT NULL,
	at DATETIME NOT NULL,
	PRIMARY KEY (person_id)
)
--;;
CREATE TABLE ticket (
	id INTEGER NOT NULL,
	case_id INTEGER NOT NULL,
	system VARCHAR NOT NULL,
	ticket VARCHAR NOT NULL,
	title TEXT NOT NULL,
	status VARCHAR NOT NULL,
	url TEXT NOT NULL,
	state VARCHAR NOT NULL,
	problem TEXT NOT NULL,
	bound_by VARCHAR NOT NULL,
	bound_at DATETIME NOT NULL,
	unbound_at DATETIME,
	PRIMARY KEY (id)
)
--;;
CREATE INDEX ticket_case ON ticket (case_id, unbound_at)
--;;
CREATE TABLE ticket_message (
	id INTEGER NOT NULL,
	binding INTEGER NOT NULL,
	case_id INTEGER NOT NULL,
	kind VARCHAR NOT NULL,
	milestone VARCHAR NOT NULL,
	"key" VARCHAR NOT NULL,
	text TEXT NOT NULL,
	marks TEXT NOT NULL,
	state VARCHAR NOT NULL,
	tries INTEGER NOT NULL,
	next_at DATETIME NOT NULL,
	owner VARCHAR NOT NULL,
	lease_until DATETIME,
	error_kind VARCHAR NOT NULL,
	problem TEXT NOT NULL,
	made_at DATETIME NOT NULL,
	posted_at DATETIME,
	PRIMARY KEY (id),
	CONSTRAINT ticket_message_key UNIQUE ("key")
)
--;;
CREATE INDEX ticket_message_due ON ticket_message (state, next_at)
--;;
CREATE INDEX ticket_message_of ON ticket_message (binding, id)
