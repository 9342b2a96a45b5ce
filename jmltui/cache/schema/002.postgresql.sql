ALTER TABLE approval ADD COLUMN stage INTEGER NOT NULL DEFAULT 0
--;;
ALTER TABLE approval ADD COLUMN as_word VARCHAR NOT NULL DEFAULT ''
--;;
CREATE TABLE campaign (
	id BIGSERIAL NOT NULL,
	rule VARCHAR NOT NULL,
	scope VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	reviewer VARCHAR NOT NULL,
	fallback VARCHAR NOT NULL,
	on_no_answer VARCHAR NOT NULL,
	opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
	opened_by VARCHAR NOT NULL,
	due_at TIMESTAMP WITH TIME ZONE NOT NULL,
	closed_at TIMESTAMP WITH TIME ZONE,
	items INTEGER NOT NULL,
	answered INTEGER NOT NULL,
	version INTEGER NOT NULL,
	PRIMARY KEY (id)
)
--;;
CREATE INDEX campaign_state ON campaign (state, due_at)
--;;
ALTER TABLE diffline ADD COLUMN entitlement VARCHAR NOT NULL DEFAULT ''
--;;
ALTER TABLE diffline ADD COLUMN until TIMESTAMP WITH TIME ZONE
--;;
CREATE TABLE exception (
	id BIGSERIAL NOT NULL,
	kind VARCHAR NOT NULL,
	person_id BIGINT NOT NULL,
	subject VARCHAR NOT NULL,
	reason TEXT NOT NULL,
	requested_by VARCHAR NOT NULL,
	approved_by VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
	starts TIMESTAMP WITH TIME ZONE,
	until TIMESTAMP WITH TIME ZONE,
	seconds INTEGER NOT NULL,
	case_id BIGINT NOT NULL,
	break_glass BOOLEAN NOT NULL,
	outside_policy BOOLEAN NOT NULL,
	system VARCHAR NOT NULL,
	target VARCHAR NOT NULL,
	reviewed_by VARCHAR NOT NULL,
	ended_at TIMESTAMP WITH TIME ZONE,
	version INTEGER NOT NULL,
	PRIMARY KEY (id)
)
--;;
CREATE INDEX exception_case ON exception (case_id)
--;;
CREATE INDEX exception_person ON exception (person_id, state)
--;;
CREATE INDEX exception_until ON exception (state, until)
--;;
CREATE TABLE finding (
	id BIGSERIAL NOT NULL,
	kind VARCHAR NOT NULL,
	key VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	danger INTEGER NOT NULL,
	person_id BIGINT NOT NULL,
	person_key VARCHAR NOT NULL,
	person_name VARCHAR NOT NULL,
	system VARCHAR NOT NULL,
	account_id VARCHAR NOT NULL,
	login VARCHAR NOT NULL,
	target VARCHAR NOT NULL,
	rule VARCHAR NOT NULL,
	detail TEXT NOT NULL,
	facts TEXT NOT NULL,
	first_seen TIMESTAMP WITH TIME ZONE NOT NULL,
	last_seen TIMESTAMP WITH TIME ZONE NOT NULL,
	gone_at TIMESTAMP WITH TIME ZONE,
	case_id BIGINT NOT NULL,
	exception_id BIGINT NOT NULL,
	version INTEGER NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT finding_key UNIQUE (key)
)
--;;
CREATE INDEX finding_list ON finding (state, kind, id)
--;;
CREATE INDEX finding_person ON finding (person_id)
--;;
ALTER TABLE jcase ADD COLUMN scope TEXT NOT NULL DEFAULT '{}'
--;;
ALTER TABLE jcase ADD COLUMN soon_at TIMESTAMP WITH TIME ZONE
--;;
CREATE TABLE ownership (
	person_id BIGSERIAL NOT NULL,
	owner VARCHAR NOT NULL,
	feed_owner VARCHAR NOT NULL,
	decided_by VARCHAR NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	case_id BIGINT NOT NULL,
	PRIMARY KEY (person_id)
)
--;;
CREATE TABLE review_item (
	id BIGSERIAL NOT NULL,
	campaign_id BIGINT NOT NULL,
	seq INTEGER NOT NULL,
	reviewer VARCHAR NOT NULL,
	fallback VARCHAR NOT NULL,
	person_id BIGINT NOT NULL,
	person_key VARCHAR NOT NULL,
	person_name VARCHAR NOT NULL,
	department VARCHAR NOT NULL,
	system VARCHAR NOT NULL,
	account_id VARCHAR NOT NULL,
	login VARCHAR NOT NULL,
	entitlement_id VARCHAR NOT NULL,
	target VARCHAR NOT NULL,
	privileged BOOLEAN NOT NULL,
	tier VARCHAR NOT NULL,
	role VARCHAR NOT NULL,
	why TEXT NOT NULL,
	last_used TIMESTAMP WITH TIME ZONE,
	peers INTEGER NOT NULL,
	peers_hold INTEGER NOT NULL,
	peers_of VARCHAR NOT NULL,
	decision VARCHAR NOT NULL,
	decided_by VARCHAR NOT NULL,
	decided_at TIMESTAMP WITH TIME ZONE,
	by_default BOOLEAN NOT NULL,
	note TEXT NOT NULL,
	case_id BIGINT NOT NULL,
	version INTEGER NOT NULL,
	PRIMARY KEY (id)
)
--;;
CREATE INDEX review_item_mine ON review_item (campaign_id, reviewer, decision, seq)
--;;
CREATE INDEX review_item_person ON review_item (person_id)
--;;
ALTER TABLE step ADD COLUMN asked_at TIMESTAMP WITH TIME ZONE
--;;
ALTER TABLE step ADD COLUMN approval_path TEXT NOT NULL DEFAULT ''
--;;
ALTER TABLE step ADD COLUMN soon_at TIMESTAMP WITH TIME ZONE
--;;
ALTER TABLE step ADD COLUMN escalated_at TIMESTAMP WITH TIME ZONE
