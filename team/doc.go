// Package team says who works together and how far each role sees: the work of its own, of its teams, or all. It owns teams,
// their members and queues, and the rules of roles. It is the one place that knows which rows of other nouns belong to whom.
//
//	role's rule + teams of the user -> Sight -> context of the request
//	                                               '-> Where: a condition in the SQL of every list, count, search and report
//	                                               '-> Store.Sees: one row by its id
//	                                               '-> Sight.Shows: the same for what goes over the live feed
//
// A context without a Sight is the house's own work, and sees all.
package team
