"""The routes of accounts, groups and users.

Written as :mod:`._route_table` says.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ACCOUNTS", "USERS"]

ACCOUNTS: Final[tuple[tuple[str, str], ...]] = (
    ("accounts", ". :id search"),
    (
        "accounts/:account_id",
        """accessibility_issue_summary account_calendars account_notifications
        account_notifications/:id admins admins/:user_id admins/self app_center/apps
        asset_processors/tii_migrations asset_processors/tii_migrations/migrate_all
        authentication_providers authentication_providers/:id
        authentication_providers/:id/restore authentication_providers/force_password_reset
        bounced_communication_channels bounced_communication_channels.csv
        bounced_communication_channels/reset brand_variables bulk_enrollment courses courses/:id
        create_tool_with_verification csp_settings csp_settings/domains
        csp_settings/domains/batch_create csp_settings/lock developer_keys
        developer_keys/:developer_key_id/developer_key_account_bindings
        developer_keys/lookup_utids enrollments/:id external_tools/rce_favorites/:id
        external_tools/top_nav_favorites/:id features/early_access_program folders
        grading_period_sets grading_period_sets/:id grading_periods/:id help_links
        learn_platform/custom_filters learn_platform/filters
        learn_platform/organizations/:organization_salesforce_id/products
        learn_platform/products learn_platform/products/:id learn_platform/products_categories
        learner_dashboard_activation learner_dashboard_layouts learner_dashboard_layouts/:id
        logins logins/:id permissions quiz_ip_filters reports reports/:report
        reports/:report/:id reports/:report/:id/abort roles roles/:id roles/:id/activate
        roles/permissions scopes self_registration settings shared_brand_configs
        shared_brand_configs/:id sis_import_errors sis_imports sis_imports/:id
        sis_imports/:id/abort sis_imports/:id/errors sis_imports/:id/restore_states
        sis_imports/abort_all_pending sis_imports/importing sso_settings sub_accounts
        sub_accounts/:id tabs temporary_enrollment_pairings temporary_enrollment_pairings/:id
        temporary_enrollment_pairings/new terms terms/:id terms_of_service
        unconfirmed_communication_channels unconfirmed_communication_channels.csv
        unconfirmed_communication_channels/confirm users users/:user_id
        users/:user_id/account_notifications users/:user_id/account_notifications/:id
        users/:user_id/restore users/bulk_update visible_calendars_count""",
    ),
    (
        "accounts/:account_id/analytics/completed accounts/:account_id/analytics/current "
        "accounts/:account_id/analytics/terms/:term_id",
        "activity grades statistics statistics_by_subaccount",
    ),
    (
        "accounts/:account_id/apps accounts/:account_id/lti_registrations",
        """. :id :id/bind :id/history :id/install_from_template :id/latest_update_request
        :id/overlay_history :id/reset :id/update_requests/:update_request_id
        :id/update_requests/:update_request_id/apply
        :registration_id/deployments/:deployment_id/context_search by_utid/:utid
        install_status/:client_id""",
    ),
    (
        "accounts/:account_id/lti_registrations",
        """:registration_id/controls :registration_id/controls/:id
        :registration_id/controls/bulk :registration_id/deployments
        :registration_id/deployments/:id :registration_id/deployments/:id/controls
        check_domain_duplicates configuration/validate""",
    ),
    (
        "accounts/:account_id",
        "app_by_client_id/:client_id lti_registration_by_client_id/:client_id",
    ),
)

USERS: Final[tuple[tuple[str, str], ...]] = (
    (
        "groups",
        """. :group_id :group_id/activity_stream :group_id/activity_stream/summary
        :group_id/assignments/:assignment_id/override :group_id/collaborations
        :group_id/collaborations/:id :group_id/conferences
        :group_id/conferences/:conference_id/recording_ready :group_id/folders_and_files
        :group_id/invite :group_id/memberships :group_id/memberships/:membership_id
        :group_id/memberships/self :group_id/permissions :group_id/potential_collaborators
        :group_id/preview_html :group_id/tabs :group_id/users :group_id/users/:user_id""",
    ),
    (
        "group_categories/:group_category_id",
        ". assign_unassigned_members export groups import users",
    ),
    (
        "users",
        """activity_stream :id :id/clear_cache :id/colors :id/colors/:asset_string
        :id/dashboard_positions :id/files_ui_version_preference :id/graded_submissions
        :id/merge_into/:destination_user_id
        :id/merge_into/accounts/:destination_account_id/users/:destination_user_id
        :id/mobile_sessions :id/new_user_tutorial_statuses
        :id/new_user_tutorial_statuses/:page_name :id/sessions :id/settings :id/split
        :id/text_editor_preference mobile_sessions page_views/query page_views/query/:query_id
        page_views/query/:query_id/results reset_password""",
    ),
    (
        "users/:user_id",
        """avatars calendar_events communication_channels communication_channels/:id
        communication_channels/:type/:address content_shares content_shares/:id
        content_shares/:id/add_users content_shares/received content_shares/sent
        content_shares/unread_count courses courses/:course_id/assignments custom_data
        custom_data/*scope educator_accessibility_course_scan
        educator_accessibility_course_statistics educator_accessibility_course_terms enrollments
        eportfolios folders_and_files history logins logins/:id missing_submissions observees
        observees/:observee_id observer_alert_thresholds
        observer_alert_thresholds/:observer_alert_threshold_id
        observer_alerts/:observer_alert_id/:workflow_state observer_alerts/:student_id
        observer_alerts/unread_count observer_pairing_codes observers observers/:observer_id
        page_views page_views/query page_views/query/:query_id
        page_views/query/:query_id/results planner/items portfolio_notifications profile tabs
        temporary_enrollment_status tokens tokens/:id user_generated_tokens""",
    ),
    (
        "users/:user_id/communication_channels users/self/communication_channels",
        """:communication_channel_id/notification_preferences
        :communication_channel_id/notification_preferences/:notification
        :type/:address/notification_preferences
        :type/:address/notification_preferences/:notification""",
    ),
    (
        "users/:user_id/communication_channels/:communication_channel_id",
        "notification_preference_categories",
    ),
    (
        "users/self",
        """activity_stream activity_stream/:id activity_stream/summary bookmarks bookmarks/:id
        communication_channels/:communication_channel_id/notification_preference_categories/:category
        communication_channels/push course_nicknames course_nicknames/:course_id
        favorites/courses favorites/courses/:id favorites/groups favorites/groups/:id groups
        pandata_events_token todo todo/:asset_string/:purpose todo_item_count upcoming_events""",
    ),
)
"""Users, and the groups that they are members of."""
