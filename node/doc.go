// Package node knows the servers that share one database: which are alive, how to
// reach them, and at which of them a user's telephone is registered. A registration
// belongs to the server that holds its connection; this package writes down where,
// so that a call at one server finds an agent at another.
//
//	sip bindings --Save, Remove--> newest per device --writer--> registrations
//	beat, every 2 s --> nodes: seen_at;  who else is there, who is registered there --> memory
//	Where(user) --> the other servers that have the user, alive now
//
// It refuses to know what a call is, and asks no server anything: all goes by rows.
package node
