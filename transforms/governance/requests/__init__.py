"""Data-subject requests: who a record is about, what is due when, and how access, erasure and
restriction are carried out.
"""
