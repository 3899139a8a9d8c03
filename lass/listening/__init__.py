"""The listening test: a study file, its stimuli, the participant's page, the ratings and what they say.

Importing the package loads nothing; its modules are imported by name.
"""
