"""Measures of detection against labelled conversations."""
