"""Set-up scripts of the repository; they use the standard library only."""
