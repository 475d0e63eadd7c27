"""Indexes of the people in each record, and the suppression list.

The list holds erased and restricted records, which may not come back.
"""
