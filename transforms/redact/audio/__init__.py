"""Redacting recordings: what is said in some stretches of time is muted, beeped or covered by a low
tone, channel by channel.
"""
