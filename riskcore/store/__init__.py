"""An account's files: who may use them, recovery, the journal's archive, what others may read."""
