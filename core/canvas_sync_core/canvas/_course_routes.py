"""The routes of courses and sections, and of what other contexts share with them.

Written as :mod:`._route_table` says.
"""

from __future__ import annotations

from typing import Final

__all__ = ["COURSES", "SHARED"]

COURSES: Final[tuple[tuple[str, str], ...]] = (
    ("courses", ". :id :id/dismiss_migration_limitation_message :id/late_policy"),
    (
        "courses/:course_id",
        """activity_stream activity_stream/summary all_quizzes
        announcements/:announcement_id/accessibility/queue_scan
        announcements/:announcement_id/accessibility/scan app_center/apps
        apply_score_to_ungraded_submissions assign_outcome_order block_editor_templates
        block_editor_templates/:id block_editor_templates/:id/publish
        block_editor_templates/can_edit brand_variables
        bulk_student_enrollments/student_bulk_pace_edit_view bulk_user_progress bulk_user_tags
        calendar_events/timetable calendar_events/timetable_events collaborations
        collaborations/:id conferences conferences/:conference_id/recording_ready content_list
        content_share_users convert_tag_overrides convert_tag_overrides/status course_copy
        course_copy/:id create_tool_with_verification csp_settings custom_gradebook_column_data
        custom_gradebook_columns custom_gradebook_columns/:id custom_gradebook_columns/:id/data
        custom_gradebook_columns/:id/data/:user_id custom_gradebook_columns/reorder
        effective_due_dates enqueue_outcome_rollup_calculation enrollments/:id/accept
        enrollments/:id/reactivate enrollments/:id/reject epub_exports epub_exports/:id
        folders_and_files gradebook_filters gradebook_filters/:id gradebook_history/:date
        gradebook_history/:date/graders/:grader_id/assignments/:assignment_id/submissions
        gradebook_history/days gradebook_history/feed gradebook_settings grading_periods/:id
        grading_periods/batch_update group_categories/bulk_manage_differentiation_tag
        group_categories/differentiation_tag_candidate_count group_categories/export_tags
        group_categories/import_tags learning_mastery_gradebook_settings link_validation
        live_assessments live_assessments/:assessment_id/results lti_resource_links
        lti_resource_links/:id lti_resource_links/bulk mastery_paths/rules
        mastery_paths/rules/:id mastery_paths/stats/student_details
        mastery_paths/stats/students_per_range microsoft_sync/group microsoft_sync/schedule_sync
        module_item_redirect/:id module_item_sequence new_quizzes/assignment_overrides
        outcome_alignments outcome_mastery_distribution outcome_results outcome_rollups
        outcomes/:outcome_id/contributing_scores pace_contexts permissions ping
        potential_collaborators preview_html quiz_extensions recent_students
        reports/:report_type reports/:report_type/:id reset_content restore/:version_id
        search_users sections sections/:id sections/:course_section_id/pace
        sections/:course_section_id/paces settings smartsearch smartsearch/index_status
        smartsearch/log student_enrollments/:student_enrollment_id/pace
        student_enrollments/:student_enrollment_id/paces student_view_student students
        study_assist syllabus/accessibility/queue_scan syllabus/accessibility/scan tabs
        tabs/:tab_id todo update_final_grade_overrides users users/:id
        users/:id/lmgb_user_details users/:user_id/last_attended users/:user_id/progress
        web_zip_exports web_zip_exports/:id what_if_grades/reset
        youtube_migration/conversion_status youtube_migration/convert youtube_migration/scan
        youtube_migration/scan/:scan_id""",
    ),
    (
        "courses/:course_id/ai_experiences",
        """. :id :id/ai_conversations :id/ai_conversations/:conversation_id :id/edit new
        :ai_experience_id/conversations :ai_experience_id/conversations/:id
        :ai_experience_id/conversations/:id/evaluation
        :ai_experience_id/conversations/:id/messages
        :ai_experience_id/conversations/:id/messages/:message_id/feedback
        :ai_experience_id/conversations/:id/messages/:message_id/feedback/:feedback_id""",
    ),
    (
        "courses/:course_id/analytics",
        """activity assignments student_summaries users/:student_id/activity
        users/:student_id/assignments users/:student_id/communication""",
    ),
    (
        "courses/:course_id/assignment_groups",
        ". :assignment_group_id :assignment_group_id/assignments",
    ),
    ("courses/:course_id/assignments", ". :id bulk_update gradeable_students overrides"),
    (
        "courses/:course_id/assignments/:assignment_id",
        """accessibility/queue_scan accessibility/scan allocate
        anonymous_provisional_grades/status date_details date_details/convert_tag_overrides
        duplicate extensions gradeable_students moderated_students overrides overrides/:id
        provisional_grades/:provisional_grade_id/select provisional_grades/bulk_select
        provisional_grades/publish provisional_grades/publish_async provisional_grades/status
        retry_alignment_clone submissions/:user_id/annotation_notification
        users/:user_id/group_members""",
    ),
    (
        "courses/:course_id/blueprint_subscriptions",
        """. :subscription_id/migrations :subscription_id/migrations/:id
        :subscription_id/migrations/:id/details""",
    ),
    (
        "courses/:course_id/blueprint_templates/:template_id",
        """. associated_courses migrations migrations/:id migrations/:id/details restrict_item
        unsynced_changes update_associations""",
    ),
    (
        "courses/:course_id/course_pacing",
        ". :id :id/publish bulk_create_enrollment_paces compress_dates new",
    ),
    (
        "courses/:course_id/discussion_topics",
        """migrate_disallow update_discussion_types :discussion_topic_id/date_details
        :discussion_topic_id/date_details/convert_tag_overrides""",
    ),
    ("courses/:course_id/files", ":attachment_id/date_details file_ref/:migration_id"),
    ("courses/:course_id/folders", "icon_maker"),
    (
        "courses/:course_id/modules",
        """. :id :id/relock :context_module_id/assignment_overrides
        :context_module_id/assignment_overrides/convert_tag_overrides
        :context_module_id/date_details :module_id/duplicate :module_id/items
        :module_id/items/:id :module_id/items/:id/done :module_id/items/:id/mark_read
        :module_id/items/:id/select_mastery_path items/:id/duplicate""",
    ),
    (
        "courses/:course_id/pages",
        """:url_or_id/accessibility/queue_scan :url_or_id/accessibility/scan
        :url_or_id/date_details :url_or_id/date_details/convert_tag_overrides
        :url_or_id/duplicate""",
    ),
    (
        "courses/:course_id/quizzes",
        """. :id :id/reorder :id/submission_users :id/submission_users/message
        :id/validate_access_code assignment_overrides""",
    ),
    (
        "courses/:course_id/quizzes/:quiz_id",
        """date_details date_details/convert_tag_overrides extensions groups groups/:id
        groups/:id/reorder ip_filters outstanding_quiz_submissions questions questions/:id
        reports reports/:id statistics submission submissions submissions/:id
        submissions/:id/complete submissions/:id/events submissions/:id/time
        submissions/self/files""",
    ),
    (
        "courses/:course_id/rubric_associations",
        """. :id :rubric_association_id/rubric_assessments
        :rubric_association_id/rubric_assessments/:id""",
    ),
)
"""What belongs to a course alone."""

SHARED: Final[tuple[tuple[str, str], ...]] = (
    (
        "sections",
        """:id :id/crosslist :id/crosslist/:new_course_id :id/users
        :course_section_id/assignments/:assignment_id/override""",
    ),
    (
        "courses/:course_id sections/:section_id",
        """enrollments enrollments/:id students/submissions submissions/:user_id/clear_unread
        submissions/bulk_mark_read submissions/update_grades""",
    ),
    (
        "courses/:course_id/assignments/:assignment_id "
        "sections/:section_id/assignments/:assignment_id",
        """anonymous_submissions/:anonymous_id peer_reviews submission_summary submissions
        submissions/:submission_id/peer_reviews submissions/:user_id
        submissions/:user_id/comments/:id submissions/:user_id/comments/files
        submissions/:user_id/document_annotations/read submissions/:user_id/files
        submissions/:user_id/read submissions/:user_id/read/:item
        submissions/:user_id/rubric_assessments/read submissions/:user_id/rubric_comments/read
        submissions/update_grades""",
    ),
    (
        "accounts/:account_id courses/:course_id",
        """blackout_dates blackout_dates/:id blackout_dates/new external_tools/:external_tool_id
        external_tools/:external_tool_id/migration_info external_tools/sessionless_launch
        external_tools/visible_course_nav_tools grading_periods grading_standards
        grading_standards/:grading_standard_id group_categories groups lti_apps
        lti_apps/launch_definitions outcome_group_links outcome_groups outcome_imports
        outcome_imports/:id outcome_imports/:id/created_group_ids
        outcome_imports/group/:learning_outcome_group_id outcome_proficiency root_outcome_group
        rubrics rubrics/:id rubrics/:id/used_locations rubrics/download_rubrics rubrics/upload
        rubrics/upload/:id rubrics/upload/:id/rubrics tool_proxies/:tool_proxy_id
        tool_proxies/:tool_proxy_id/update""",
    ),
    (
        "accounts/:account_id/outcome_groups courses/:course_id/outcome_groups "
        "global/outcome_groups",
        ":id :id/import :id/outcomes :id/outcomes/:outcome_id :id/subgroups account_chain",
    ),
    (
        "courses/:course_id groups/:group_id",
        """discussion_topics discussion_topics/:topic_id
        discussion_topics/:topic_id/accessibility/queue_scan
        discussion_topics/:topic_id/accessibility/scan discussion_topics/:topic_id/duplicate
        discussion_topics/:topic_id/entries discussion_topics/:topic_id/entries/:id
        discussion_topics/:topic_id/entries/:entry_id/rating
        discussion_topics/:topic_id/entries/:entry_id/read
        discussion_topics/:topic_id/entries/:entry_id/replies
        discussion_topics/:topic_id/entry_list discussion_topics/:topic_id/insights
        discussion_topics/:topic_id/insights/entries
        discussion_topics/:topic_id/insights/entries/:entry_id
        discussion_topics/:topic_id/messageable_users discussion_topics/:topic_id/read
        discussion_topics/:topic_id/read_all discussion_topics/:topic_id/subscribed
        discussion_topics/:topic_id/summaries
        discussion_topics/:topic_id/summaries/:summary_id/feedback
        discussion_topics/:topic_id/summaries/disable discussion_topics/:topic_id/view
        discussion_topics/read_all discussion_topics/reorder external_feeds
        external_feeds/:external_feed_id front_page media_attachments media_objects
        page_title_availability pages pages/:url_or_id pages/:url_or_id/revisions
        pages/:url_or_id/revisions/:revision_id pages/:url_or_id/revisions/latest
        pages_ai/alt_text""",
    ),
    (
        "courses/:course_id groups/:group_id users/:user_id",
        """content_exports content_exports/:id content_exports/:id/fail content_licenses files
        files/:id files/quota folders folders/:id folders/:id/duplicates folders/by_path
        folders/by_path/*full_path folders/media usage_rights""",
    ),
    ("accounts/:account_id courses/:course_id groups/:group_id", "external_tools"),
    (
        "accounts/:account_id courses/:course_id groups/:group_id users/:user_id",
        """content_migrations content_migrations/:id
        content_migrations/:content_migration_id/migration_issues
        content_migrations/:content_migration_id/migration_issues/:id
        content_migrations/:id/asset_id_mapping content_migrations/:id/selective_data
        content_migrations/migrators""",
    ),
    (
        "accounts/:account_id courses/:course_id users/:user_id",
        "features features/enabled features/flags/:feature",
    ),
)
"""Sections, and what several of accounts, courses, sections, groups and users have."""
