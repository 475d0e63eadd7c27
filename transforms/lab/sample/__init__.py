"""Generated call-tracking data: people, values, conversations, records, broken input. It describes
nobody.
"""
