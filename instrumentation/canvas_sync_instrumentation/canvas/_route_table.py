"""The routes of the Canvas API, as Canvas names them.

Each entry is a set of prefixes and the suffixes that may follow any of them; ``.`` stands for the
prefix itself. ``:name`` takes one segment, a last ``*name`` takes the rest of the path.

Source: Canvas LMS REST API documentation (https://developerdocs.instructure.com/services/canvas,
formerly https://canvas.instructure.com/doc/api/), as far as jobs that sync data reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

__all__ = ["templates"]

_API: Final = "/api/v1/"

_REST: Final[tuple[tuple[str, str], ...]] = (
    (
        "accounts",
        """. :id search
        :account_id/account_notifications :account_id/account_notifications/:id
        :account_id/admins :account_id/admins/:user_id :account_id/admins/self
        :account_id/analytics/current/activity :account_id/analytics/current/grades
        :account_id/analytics/current/statistics :account_id/analytics/completed/activity
        :account_id/analytics/completed/grades :account_id/analytics/completed/statistics
        :account_id/analytics/terms/:term_id/activity :account_id/analytics/terms/:term_id/grades
        :account_id/analytics/terms/:term_id/statistics
        :account_id/authentication_providers :account_id/authentication_providers/:id
        :account_id/account_calendars :account_id/blackout_dates :account_id/calendar_settings
        :account_id/courses :account_id/courses/:id :account_id/csp_settings
        :account_id/developer_keys :account_id/developer_keys/:id
        :account_id/enrollments/:id :account_id/grading_periods/:id
        :account_id/help_links :account_id/inactivate_user/:user_id
        :account_id/logins :account_id/logins/:id :account_id/lti_registrations
        :account_id/lti_registrations/:id :account_id/manually_created_courses_account
        :account_id/outcome_proficiency :account_id/permissions :account_id/reports
        :account_id/reports/:report :account_id/reports/:report/:id
        :account_id/roles :account_id/roles/:id :account_id/roles/:id/activate
        :account_id/root_accounts :account_id/rubrics/upload :account_id/scopes
        :account_id/self_registration :account_id/settings :account_id/sis_import_errors
        :account_id/sis_imports :account_id/sis_imports/:id :account_id/sis_imports/:id/abort
        :account_id/sis_imports/:id/errors :account_id/sis_imports/:id/restore_states
        :account_id/sis_imports/abort_all_pending :account_id/sis_imports/importing
        :account_id/sso_settings :account_id/sub_accounts :account_id/sub_accounts/:id
        :account_id/temporary_enrollment_pairings :account_id/temporary_enrollment_pairings/:id
        :account_id/terms :account_id/terms/:id :account_id/terms_of_service
        :account_id/users :account_id/users/:user_id :account_id/users/:user_id/restore
        :account_id/users/bulk_update :account_id/users/:user_id/account_notifications
        :account_id/users/:user_id/account_notifications/:id""",
    ),
    (
        "courses",
        """. :id
        :course_id/allowed_grading_types :course_id/analytics/activity
        :course_id/analytics/assignments :course_id/analytics/student_summaries
        :course_id/analytics/users/:student_id/activity
        :course_id/analytics/users/:student_id/assignments
        :course_id/analytics/users/:student_id/communication
        :course_id/blueprint_subscriptions
        :course_id/blueprint_subscriptions/:subscription_id/migrations
        :course_id/blueprint_subscriptions/:subscription_id/migrations/:id
        :course_id/blueprint_subscriptions/:subscription_id/migrations/:id/details
        :course_id/blueprint_templates/:template_id
        :course_id/blueprint_templates/:template_id/associated_courses
        :course_id/blueprint_templates/:template_id/migrations
        :course_id/blueprint_templates/:template_id/migrations/:id
        :course_id/blueprint_templates/:template_id/migrations/:id/details
        :course_id/blueprint_templates/:template_id/restrict_item
        :course_id/blueprint_templates/:template_id/unsynced_changes
        :course_id/blueprint_templates/:template_id/update_associations
        :course_id/bulk_user_progress :course_id/content_share_users :course_id/course_copy
        :course_id/course_copy/:id :course_id/csp_settings
        :course_id/custom_gradebook_column_data :course_id/custom_gradebook_columns
        :course_id/custom_gradebook_columns/reorder :course_id/custom_gradebook_columns/:id
        :course_id/custom_gradebook_columns/:id/data
        :course_id/custom_gradebook_columns/:id/data/:user_id
        :course_id/dismiss_migration_limitation_message :course_id/effective_due_dates
        :course_id/enrollments/:id/accept :course_id/enrollments/:id/reject
        :course_id/enrollments/:id/reactivate :course_id/enrollments/:user_id/last_attended
        :course_id/epub_exports :course_id/epub_exports/:id :course_id/gradebook_filters
        :course_id/gradebook_filters/:id :course_id/gradebook_history/days
        :course_id/gradebook_history/feed :course_id/gradebook_history/:date
        :course_id/gradebook_history/:date/graders/:grader_id/assignments/:assignment_id/submissions
        :course_id/grading_periods/:id :course_id/late_policy :course_id/link_validation
        :course_id/live_assessments :course_id/live_assessments/:assessment_id/results
        :course_id/lti_apps/launch_definitions :course_id/lti_resource_links
        :course_id/lti_resource_links/:id :course_id/lti_resource_links/bulk
        :course_id/module_item_sequence :course_id/outcome_alignments
        :course_id/outcome_mastery_scores :course_id/outcome_proficiency :course_id/outcome_results
        :course_id/outcome_rollups :course_id/permissions :course_id/post_policies
        :course_id/potential_collaborators :course_id/recent_students
        :course_id/reports/:report_type :course_id/reports/:report_type/:id
        :course_id/reset_content :course_id/restore/:course_id :course_id/rubrics/upload
        :course_id/search_users :course_id/settings :course_id/smartsearch
        :course_id/student_view_student :course_id/students :course_id/tabs/:tab_id
        :course_id/todo :course_id/users :course_id/users/:id
        :course_id/users/:user_id/progress :course_id/what_if_grades""",
    ),
    (
        "courses/:course_id/assignment_groups",
        """. :assignment_group_id :assignment_group_id/assignments""",
    ),
    (
        "courses/:course_id/assignments",
        """. :id bulk_update overrides
        :assignment_id/anonymous_provisional_grades/status
        :assignment_id/anonymous_submissions/:anonymous_id :assignment_id/date_details
        :assignment_id/duplicate :assignment_id/extensions :assignment_id/gradeable_students
        :assignment_id/moderated_students :assignment_id/overrides :assignment_id/overrides/:id
        :assignment_id/peer_reviews :assignment_id/provisional_grades/bulk_select
        :assignment_id/provisional_grades/publish :assignment_id/provisional_grades/status
        :assignment_id/provisional_grades/:provisional_grade_id/select
        :assignment_id/submission_summary :assignment_id/submissions/:user_id/read/:item
        :assignment_id/submissions/:user_id/document_annotations/read
        :assignment_id/submissions/:user_id/rubric_assessments/read
        :assignment_id/submissions/:user_id/rubric_comments/read
        :assignment_id/submissions/:user_id/submission_comments/read
        :assignment_id/users/:user_id/group_members""",
    ),
    (
        "courses/:course_id/modules",
        """. :id :id/relock :module_id/assignment_overrides :module_id/items
        :module_id/items/:id :module_id/items/:id/done :module_id/items/:id/duplicate
        :module_id/items/:id/mark_read :module_id/items/:id/select_mastery_path""",
    ),
    (
        "courses/:course_id/quizzes",
        """. :id :id/date_details :id/reorder :id/submission_users :id/submission_users/message
        :id/validate_access_code assignment_overrides :quiz_id/extensions :quiz_id/groups
        :quiz_id/groups/:id :quiz_id/groups/:id/reorder :quiz_id/ip_filters :quiz_id/questions
        :quiz_id/questions/:id :quiz_id/reports :quiz_id/reports/:id :quiz_id/statistics
        :quiz_id/submission :quiz_id/submissions :quiz_id/submissions/:id
        :quiz_id/submissions/:id/complete :quiz_id/submissions/:id/events
        :quiz_id/submissions/:id/time :quiz_id/submissions/self/files""",
    ),
    ("courses/:course_id", "quiz_extensions accommodations"),
    (
        "courses/:course_id/rubric_associations",
        """. :id :rubric_association_id/rubric_assessments
        :rubric_association_id/rubric_assessments/:id""",
    ),
    (
        "sections",
        """:id :section_id/assignments/:assignment_id/override :id/crosslist
        :id/crosslist/:new_course_id :section_id/users :section_id/peer_reviews""",
    ),
    ("courses/:course_id/sections", ". :id"),
    (
        "courses/:course_id sections/:section_id",
        """enrollments enrollments/:id students/submissions submissions/update_grades
        assignments/:assignment_id/submissions
        assignments/:assignment_id/submissions/:user_id
        assignments/:assignment_id/submissions/:user_id/comments/:id
        assignments/:assignment_id/submissions/:user_id/comments/files
        assignments/:assignment_id/submissions/:user_id/files
        assignments/:assignment_id/submissions/:user_id/read
        assignments/:assignment_id/submissions/:submission_id/peer_reviews
        assignments/:assignment_id/submissions/update_grades""",
    ),
    (
        "accounts/:account_id courses/:course_id",
        """external_tools external_tools/:external_tool_id external_tools/sessionless_launch
        external_tools/visible_course_nav_tools grading_periods grading_periods/batch_update
        grading_standards grading_standards/:grading_standard_id group_categories groups
        outcome_group_links outcome_groups outcome_imports outcome_imports/:id
        outcome_imports/outcome_group/:learning_outcome_group_id root_outcome_group
        rubrics rubrics/:id rubrics/:id/used_locations""",
    ),
    (
        "accounts/:account_id/outcome_groups courses/:course_id/outcome_groups "
        "global/outcome_groups",
        ":id :id/import :id/outcomes :id/outcomes/:outcome_id :id/subgroups",
    ),
    ("global", "root_outcome_group"),
    (
        "courses/:course_id groups/:group_id",
        """activity_stream activity_stream/summary assignments/:assignment_id/override
        collaborations conferences discussion_topics discussion_topics/reorder
        discussion_topics/:topic_id discussion_topics/:topic_id/date_details
        discussion_topics/:topic_id/duplicate discussion_topics/:topic_id/entries
        discussion_topics/:topic_id/entries/:id discussion_topics/:topic_id/entries/:entry_id/rating
        discussion_topics/:topic_id/entries/:entry_id/read
        discussion_topics/:topic_id/entries/:entry_id/replies discussion_topics/:topic_id/entry_list
        discussion_topics/:topic_id/read discussion_topics/:topic_id/read_all
        discussion_topics/:topic_id/subscribed discussion_topics/:topic_id/summaries
        discussion_topics/:topic_id/view external_feeds external_feeds/:external_feed_id
        front_page pages pages/:url_or_id pages/:url_or_id/date_details pages/:url_or_id/duplicate
        pages/:url_or_id/revisions pages/:url_or_id/revisions/:revision_id
        pages/:url_or_id/revisions/latest preview_html tabs""",
    ),
    (
        "courses/:course_id groups/:group_id users/:user_id",
        """content_exports content_exports/:id content_licenses files files/:id files/quota
        folders folders/:id folders/by_path folders/by_path/*full_path folders/media
        usage_rights""",
    ),
    (
        "accounts/:account_id courses/:course_id groups/:group_id users/:user_id",
        """content_migrations content_migrations/:id content_migrations/migrators
        content_migrations/:content_migration_id/migration_issues
        content_migrations/:content_migration_id/migration_issues/:id
        content_migrations/:content_migration_id/selective_data
        content_migrations/:id/asset_id_mapping""",
    ),
    (
        "accounts/:account_id courses/:course_id users/:user_id",
        "features features/enabled features/environment features/flags/:feature",
    ),
    (
        "groups",
        """. :group_id :group_id/invite :group_id/memberships :group_id/memberships/:membership_id
        :group_id/memberships/self :group_id/permissions :group_id/users
        :group_id/users/:user_id""",
    ),
    (
        "group_categories/:group_category_id",
        ". assign_unassigned_members export groups import users",
    ),
    (
        "users",
        """:id :id/merge_into/:destination_user_id :id/settings :id/split
        :id/terminate_all_mobile_sessions activity_stream validate_access_token
        :id/merge_into/accounts/:destination_account_id/users/:destination_user_id
        :user_id/avatars :user_id/calendar_events :user_id/colors :user_id/colors/:asset_string
        :user_id/communication_channels :user_id/communication_channels/:id
        :user_id/communication_channels/:type/:address
        :user_id/communication_channels/:communication_channel_id/notification_preference_categories
        :user_id/communication_channels/:communication_channel_id/notification_preferences
        :user_id/communication_channels/:communication_channel_id/notification_preferences/:notification
        :user_id/content_shares :user_id/content_shares/:id :user_id/content_shares/received
        :user_id/content_shares/sent :user_id/content_shares/unread_count
        :user_id/courses :user_id/courses/:course_id/assignments :user_id/custom_data
        :user_id/custom_data/*scope :user_id/dashboard_positions :user_id/enrollments
        :user_id/eportfolios :user_id/graded_submissions :user_id/history
        :user_id/logins :user_id/logins/:id :user_id/missing_submissions :user_id/observees
        :user_id/observees/:observee_id :user_id/observer_pairing_codes :user_id/observers
        :user_id/observers/:observer_id :user_id/page_views :user_id/page_views/query
        :user_id/page_views/query/:query_id :user_id/page_views/query/:query_id/results
        :user_id/pandata_events_token :user_id/profile :user_id/sessions
        :user_id/temporary_enrollment_status :user_id/text_editor_preference
        :user_id/tokens :user_id/tokens/:id""",
    ),
    (
        "users/self",
        """activity_stream activity_stream/:id activity_stream/summary bookmarks bookmarks/:id
        communication_channels/:communication_channel_id/notification_preference_categories/:category
        communication_channels/:communication_channel_id/notification_preferences
        communication_channels/:communication_channel_id/notification_preferences/:notification
        course_nicknames course_nicknames/:course_id favorites/courses favorites/courses/:id
        favorites/groups favorites/groups/:id groups todo todo/:asset_string/:purpose
        todo_item_count upcoming_events""",
    ),
    ("account_calendars", ". :account_id"),
    ("announcements", "."),
    ("announcement_external_feeds", ". :id"),
    ("appointment_groups", ". :id :id/groups :id/users next_appointment"),
    (
        "audit",
        """authentication/accounts/:account_id authentication/logins/:login_id
        authentication/users/:user_id course/accounts/:account_id course/courses/:course_id
        grade_change grade_change/assignments/:assignment_id grade_change/courses/:course_id
        grade_change/courses/:course_id/assignments/:assignment_id
        grade_change/courses/:course_id/assignments/:assignment_id/graders/:grader_id
        grade_change/courses/:course_id/graders/:grader_id
        grade_change/courses/:course_id/students/:student_id
        grade_change/graders/:grader_id grade_change/students/:student_id""",
    ),
    ("brand_variables", "."),
    ("calendar_events", ". :id :id/participants :id/reservations :id/reservations/:participant_id"),
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
    ("developer_keys", ". :id"),
    ("epub_exports", "."),
    ("eportfolios", ":id :id/moderate :eportfolio_id/pages :id/restore"),
    ("error_reports", "."),
    ("external_tools", "visible_course_nav_tools"),
    ("features", "environment"),
    (
        "files",
        """:id :id/:uuid/status :id/create_success :id/icon_metadata :id/public_url
        :id/reset_verifier""",
    ),
    ("folders", ":id :id/files :id/folders :dest_folder_id/copy_file"),
    ("folders/:dest_folder_id", "copy_folder"),
    ("inst_access_tokens", "."),
    ("jwts", ". refresh"),
    ("manageable_accounts", "."),
    ("media_objects", ". :media_object_id :media_object_id/media_tracks"),
    ("media_attachments", ". :attachment_id/media_tracks"),
    ("outcomes", ":id"),
    ("planner", "items overrides overrides/:id"),
    ("users/:user_id/planner", "items"),
    ("planner_notes", ". :id"),
    ("poll_sessions", "closed opened"),
    (
        "polls",
        """. :id :poll_id/poll_choices :poll_id/poll_choices/:id :poll_id/poll_sessions
        :poll_id/poll_sessions/:id :poll_id/poll_sessions/:id/close
        :poll_id/poll_sessions/:id/open :poll_id/poll_sessions/:poll_session_id/poll_submissions
        :poll_id/poll_sessions/:poll_session_id/poll_submissions/:id""",
    ),
    ("progress", ":id :id/cancel"),
    (
        "quiz_submissions/:quiz_submission_id",
        "questions questions/:id/flag questions/:id/formatted_answer questions/:id/unflag",
    ),
    ("search", "all_courses recipients rubrics"),
    ("services", "kaltura kaltura_session"),
    ("settings", "environment"),
    ("shared_brand_configs", ":id"),
    ("accounts/:account_id/shared_brand_configs", ". :id"),
    ("tinymce", "."),
)
"""Under ``/api/v1/``."""

_ELSEWHERE: Final[tuple[tuple[str, str], ...]] = (
    ("/api/graphql", "."),
    (
        "/api/quiz/v1/courses/:course_id",
        """accommodations quizzes quizzes/:assignment_id quizzes/:assignment_id/accommodations
        quizzes/:assignment_id/items quizzes/:assignment_id/items/:item_id
        quizzes/:assignment_id/items/media_upload_url quizzes/:assignment_id/reports""",
    ),
    (
        "/api/lti/courses/:course_id",
        """line_items line_items/:id line_items/:line_item_id/results
        line_items/:line_item_id/results/:id line_items/:line_item_id/scores names_and_roles""",
    ),
    ("/api/lti/groups/:group_id", "names_and_roles"),
    ("/login", "oauth2/auth oauth2/token session_token"),
    ("/files", ":id :id/download"),
)
"""Outside ``/api/v1/``: GraphQL, New Quizzes, LTI Advantage, OAuth, file contents."""


def templates() -> Iterator[str]:
    """Yield the template of every known route."""
    rest = (
        (_API + prefix, suffixes) for prefixes, suffixes in _REST for prefix in prefixes.split()
    )
    for prefix, suffixes in (*rest, *_ELSEWHERE):
        for suffix in suffixes.split():
            yield prefix if suffix == "." else f"{prefix}/{suffix}"
