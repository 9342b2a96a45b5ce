CREATE TABLE account (
	id BIGSERIAL NOT NULL,
	system VARCHAR NOT NULL,
	account_id VARCHAR NOT NULL,
	login VARCHAR NOT NULL,
	login_folded VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	emails VARCHAR NOT NULL,
	external_id VARCHAR,
	display VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	last_seen TIMESTAMP WITH TIME ZONE,
	expires TIMESTAMP WITH TIME ZONE,
	version VARCHAR,
	person_id BIGINT,
	link VARCHAR NOT NULL,
	read_at TIMESTAMP WITH TIME ZONE NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT account_key UNIQUE (system, account_id)
)
--;;
CREATE INDEX account_login ON account (system, login_folded)
--;;
CREATE INDEX account_person ON account (person_id)
--;;
CREATE TABLE action (
	id BIGSERIAL NOT NULL,
	case_id BIGINT NOT NULL,
	step_id BIGINT NOT NULL,
	seq INTEGER NOT NULL,
	system VARCHAR NOT NULL,
	operation VARCHAR NOT NULL,
	account_id VARCHAR NOT NULL,
	login VARCHAR NOT NULL,
	entitlement_id VARCHAR NOT NULL,
	target VARCHAR NOT NULL,
	reason TEXT NOT NULL,
	wanted TEXT NOT NULL,
	expects TEXT NOT NULL,
	proof VARCHAR NOT NULL,
	danger INTEGER NOT NULL,
	inverse VARCHAR NOT NULL,
	manual BOOLEAN NOT NULL,
	note TEXT NOT NULL,
	idem_key VARCHAR NOT NULL,
	fingerprint VARCHAR NOT NULL,
	plan_hash VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	run_at TIMESTAMP WITH TIME ZONE,
	attempts INTEGER NOT NULL,
	checks INTEGER NOT NULL,
	fence INTEGER NOT NULL,
	owner VARCHAR NOT NULL,
	lease_until TIMESTAMP WITH TIME ZONE,
	outcome TEXT NOT NULL,
	error_kind VARCHAR NOT NULL,
	before TEXT NOT NULL,
	after TEXT NOT NULL,
	observed TEXT NOT NULL,
	evidence_source VARCHAR NOT NULL,
	requested_by VARCHAR NOT NULL,
	undo_of BIGINT,
	settled_at TIMESTAMP WITH TIME ZONE,
	version INTEGER NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT action_idem UNIQUE (idem_key)
)
--;;
CREATE INDEX action_case ON action (case_id, step_id, seq)
--;;
CREATE INDEX action_state ON action (state, run_at)
--;;
CREATE INDEX action_step ON action (step_id)
--;;
CREATE INDEX action_system ON action (system, state)
--;;
CREATE TABLE adapter_limit (
	system VARCHAR NOT NULL,
	tokens FLOAT NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	wait_until TIMESTAMP WITH TIME ZONE,
	stopped BOOLEAN NOT NULL,
	reason TEXT NOT NULL,
	PRIMARY KEY (system)
)
--;;
CREATE TABLE approval (
	id BIGSERIAL NOT NULL,
	case_id BIGINT NOT NULL,
	step_id BIGINT NOT NULL,
	plan_hash VARCHAR NOT NULL,
	requester VARCHAR NOT NULL,
	approver VARCHAR NOT NULL,
	decision VARCHAR NOT NULL,
	reason TEXT NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT approval_once UNIQUE (case_id, step_id, plan_hash, approver)
)
--;;
CREATE INDEX approval_case ON approval (case_id)
--;;
CREATE TABLE attempt (
	id BIGSERIAL NOT NULL,
	action_id BIGINT NOT NULL,
	fence INTEGER NOT NULL,
	kind VARCHAR NOT NULL,
	owner VARCHAR NOT NULL,
	intent TEXT NOT NULL,
	started TIMESTAMP WITH TIME ZONE NOT NULL,
	finished TIMESTAMP WITH TIME ZONE,
	outcome TEXT NOT NULL,
	evidence TEXT NOT NULL,
	PRIMARY KEY (id)
)
--;;
CREATE INDEX attempt_action ON attempt (action_id, id)
--;;
CREATE TABLE batch (
	id BIGSERIAL NOT NULL,
	source VARCHAR NOT NULL,
	opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
	state VARCHAR NOT NULL,
	leavers INTEGER NOT NULL,
	absents INTEGER NOT NULL,
	held INTEGER NOT NULL,
	reason TEXT NOT NULL,
	opened_by VARCHAR NOT NULL,
	decided_by VARCHAR NOT NULL,
	decided_at TIMESTAMP WITH TIME ZONE,
	typed VARCHAR NOT NULL,
	PRIMARY KEY (id)
)
--;;
CREATE TABLE change (
	id BIGSERIAL NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	kind VARCHAR NOT NULL,
	ref VARCHAR NOT NULL,
	PRIMARY KEY (id)
)
--;;
CREATE TABLE diffline (
	id BIGSERIAL NOT NULL,
	case_id BIGINT NOT NULL,
	seq INTEGER NOT NULL,
	kind VARCHAR NOT NULL,
	system VARCHAR NOT NULL,
	operation VARCHAR NOT NULL,
	account_id VARCHAR NOT NULL,
	login VARCHAR NOT NULL,
	entitlement_id VARCHAR NOT NULL,
	target VARCHAR NOT NULL,
	reason TEXT NOT NULL,
	privileged BOOLEAN NOT NULL,
	approval BOOLEAN NOT NULL,
	PRIMARY KEY (id)
)
--;;
CREATE INDEX diffline_case ON diffline (case_id, seq)
--;;
CREATE TABLE due (
	person BIGINT NOT NULL,
	target BIGINT NOT NULL,
	PRIMARY KEY (person, target)
)
--;;
CREATE TABLE entitlement (
	id BIGSERIAL NOT NULL,
	system VARCHAR NOT NULL,
	entitlement_id VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	target VARCHAR NOT NULL,
	privileged BOOLEAN NOT NULL,
	grantable BOOLEAN NOT NULL,
	read_at TIMESTAMP WITH TIME ZONE NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT entitlement_key UNIQUE (system, entitlement_id)
)
--;;
CREATE INDEX entitlement_target ON entitlement (system, target)
--;;
CREATE TABLE held (
	account BIGINT NOT NULL,
	entitlement BIGINT NOT NULL,
	direct BOOLEAN NOT NULL,
	via VARCHAR NOT NULL,
	expires TIMESTAMP WITH TIME ZONE,
	PRIMARY KEY (account, entitlement)
)
--;;
CREATE TABLE jcase (
	id BIGSERIAL NOT NULL,
	kind VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	live INTEGER NOT NULL,
	person_id BIGINT NOT NULL,
	person_name VARCHAR NOT NULL,
	person_key VARCHAR NOT NULL,
	department VARCHAR NOT NULL,
	source VARCHAR NOT NULL,
	event TEXT NOT NULL,
	event_key VARCHAR NOT NULL,
	batch_id BIGINT,
	absent BOOLEAN NOT NULL,
	urgent BOOLEAN NOT NULL,
	due TIMESTAMP WITH TIME ZONE NOT NULL,
	target_at TIMESTAMP WITH TIME ZONE NOT NULL,
	opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
	opened_by VARCHAR NOT NULL,
	run_through BOOLEAN NOT NULL,
	requested_by VARCHAR NOT NULL,
	claimed_by VARCHAR NOT NULL,
	owner VARCHAR NOT NULL,
	fallback_owner VARCHAR NOT NULL,
	plan_hash VARCHAR NOT NULL,
	policy_hash VARCHAR NOT NULL,
	danger INTEGER NOT NULL,
	held_reason TEXT NOT NULL,
	steps_total INTEGER NOT NULL,
	steps_done INTEGER NOT NULL,
	attention INTEGER NOT NULL,
	approvals INTEGER NOT NULL,
	working INTEGER NOT NULL,
	next_step VARCHAR NOT NULL,
	next_due TIMESTAMP WITH TIME ZONE NOT NULL,
	closed_at TIMESTAMP WITH TIME ZONE,
	version INTEGER NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT jcase_event UNIQUE (event_key)
)
--;;
CREATE INDEX jcase_batch ON jcase (batch_id)
--;;
CREATE INDEX jcase_kind ON jcase (live, kind, next_due, id)
--;;
CREATE INDEX jcase_name ON jcase (live, person_name, id)
--;;
CREATE INDEX jcase_opened ON jcase (kind, opened_at)
--;;
CREATE INDEX jcase_person ON jcase (person_id)
--;;
CREATE INDEX jcase_queue ON jcase (live, next_due, id)
--;;
CREATE INDEX jcase_state ON jcase (live, state, next_due, id)
--;;
CREATE TABLE journal (
	seq BIGSERIAL NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	actor VARCHAR NOT NULL,
	action VARCHAR NOT NULL,
	case_id BIGINT,
	person_id BIGINT,
	system VARCHAR NOT NULL,
	summary TEXT NOT NULL,
	entry BYTEA NOT NULL,
	hash VARCHAR NOT NULL,
	PRIMARY KEY (seq)
)
--;;
CREATE INDEX journal_case ON journal (case_id, seq)
--;;
CREATE INDEX journal_person ON journal (person_id, seq)
--;;
CREATE TABLE meta (
	key VARCHAR NOT NULL,
	value VARCHAR NOT NULL,
	PRIMARY KEY (key)
)
--;;
CREATE TABLE person (
	id BIGSERIAL NOT NULL,
	source VARCHAR NOT NULL,
	key VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	sort_name VARCHAR NOT NULL,
	type VARCHAR NOT NULL,
	status VARCHAR NOT NULL,
	email VARCHAR NOT NULL,
	department VARCHAR NOT NULL,
	title VARCHAR NOT NULL,
	location VARCHAR NOT NULL,
	manager VARCHAR NOT NULL,
	sponsor VARCHAR NOT NULL,
	owner VARCHAR NOT NULL,
	zone VARCHAR NOT NULL,
	starts VARCHAR NOT NULL,
	ends VARCHAR NOT NULL,
	urgent BOOLEAN NOT NULL,
	reason VARCHAR NOT NULL,
	attributes TEXT NOT NULL,
	row_ref VARCHAR NOT NULL,
	digest VARCHAR NOT NULL,
	present BOOLEAN NOT NULL,
	missing_feeds INTEGER NOT NULL,
	first_seen TIMESTAMP WITH TIME ZONE NOT NULL,
	read_at TIMESTAMP WITH TIME ZONE NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT person_key UNIQUE (source, key)
)
--;;
CREATE INDEX person_name ON person (sort_name, id)
--;;
CREATE TABLE quarantine (
	id BIGSERIAL NOT NULL,
	source VARCHAR NOT NULL,
	line INTEGER NOT NULL,
	reason TEXT NOT NULL,
	raw TEXT NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	PRIMARY KEY (id)
)
--;;
CREATE INDEX ix_quarantine_source ON quarantine (source)
--;;
CREATE TABLE source (
	name VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	error TEXT NOT NULL,
	last_try TIMESTAMP WITH TIME ZONE,
	last_good TIMESTAMP WITH TIME ZONE,
	digest VARCHAR NOT NULL,
	rows INTEGER NOT NULL,
	quarantined INTEGER NOT NULL,
	PRIMARY KEY (name)
)
--;;
CREATE TABLE step (
	id BIGSERIAL NOT NULL,
	case_id BIGINT NOT NULL,
	seq INTEGER NOT NULL,
	key VARCHAR NOT NULL,
	"do" VARCHAR NOT NULL,
	title VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	owner VARCHAR NOT NULL,
	fallback_owner VARCHAR NOT NULL,
	target_at TIMESTAMP WITH TIME ZONE,
	needs VARCHAR NOT NULL,
	approval BOOLEAN NOT NULL,
	danger INTEGER NOT NULL,
	text TEXT NOT NULL,
	note TEXT NOT NULL,
	requested_by VARCHAR NOT NULL,
	started_at TIMESTAMP WITH TIME ZONE,
	done_by VARCHAR NOT NULL,
	done_at TIMESTAMP WITH TIME ZONE,
	version INTEGER NOT NULL,
	PRIMARY KEY (id)
)
--;;
CREATE INDEX step_case ON step (case_id, seq)
--;;
CREATE TABLE system (
	name VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	error TEXT NOT NULL,
	last_try TIMESTAMP WITH TIME ZONE,
	last_good TIMESTAMP WITH TIME ZONE,
	accounts INTEGER NOT NULL,
	entitlements INTEGER NOT NULL,
	grants INTEGER NOT NULL,
	capabilities TEXT NOT NULL,
	facts TEXT NOT NULL,
	exercised_against VARCHAR NOT NULL,
	seconds FLOAT NOT NULL,
	PRIMARY KEY (name)
)
--;;
CREATE TABLE target (
	id BIGSERIAL NOT NULL,
	policy_id VARCHAR NOT NULL,
	system VARCHAR NOT NULL,
	target VARCHAR NOT NULL,
	entitlement BIGINT,
	PRIMARY KEY (id),
	CONSTRAINT target_policy UNIQUE (policy_id)
)
--;;
CREATE TABLE timer (
	name VARCHAR NOT NULL,
	every_seconds INTEGER NOT NULL,
	next_at TIMESTAMP WITH TIME ZONE NOT NULL,
	last_ok TIMESTAMP WITH TIME ZONE,
	PRIMARY KEY (name)
)
--;;
CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$
--;;
CREATE TRIGGER journal_no_change BEFORE UPDATE OR DELETE ON journal
FOR EACH ROW EXECUTE FUNCTION journal_is_append_only()
--;;
INSERT INTO meta (key, value) VALUES ('schema', '1')
