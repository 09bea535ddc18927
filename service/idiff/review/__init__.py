"""Many pairs of photo files at a command line: found (`pairs`), judged some at a time (`judging`), counted (`gate`)."""
