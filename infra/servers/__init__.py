"""Real PostgreSQL and S3 servers, thrown away after use: for tests and demonstrations.

They listen on a free port of 127.0.0.1, know only random passwords, keep their files in a folder
of their own and are gone with it when whoever started them ends, even by SIGKILL.
"""
