ALTER TABLE diffline ADD COLUMN rules TEXT NOT NULL DEFAULT '[]'
--;;
CREATE TABLE statement (
	source VARCHAR NOT NULL,
	key VARCHAR NOT NULL,
	facts TEXT NOT NULL,
	starts VARCHAR NOT NULL,
	ends VARCHAR NOT NULL,
	digest VARCHAR NOT NULL,
	row_ref VARCHAR NOT NULL,
	present BOOLEAN NOT NULL,
	missing_feeds INTEGER NOT NULL,
	read_at TIMESTAMP WITH TIME ZONE NOT NULL,
	PRIMARY KEY (source, key)
)
--;;
CREATE INDEX statement_key ON statement (key)
--;;
CREATE TABLE successor (
	person_id BIGSERIAL NOT NULL,
	successor_id BIGINT NOT NULL,
	named_by VARCHAR NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	PRIMARY KEY (person_id)
)
--;;
CREATE TABLE ticket (
	id BIGSERIAL NOT NULL,
	case_id BIGINT NOT NULL,
	system VARCHAR NOT NULL,
	ticket VARCHAR NOT NULL,
	title TEXT NOT NULL,
	status VARCHAR NOT NULL,
	url TEXT NOT NULL,
	state VARCHAR NOT NULL,
	problem TEXT NOT NULL,
	bound_by VARCHAR NOT NULL,
	bound_at TIMESTAMP WITH TIME ZONE NOT NULL,
	unbound_at TIMESTAMP WITH TIME ZONE,
	PRIMARY KEY (id)
)
--;;
CREATE INDEX ticket_case ON ticket (case_id, unbound_at)
--;;
CREATE TABLE ticket_message (
	id BIGSERIAL NOT NULL,
	binding BIGINT NOT NULL,
	case_id BIGINT NOT NULL,
	kind VARCHAR NOT NULL,
	milestone VARCHAR NOT NULL,
	key VARCHAR NOT NULL,
	text TEXT NOT NULL,
	marks TEXT NOT NULL,
	state VARCHAR NOT NULL,
	tries INTEGER NOT NULL,
	next_at TIMESTAMP WITH TIME ZONE NOT NULL,
	owner VARCHAR NOT NULL,
	lease_until TIMESTAMP WITH TIME ZONE,
	error_kind VARCHAR NOT NULL,
	problem TEXT NOT NULL,
	made_at TIMESTAMP WITH TIME ZONE NOT NULL,
	posted_at TIMESTAMP WITH TIME ZONE,
	PRIMARY KEY (id),
	CONSTRAINT ticket_message_key UNIQUE (key)
)
--;;
CREATE INDEX ticket_message_due ON ticket_message (state, next_at)
--;;
CREATE INDEX ticket_message_of ON ticket_message (binding, id)
