// Package seed fills an empty database with months of plausible conversations, messages, calls, tickets and
// agents, fast (COPY), so that lists, searches and reports can be measured and shown at size. The same seed
// makes the same rows. It is the only writer of such rows; it refuses a database that holds any already, unless it is forced (Options.Force).
package seed
