"""The routes of the Canvas API, as Canvas names them.

Each entry is a set of prefixes and the suffixes that may follow any of them; ``.`` stands for the
prefix itself. ``:name`` takes one segment, a last ``*name`` takes the rest of the path.

Sources: Canvas LMS REST API documentation (https://developerdocs.instructure.com/services/canvas,
formerly https://canvas.instructure.com/doc/api/) with its list of token scopes, and
``config/routes.rb`` of instructure/canvas-lms, both as of 2026.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ._account_routes import ACCOUNTS, USERS
from ._course_routes import COURSES, SHARED

__all__ = ["groups", "joined", "templates"]

_API: Final = "/api/v1/"

_OTHERS: Final[tuple[tuple[str, str], ...]] = (
    ("acceptable_use_policy", "."),
    ("account_calendars", ". :account_id"),
    ("announcements", "."),
    ("appointment_groups", ". :id :id/groups :id/users next_appointment"),
    (
        "audit",
        """authentication/accounts/:account_id authentication/logins/:login_id
        authentication/users/:user_id course/accounts/:account_id course/courses/:course_id
        grade_change grade_change/assignments/:assignment_id grade_change/courses/:course_id
        grade_change/graders/:grader_id grade_change/students/:student_id""",
    ),
    (
        "audit/grade_change/courses/:course_id",
        """assignments/:assignment_id assignments/:assignment_id/graders/:grader_id
        assignments/:assignment_id/graders/:grader_id/students/:student_id
        assignments/:assignment_id/students/:student_id graders/:grader_id
        graders/:grader_id/students/:student_id students/:student_id""",
    ),
    ("brand_variables", "."),
    (
        "calendar_events",
        """. :id :id/participants :id/reservations :id/reservations/:participant_id
        save_enabled_account_calendars save_selected_contexts visible_contexts""",
    ),
    ("canvadoc_session", "."),
    (
        "career",
        """enabled experience_summary learner_dashboard switch_experience switch_role
        user_context user_experiences""",
    ),
    ("collaborations", ":id/members"),
    ("comm_messages", "."),
    ("conferences", "."),
    (
        "conversations",
        """. :id :id/add_message :id/add_recipients :id/delete_for_all :id/remove_messages
        batches deleted find_recipients mark_all_as_read restore unread_count""",
    ),
    ("course_accounts", "."),
    ("course_creation_accounts", "."),
    ("dashboard", "dashboard_cards"),
    ("developer_keys", ":id :id/regenerate_secret"),
    ("discovery_pages", ". token"),
    ("enqueue_outcome_rollup_calculation", "."),
    ("eportfolios", ":id :eportfolio_id/moderate :eportfolio_id/pages :eportfolio_id/restore"),
    ("epub_exports", "."),
    ("error_reports", "."),
    ("external_tools", "visible_course_nav_tools"),
    ("features", "environment"),
    (
        "files",
        """:id :id/create_success :id/icon_metadata :id/public_url :id/reset_verifier capture
        update_word_count""",
    ),
    (
        "folders",
        ":id :id/all :id/files :id/folders :dest_folder_id/copy_file :dest_folder_id/copy_folder",
    ),
    (
        "global",
        """outcomes_import outcomes_import/available
        outcomes_import/migration_status/:migration_id root_outcome_group""",
    ),
    ("grading_period_sets", ":set_id/grading_periods/batch_update"),
    ("horizon_accounts", "."),
    ("immersive_reader", "authenticate"),
    ("inst_access_tokens", "."),
    ("jobs", ". :id batch_update"),
    (
        "jobs2",
        """:bucket :bucket/:group :bucket/:group/search :id/requeue clusters manage
        stuck/singletons stuck/strands throttle throttle/check unstuck""",
    ),
    ("jwts", ". refresh"),
    ("login", "session_token"),
    ("manageable_accounts", "."),
    ("manually_created_courses_account", "."),
    ("media_attachments", ". :attachment_id :attachment_id/asr :attachment_id/media_tracks"),
    ("media_objects", ". :media_object_id :media_object_id/asr :media_object_id/media_tracks"),
    ("microfrontends", "release_tag_override"),
    ("outcomes", ":id"),
    ("permissions", ":context_type/:permission/help groups"),
    ("planner", "items overrides overrides/:id"),
    ("planner_notes", ". :id"),
    ("plugins", ":id"),
    ("poll_sessions", "closed opened"),
    (
        "polls",
        """. :id :poll_id/poll_choices :poll_id/poll_choices/:id :poll_id/poll_sessions
        :poll_id/poll_sessions/:id :poll_id/poll_sessions/:id/close
        :poll_id/poll_sessions/:id/open :poll_id/poll_sessions/:poll_session_id/poll_submissions
        :poll_id/poll_sessions/:poll_session_id/poll_submissions/:id""",
    ),
    ("progress", ":id :id/cancel"),
    ("question_banks", ". :id :id/questions"),
    (
        "quiz_submissions/:quiz_submission_id",
        """questions questions/:id questions/:id/flag questions/:id/formatted_answer
        questions/:id/unflag""",
    ),
    ("rce_linked_file_instfs_ids", "."),
    ("release_notes", ". :id :id/published latest unread_count"),
    ("rubrics", "upload_template"),
    ("search", "all_courses recipients rubrics"),
    ("services", "kaltura kaltura_session rce_config"),
    ("settings", "environment"),
    ("shared_brand_configs", ":id"),
    ("show_k5_dashboard", "."),
    ("submissions", ":id/what_if_grades"),
    (
        "support_helpers",
        """asset_processor/bulk_resubmit asset_processor/submission_details
        asset_processor_discussion/bulk_resubmit plagiarism_platform/add_service
        plagiarism_platform/resubmit_for_assignment/:assignment_id
        submission_lifecycle_manage/course turnitin/assignment turnitin/error2305
        turnitin/expired turnitin/md5 turnitin/pending turnitin/refresh_lti_attachment
        turnitin/shard""",
    ),
    ("temporary_enrollment_status", "."),
)
"""Everything else under ``/api/v1/``."""

_EARLIER: Final[tuple[tuple[str, str], ...]] = (
    (
        "accounts/:account_id",
        """calendar_settings developer_keys/:id features/environment
        grading_periods/batch_update inactivate_user/:user_id manually_created_courses_account
        root_accounts""",
    ),
    (
        "accounts/:account_id/outcome_imports courses/:course_id/outcome_imports",
        "outcome_group/:learning_outcome_group_id",
    ),
    ("announcement_external_feeds", ". :id"),
    (
        "courses/:course_id",
        """accommodations allowed_grading_types assignments/:assignment_id/override
        assignments/:assignment_id/submissions/:user_id/submission_comments/read
        enrollments/:user_id/last_attended features/environment
        modules/:module_id/items/:id/duplicate outcome_mastery_scores post_policies
        what_if_grades""",
    ),
    ("developer_keys", "."),
    ("files", ":id/:uuid/status"),
    (
        "groups/:group_id",
        """discussion_topics/:topic_id/date_details pages/:url_or_id/date_details
        pages/:url_or_id/duplicate""",
    ),
    ("sections/:section_id", "peer_reviews"),
    ("tinymce", "."),
    ("users", ":id/terminate_all_mobile_sessions validate_access_token"),
    ("users/:user_id", "features/environment pandata_events_token"),
)
"""Not in today's documentation of Canvas; syncs of older installations may still call them."""

_ELSEWHERE: Final[tuple[tuple[str, str], ...]] = (
    ("/api/graphql", "."),
    (
        "/api/quiz/v1/courses/:course_id",
        """accommodations quizzes quizzes/:assignment_id quizzes/:assignment_id/accommodations
        quizzes/:assignment_id/items quizzes/:assignment_id/items/:item_id
        quizzes/:assignment_id/items/media_upload_url quizzes/:assignment_id/reports""",
    ),
    (
        "/api/sis",
        """accounts/:account_id/assignments courses/:course_id/assignments
        courses/:course_id/disable_post_to_sis""",
    ),
    (
        "/api/lti",
        """assignments/:assignment_id
        assignments/:assignment_id/files/:file_id/originality_report
        assignments/:assignment_id/submissions/:submission_id
        assignments/:assignment_id/submissions/:submission_id/attachment/:attachment_id
        assignments/:assignment_id/submissions/:submission_id/history
        assignments/:assignment_id/submissions/:submission_id/originality_report
        assignments/:assignment_id/submissions/:submission_id/originality_report/:id
        asset_processor_eulas/:context_external_tool_id/deployment
        asset_processor_eulas/:context_external_tool_id/user
        asset_processors/:asset_processor_id/assets/:asset_id
        asset_processors/:asset_processor_id/notices/:student_id/attempts/:attempt
        asset_processors/:asset_processor_id/reports
        asset_processors/discussion_notices/:assignment_id/:student_id/resubmit_all authorize
        authorize_redirect developer_key/update_public_jwk
        developer_keys/:developer_key_id/tool_configuration groups/:group_id/membership_service
        groups/:group_id/names_and_roles groups/:group_id/users lti_2_token
        notice-handlers/:context_external_tool_id registrations registrations/:registration_id
        security/jwks security/openid-configuration subscriptions subscriptions/:id
        tool_proxy/:tool_proxy_guid tool_proxy/:tool_proxy_guid/tool_setting
        tool_settings/:tool_setting_id users/:id uuid_map""",
    ),
    (
        "/api/lti/courses/:course_id",
        """line_items line_items/:id line_items/:line_item_id/results
        line_items/:line_item_id/results/:id line_items/:line_item_id/scores membership_service
        names_and_roles progress/:id""",
    ),
    (
        "/api/lti/accounts/:account_id",
        """. data_services data_services/:id developer_keys/tool_configuration dr_iframe
        external_tools external_tools/:external_tool_id
        lti_registration_update_request/uuid/:registration_uuid
        lti_registrations/uuid/:registration_uuid registration_token
        registrations/:registration_id registrations/:registration_id/overlay
        registrations/:registration_id/view registrations/uuid/:registration_uuid""",
    ),
    (
        "/api/lti/accounts/:account_id /api/lti/courses/:course_id",
        """authorize developer_keys/:developer_key_id/tool_configuration feature_flags/:feature
        jwt_token tool_consumer_profile tool_consumer_profile/:tool_consumer_profile_id
        tool_proxy""",
    ),
    (
        "/api/lti/tool_proxy/:tool_proxy_guid/accounts/:account_id "
        "/api/lti/tool_proxy/:tool_proxy_guid/courses/:course_id",
        "tool_setting resource_link_id/:resource_link_id/tool_setting",
    ),
    (
        "/api/lti/v1",
        """caliper/:token logout_service/:token tools/:tool_id/ext_grade_passback
        tools/:tool_id/grade_passback turnitin/outcomes_placement/:tool_id xapi/:token""",
    ),
    ("/login", "oauth2/auth oauth2/jwks oauth2/token session_token"),
    ("/files", ":id :id/download :id/preview"),
    (
        "/courses/:course_id /groups/:group_id /users/:user_id",
        "files/:id files/:id/download files/:id/preview",
    ),
    ("/assignments/:assignment_id", "files/:id/download"),
    ("/files_api", "."),
)
"""Outside ``/api/v1/``: GraphQL, New Quizzes, SIS, LTI, OAuth, and the contents of files."""


def templates() -> Iterator[str]:
    """Yield the template of every known route."""
    for prefix, suffixes in groups():
        for suffix in suffixes:
            yield joined(prefix, suffix)


def groups() -> Iterator[tuple[str, list[str]]]:
    """Yield each prefix with its suffixes; prefixes may repeat."""
    for prefixes, suffixes in (*COURSES, *SHARED, *ACCOUNTS, *USERS, *_OTHERS, *_EARLIER):
        for prefix in prefixes.split():
            yield _API + prefix, suffixes.split()
    for prefixes, suffixes in _ELSEWHERE:
        for prefix in prefixes.split():
            yield prefix, suffixes.split()


def joined(prefix: str, suffix: str) -> str:
    """Return the template of a prefix and one of its suffixes."""
    return prefix if suffix == "." else f"{prefix}/{suffix}"
