CREATE TABLE account (
	id INTEGER NOT NULL,
	system VARCHAR NOT NULL,
	account_id VARCHAR NOT NULL,
	login VARCHAR NOT NULL,
	login_folded VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	emails VARCHAR NOT NULL,
	external_id VARCHAR,
	display VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	last_seen DATETIME,
	expires DATETIME,
	version VARCHAR,
	person_id INTEGER,
	link VARCHAR NOT NULL,
	read_at DATETIME NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT account_key UNIQUE (system, account_id)
)
--;;
CREATE INDEX account_login ON account (system, login_folded)
--;;
CREATE INDEX account_person ON account (person_id)
--;;
CREATE TABLE action (
	id INTEGER NOT NULL,
	case_id INTEGER NOT NULL,
	step_id INTEGER NOT NULL,
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
	run_at DATETIME,
	attempts INTEGER NOT NULL,
	checks INTEGER NOT NULL,
	fence INTEGER NOT NULL,
	owner VARCHAR NOT NULL,
	lease_until DATETIME,
	outcome TEXT NOT NULL,
	error_kind VARCHAR NOT NULL,
	"before" TEXT NOT NULL,
	"after" TEXT NOT NULL,
	observed TEXT NOT NULL,
	evidence_source VARCHAR NOT NULL,
	requested_by VARCHAR NOT NULL,
	undo_of INTEGER,
	settled_at DATETIME,
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
	at DATETIME NOT NULL,
	wait_until DATETIME,
	stopped BOOLEAN NOT NULL,
	reason TEXT NOT NULL,
	PRIMARY KEY (system)
)
--;;
CREATE TABLE approval (
	id INTEGER NOT NULL,
	case_id INTEGER NOT NULL,
	step_id INTEGER NOT NULL,
	plan_hash VARCHAR NOT NULL,
	requester VARCHAR NOT NULL,
	approver VARCHAR NOT NULL,
	decision VARCHAR NOT NULL,
	reason TEXT NOT NULL,
	at DATETIME NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT approval_once UNIQUE (case_id, step_id, plan_hash, approver)
)
--;;
CREATE INDEX approval_case ON approval (case_id)
--;;
CREATE TABLE attempt (
	id INTEGER NOT NULL,
	action_id INTEGER NOT NULL,
	fence INTEGER NOT NULL,
	kind VARCHAR NOT NULL,
	owner VARCHAR NOT NULL,
	intent TEXT NOT NULL,
	started DATETIME NOT NULL,
	finished DATETIME,
	outcome TEXT NOT NULL,
	evidence TEXT NOT NULL,
	PRIMARY KEY (id)
)
--;;
CREATE INDEX attempt_action ON attempt (action_id, id)
--;;
CREATE TABLE batch (
	id INTEGER NOT NULL,
	source VARCHAR NOT NULL,
	opened_at DATETIME NOT NULL,
	state VARCHAR NOT NULL,
	leavers INTEGER NOT NULL,
	absents INTEGER NOT NULL,
	held INTEGER NOT NULL,
	reason TEXT NOT NULL,
	opened_by VARCHAR NOT NULL,
	decided_by VARCHAR NOT NULL,
	decided_at DATETIME,
	typed VARCHAR NOT NULL,
	PRIMARY KEY (id)
)
--;;
CREATE TABLE change (
	id INTEGER NOT NULL,
	at DATETIME NOT NULL,
	kind VARCHAR NOT NULL,
	ref VARCHAR NOT NULL,
	PRIMARY KEY (id)
)
--;;
CREATE TABLE diffline (
	id INTEGER NOT NULL,
	case_id INTEGER NOT NULL,
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
	person INTEGER NOT NULL,
	target INTEGER NOT NULL,
	PRIMARY KEY (person, target)
)
--;;
CREATE TABLE entitlement (
	id INTEGER NOT NULL,
	system VARCHAR NOT NULL,
	entitlement_id VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	target VARCHAR NOT NULL,
	privileged BOOLEAN NOT NULL,
	grantable BOOLEAN NOT NULL,
	read_at DATETIME NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT entitlement_key UNIQUE (system, entitlement_id)
)
--;;
CREATE INDEX entitlement_target ON entitlement (system, target)
--;;
CREATE TABLE held (
	account INTEGER NOT NULL,
	entitlement INTEGER NOT NULL,
	direct BOOLEAN NOT NULL,
	via VARCHAR NOT NULL,
	expires DATETIME,
	PRIMARY KEY (account, entitlement)
)
 WITHOUT ROWID
--;;
CREATE TABLE jcase (
	id INTEGER NOT NULL,
	kind VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	live INTEGER NOT NULL,
	person_id INTEGER NOT NULL,
	person_name VARCHAR NOT NULL,
	person_key VARCHAR NOT NULL,
	department VARCHAR NOT NULL,
	source VARCHAR NOT NULL,
	event TEXT NOT NULL,
	event_key VARCHAR NOT NULL,
	batch_id INTEGER,
	absent BOOLEAN NOT NULL,
	urgent BOOLEAN NOT NULL,
	due DATETIME NOT NULL,
	target_at DATETIME NOT NULL,
	opened_at DATETIME NOT NULL,
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
	next_due DATETIME NOT NULL,
	closed_at DATETIME,
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
	seq INTEGER NOT NULL,
	at DATETIME NOT NULL,
	actor VARCHAR NOT NULL,
	action VARCHAR NOT NULL,
	case_id INTEGER,
	person_id INTEGER,
	system VARCHAR NOT NULL,
	summary TEXT NOT NULL,
	entry BLOB NOT NULL,
	hash VARCHAR NOT NULL,
	PRIMARY KEY (seq)
)
--;;
CREATE INDEX journal_case ON journal (case_id, seq)
--;;
CREATE INDEX journal_person ON journal (person_id, seq)
--;;
CREATE TABLE meta (
	"key" VARCHAR NOT NULL,
	value VARCHAR NOT NULL,
	PRIMARY KEY ("key")
)
--;;
CREATE TABLE person (
	id INTEGER NOT NULL,
	source VARCHAR NOT NULL,
	"key" VARCHAR NOT NULL,
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
	first_seen DATETIME NOT NULL,
	read_at DATETIME NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT person_key UNIQUE (source, "key")
)
--;;
CREATE INDEX person_name ON person (sort_name, id)
--;;
CREATE TABLE quarantine (
	id INTEGER NOT NULL,
	source VARCHAR NOT NULL,
	line INTEGER NOT NULL,
	reason TEXT NOT NULL,
	raw TEXT NOT NULL,
	at DATETIME NOT NULL,
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
	last_try DATETIME,
	last_good DATETIME,
	digest VARCHAR NOT NULL,
	rows INTEGER NOT NULL,
	quarantined INTEGER NOT NULL,
	PRIMARY KEY (name)
)
--;;
CREATE TABLE step (
	id INTEGER NOT NULL,
	case_id INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	"key" VARCHAR NOT NULL,
	do VARCHAR NOT NULL,
	title VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	owner VARCHAR NOT NULL,
	fallback_owner VARCHAR NOT NULL,
	target_at DATETIME,
	needs VARCHAR NOT NULL,
	approval BOOLEAN NOT NULL,
	danger INTEGER NOT NULL,
	text TEXT NOT NULL,
	note TEXT NOT NULL,
	requested_by VARCHAR NOT NULL,
	started_at DATETIME,
	done_by VARCHAR NOT NULL,
	done_at DATETIME,
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
	last_try DATETIME,
	last_good DATETIME,
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
	id INTEGER NOT NULL,
	policy_id VARCHAR NOT NULL,
	system VARCHAR NOT NULL,
	target VARCHAR NOT NULL,
	entitlement INTEGER,
	PRIMARY KEY (id),
	CONSTRAINT target_policy UNIQUE (policy_id)
)
--;;
CREATE TABLE timer (
	name VARCHAR NOT NULL,
	every_seconds INTEGER NOT NULL,
	next_at DATETIME NOT NULL,
	last_ok DATETIME,
	PRIMARY KEY (name)
)
--;;
CREATE VIRTUAL TABLE person_search USING fts5(
  name, key, department, email, title,
  content='person', content_rowid='id', tokenize='trigram', detail='none')
--;;
CREATE VIRTUAL TABLE case_search USING fts5(
  person_name, person_key, department,
  content='jcase', content_rowid='id', tokenize='trigram', detail='none')
--;;
CREATE TRIGGER case_search_added AFTER INSERT ON jcase BEGIN
  INSERT INTO case_search(rowid, person_name, person_key, department)
  VALUES (new.id, new.person_name, new.person_key, new.department);
END
--;;
CREATE TRIGGER case_search_changed AFTER UPDATE OF person_name, person_key, department ON jcase
WHEN old.person_name <> new.person_name OR old.person_key <> new.person_key OR old.department <> new.department
BEGIN
  INSERT INTO case_search(case_search, rowid, person_name, person_key, department)
  VALUES ('delete', old.id, old.person_name, old.person_key, old.department);
  INSERT INTO case_search(rowid, person_name, person_key, department)
  VALUES (new.id, new.person_name, new.person_key, new.department);
END
--;;
CREATE TRIGGER person_search_added AFTER INSERT ON person BEGIN
  INSERT INTO person_search(rowid, name, key, department, email, title)
  VALUES (new.id, new.name, new.key, new.department, new.email, new.title);
END
--;;
CREATE TRIGGER person_search_changed AFTER UPDATE OF name, key, department, email, title ON person
WHEN (old.name, old.key, old.department, old.email, old.title)
  <> (new.name, new.key, new.department, new.email, new.title)
BEGIN
  INSERT INTO person_search(person_search, rowid, name, key, department, email, title)
  VALUES ('delete', old.id, old.name, old.key, old.department, old.email, old.title);
  INSERT INTO person_search(rowid, name, key, department, email, title)
  VALUES (new.id, new.name, new.key, new.department, new.email, new.title);
END
--;;
CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal BEGIN
  SELECT RAISE(ABORT, 'the journal is append-only');
END
--;;
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal BEGIN
  SELECT RAISE(ABORT, 'the journal is append-only');
END
--;;
INSERT INTO meta (key, value) VALUES ('schema', '1')
