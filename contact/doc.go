// Package contact is who people are: one contact for each person, with the
// identities by which they reach us on every channel, what they allowed, what we
// noted about them, and the way to take it all out again.
//
//	sender's address -> Resolve ---> contact      (found by the identity's owner, else made; never twice)
//	what they tell   -> Add -------> verified: joined with the identity's owner when the rules allow it
//	                           '---> only said:  a suggestion for a person to decide
//	Merge -> the merged one points to the survivor; nothing is moved, so Undo is exact for 30 days
//	Timeline <- Source of each noun (calls, notes, consents, ...)
//	Erase -> Eraser of each noun -> search again -> zero hits -> proof
//
// An id stays valid for ever: after a merge, Follow leads from it to the survivor.
// Other nouns keep the id that they got and read by Family. The package knows no
// call, no conversation and no ticket: those bring their rows by the interfaces
// Source, Eraser and Exporter.
package contact
