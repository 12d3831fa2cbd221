"""Looking through a project and its database for the faults that tutorials about vectors spread.

`rules.RULES` is the table of contents: one rule is one class in one file of `source` or `data`.
"""
