"""Real PostgreSQL and S3 servers for tests and the demo, thrown away after use.

They listen on a free port of 127.0.0.1, know only random passwords, keep their files in a folder
of their own and are gone with it when the process that started them ends, even by SIGKILL.
"""
