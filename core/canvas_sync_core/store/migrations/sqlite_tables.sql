CREATE TABLE canvas_sync_alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT canvas_sync_alembic_version_pkc PRIMARY KEY (version_num)
);

INSERT INTO "canvas_sync_alembic_version" VALUES('0011');

CREATE TABLE canvas_sync_incidents (
	id INTEGER NOT NULL,
	kind VARCHAR NOT NULL,
	subject VARCHAR NOT NULL,
	sync_type VARCHAR,
	affects TEXT NOT NULL,
	severity VARCHAR NOT NULL,
	since VARCHAR(27) NOT NULL,
	opened_at VARCHAR(27) NOT NULL,
	updated_at VARCHAR(27) NOT NULL,
	resolved_at VARCHAR(27),
	summary TEXT NOT NULL,
	cause TEXT NOT NULL,
	counts JSON NOT NULL,
	runs TEXT NOT NULL,
	run_count BIGINT NOT NULL,
	user_count BIGINT NOT NULL,
	request_ids TEXT NOT NULL,
	acknowledged_at VARCHAR(27),
	acknowledged_by VARCHAR,
	acknowledged_reason TEXT,
	acknowledged_run_count BIGINT,
	worsened_at VARCHAR(27),
	reopened_at VARCHAR(27),
	reopen_count BIGINT NOT NULL,
	clear_since VARCHAR(27),
	found_by TEXT NOT NULL,
	version BIGINT NOT NULL,
	PRIMARY KEY (id)
);

CREATE TABLE canvas_sync_judges (
	name VARCHAR NOT NULL,
	judged_at VARCHAR(27) NOT NULL,
	problem TEXT,
	next_due JSON NOT NULL,
	PRIMARY KEY (name)
);

CREATE TABLE canvas_sync_messages (
	id INTEGER NOT NULL,
	kind VARCHAR NOT NULL,
	subject VARCHAR NOT NULL,
	period VARCHAR NOT NULL,
	channel VARCHAR NOT NULL,
	follows VARCHAR,
	state VARCHAR NOT NULL,
	content JSON NOT NULL,
	first_content JSON,
	is_urgent BOOLEAN NOT NULL,
	created_at VARCHAR(27) NOT NULL,
	attempts BIGINT NOT NULL,
	next_attempt_at VARCHAR(27) NOT NULL,
	interruptions BIGINT NOT NULL,
	may_be_repeated BOOLEAN NOT NULL,
	sent_at VARCHAR(27),
	reference TEXT,
	last_error TEXT,
	PRIMARY KEY (id)
);

CREATE TABLE canvas_sync_metrics (
	id INTEGER NOT NULL,
	sync_task_id VARCHAR NOT NULL,
	user_id BIGINT,
	course_id BIGINT,
	sync_type VARCHAR NOT NULL,
	canvas_host VARCHAR,
	sync_start_time VARCHAR(27) NOT NULL,
	sync_end_time VARCHAR(27),
	duration FLOAT,
	heartbeat VARCHAR(27) NOT NULL,
	sync_status VARCHAR NOT NULL,
	progress FLOAT NOT NULL,
	step VARCHAR,
	error_type VARCHAR,
	error_message TEXT,
	courses_processed BIGINT NOT NULL,
	courses_created BIGINT NOT NULL,
	courses_updated BIGINT NOT NULL,
	courses_failed BIGINT NOT NULL,
	assignments_processed BIGINT NOT NULL,
	assignments_created BIGINT NOT NULL,
	assignments_updated BIGINT NOT NULL,
	assignments_failed BIGINT NOT NULL,
	submissions_processed BIGINT NOT NULL,
	submissions_created BIGINT NOT NULL,
	submissions_updated BIGINT NOT NULL,
	submissions_failed BIGINT NOT NULL,
	grades_processed BIGINT NOT NULL,
	grades_created BIGINT NOT NULL,
	grades_updated BIGINT NOT NULL,
	grades_failed BIGINT NOT NULL,
	users_processed BIGINT NOT NULL,
	users_created BIGINT NOT NULL,
	users_updated BIGINT NOT NULL,
	users_failed BIGINT NOT NULL,
	enrollments_processed BIGINT NOT NULL,
	enrollments_created BIGINT NOT NULL,
	enrollments_updated BIGINT NOT NULL,
	enrollments_failed BIGINT NOT NULL,
	api_calls BIGINT NOT NULL,
	api_failed BIGINT NOT NULL,
	api_throttled BIGINT NOT NULL,
	api_retried BIGINT NOT NULL,
	api_seconds FLOAT NOT NULL,
	db_operations BIGINT NOT NULL,
	db_failed BIGINT NOT NULL,
	db_seconds FLOAT NOT NULL,
	trace_id VARCHAR NOT NULL,
	host VARCHAR NOT NULL,
	pid BIGINT NOT NULL,
	sync_metadata JSON NOT NULL, request_context_id VARCHAR, api_truncated BIGINT DEFAULT '0' NOT NULL, api_wait_seconds FLOAT DEFAULT '0' NOT NULL, suspect BOOLEAN, suspect_reason TEXT, error_traceback TEXT, api_items BIGINT, api_bytes BIGINT, telemetry_fault TEXT, clock_skew FLOAT,
	PRIMARY KEY (id),
	CONSTRAINT uq_canvas_sync_metrics_sync_task_id UNIQUE (sync_task_id)
);

CREATE TABLE canvas_sync_pauses (
	id INTEGER NOT NULL,
	sync_types TEXT NOT NULL,
	start_time VARCHAR(27) NOT NULL,
	end_time VARCHAR(27) NOT NULL,
	reason TEXT NOT NULL,
	author VARCHAR NOT NULL,
	created_at VARCHAR(27) NOT NULL,
	ended_by VARCHAR,
	PRIMARY KEY (id)
);

CREATE TABLE canvas_sync_rollup_changes (
	id INTEGER NOT NULL,
	run_id BIGINT,
	start VARCHAR(27) NOT NULL,
	PRIMARY KEY (id)
);

CREATE TABLE canvas_sync_rollup_days (
	day VARCHAR(27) NOT NULL,
	generation BIGINT NOT NULL,
	PRIMARY KEY (day)
);

CREATE TABLE canvas_sync_rollups (
	seconds INTEGER NOT NULL,
	start VARCHAR(27) NOT NULL,
	is_deleted BOOLEAN NOT NULL,
	sync_type VARCHAR NOT NULL,
	sync_status VARCHAR NOT NULL,
	runs BIGINT NOT NULL,
	courses_processed BIGINT NOT NULL,
	courses_created BIGINT NOT NULL,
	courses_updated BIGINT NOT NULL,
	courses_failed BIGINT NOT NULL,
	assignments_processed BIGINT NOT NULL,
	assignments_created BIGINT NOT NULL,
	assignments_updated BIGINT NOT NULL,
	assignments_failed BIGINT NOT NULL,
	submissions_processed BIGINT NOT NULL,
	submissions_created BIGINT NOT NULL,
	submissions_updated BIGINT NOT NULL,
	submissions_failed BIGINT NOT NULL,
	grades_processed BIGINT NOT NULL,
	grades_created BIGINT NOT NULL,
	grades_updated BIGINT NOT NULL,
	grades_failed BIGINT NOT NULL,
	users_processed BIGINT NOT NULL,
	users_created BIGINT NOT NULL,
	users_updated BIGINT NOT NULL,
	users_failed BIGINT NOT NULL,
	enrollments_processed BIGINT NOT NULL,
	enrollments_created BIGINT NOT NULL,
	enrollments_updated BIGINT NOT NULL,
	enrollments_failed BIGINT NOT NULL,
	api_calls BIGINT NOT NULL,
	api_failed BIGINT NOT NULL,
	api_throttled BIGINT NOT NULL,
	api_retried BIGINT NOT NULL,
	db_operations BIGINT NOT NULL,
	db_failed BIGINT NOT NULL,
	duration_count BIGINT NOT NULL,
	duration_sum FLOAT NOT NULL,
	duration_max FLOAT NOT NULL,
	duration_sketch BLOB NOT NULL,
	api_latency_count BIGINT NOT NULL,
	api_latency_sum FLOAT NOT NULL,
	api_latency_max FLOAT NOT NULL,
	api_latency_sketch BLOB NOT NULL,
	db_time_count BIGINT NOT NULL,
	db_time_sum FLOAT NOT NULL,
	db_time_max FLOAT NOT NULL,
	db_time_sketch BLOB NOT NULL,
	courses_newest VARCHAR(27),
	assignments_newest VARCHAR(27),
	submissions_newest VARCHAR(27),
	grades_newest VARCHAR(27),
	users_newest VARCHAR(27),
	enrollments_newest VARCHAR(27), errors TEXT,
	PRIMARY KEY (seconds, start, is_deleted, sync_type, sync_status)
);

CREATE INDEX ix_canvas_sync_metrics_user_start ON canvas_sync_metrics (user_id, sync_start_time);

CREATE INDEX ix_canvas_sync_metrics_status_start_duration ON canvas_sync_metrics (sync_status, sync_start_time, duration);

CREATE INDEX ix_canvas_sync_metrics_start ON canvas_sync_metrics (sync_start_time);

CREATE INDEX ix_canvas_sync_rollup_changes_start ON canvas_sync_rollup_changes (start, run_id);

CREATE TRIGGER canvas_sync_metrics_ended_at_once AFTER INSERT ON canvas_sync_metrics WHEN NEW.sync_status <> 'running' BEGIN INSERT INTO canvas_sync_rollup_changes (run_id, start) VALUES (NEW.id, NEW.sync_start_time); END;

CREATE TRIGGER canvas_sync_metrics_ended AFTER UPDATE ON canvas_sync_metrics WHEN OLD.sync_status = 'running' AND NEW.sync_status <> 'running' BEGIN INSERT INTO canvas_sync_rollup_changes (run_id, start) VALUES (NEW.id, NEW.sync_start_time); END;

CREATE TRIGGER canvas_sync_metrics_deleted AFTER DELETE ON canvas_sync_metrics WHEN OLD.sync_status <> 'running' BEGIN INSERT INTO canvas_sync_rollup_changes (start) VALUES (OLD.sync_start_time); END;

CREATE INDEX ix_canvas_sync_metrics_suspect ON canvas_sync_metrics (sync_start_time) WHERE suspect IS 1;

CREATE INDEX ix_canvas_sync_pauses_end_time ON canvas_sync_pauses (end_time);

CREATE UNIQUE INDEX uq_canvas_sync_incidents_open ON canvas_sync_incidents (kind, subject) WHERE resolved_at IS NULL;

CREATE INDEX ix_canvas_sync_incidents_opened ON canvas_sync_incidents (opened_at, id);

CREATE INDEX ix_canvas_sync_incidents_resolved ON canvas_sync_incidents (resolved_at);

CREATE INDEX ix_canvas_sync_metrics_type_start ON canvas_sync_metrics (sync_type, sync_start_time);

CREATE UNIQUE INDEX uq_canvas_sync_messages_key ON canvas_sync_messages (kind, subject, period, channel);

CREATE INDEX ix_canvas_sync_messages_due ON canvas_sync_messages (state, next_attempt_at);

CREATE INDEX ix_canvas_sync_messages_created ON canvas_sync_messages (created_at, id);

CREATE INDEX ix_canvas_sync_rollups_unknown_errors ON canvas_sync_rollups (seconds, start) WHERE errors IS NULL;

CREATE TRIGGER canvas_sync_metrics_corrected AFTER UPDATE ON canvas_sync_metrics WHEN OLD.sync_status <> 'running' AND (OLD.sync_start_time, OLD.sync_end_time, OLD.sync_type, OLD.sync_status, OLD.duration, OLD.api_seconds, OLD.db_seconds, OLD.courses_processed, OLD.courses_created, OLD.courses_updated, OLD.courses_failed, OLD.assignments_processed, OLD.assignments_created, OLD.assignments_updated, OLD.assignments_failed, OLD.submissions_processed, OLD.submissions_created, OLD.submissions_updated, OLD.submissions_failed, OLD.grades_processed, OLD.grades_created, OLD.grades_updated, OLD.grades_failed, OLD.users_processed, OLD.users_created, OLD.users_updated, OLD.users_failed, OLD.enrollments_processed, OLD.enrollments_created, OLD.enrollments_updated, OLD.enrollments_failed, OLD.api_calls, OLD.api_failed, OLD.api_throttled, OLD.api_retried, OLD.db_operations, OLD.db_failed, OLD.error_type) IS NOT (NEW.sync_start_time, NEW.sync_end_time, NEW.sync_type, NEW.sync_status, NEW.duration, NEW.api_seconds, NEW.db_seconds, NEW.courses_processed, NEW.courses_created, NEW.courses_updated, NEW.courses_failed, NEW.assignments_processed, NEW.assignments_created, NEW.assignments_updated, NEW.assignments_failed, NEW.submissions_processed, NEW.submissions_created, NEW.submissions_updated, NEW.submissions_failed, NEW.grades_processed, NEW.grades_created, NEW.grades_updated, NEW.grades_failed, NEW.users_processed, NEW.users_created, NEW.users_updated, NEW.users_failed, NEW.enrollments_processed, NEW.enrollments_created, NEW.enrollments_updated, NEW.enrollments_failed, NEW.api_calls, NEW.api_failed, NEW.api_throttled, NEW.api_retried, NEW.db_operations, NEW.db_failed, NEW.error_type) BEGIN INSERT INTO canvas_sync_rollup_changes (start) VALUES (OLD.sync_start_time); INSERT INTO canvas_sync_rollup_changes (start) VALUES (NEW.sync_start_time); END;

CREATE INDEX ix_canvas_sync_metrics_error_start ON canvas_sync_metrics (error_type, sync_start_time) WHERE error_type IS NOT NULL;

CREATE INDEX ix_canvas_sync_metrics_course_start ON canvas_sync_metrics (course_id, sync_start_time) WHERE course_id IS NOT NULL;
