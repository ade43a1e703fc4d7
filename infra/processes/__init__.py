"""Roles as processes: started, watched, restarted, asked whether they are ready."""
