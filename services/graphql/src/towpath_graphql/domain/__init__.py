"""Pure decisions about runs: no I/O, no clock reads, no SQL. Time comes in as an argument and is the database's."""
