"""What other frameworks need of this package, one part each."""
