"""用户查询机: the self-service terminal in the lobby. It shows nobody's data without the password, and forgets soon."""
