"""Presidio recognizers for what is said on the telephone and written in chats and forms."""
