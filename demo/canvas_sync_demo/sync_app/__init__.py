"""A reference sync app: a team's own job that copies a user's Canvas courses into its database."""
