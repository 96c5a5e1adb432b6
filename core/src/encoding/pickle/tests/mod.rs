mod reading;
mod scanning;
mod writing;

/// More bytes than any of the pickles has.
const LIMIT: usize = 100_000;
