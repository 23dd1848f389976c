// Package pg owns the way to PostgreSQL: a private cluster when nobody names a
// server, the pool, embedded migrations, transactions, the mapping of errors and
// the runner of lasting jobs. It refuses to know any table's meaning: SQL lives
// with its noun (call.Store, api), only the schema's history is kept here.
//
//	Config --Open--> [Cluster: initdb, postgres on a unix socket] --> pool --> version check --> goose (River's tables inside)
//	                                                                   |
//	store --Query/Exec/Tx--> DB --bounded in time, counted, errors mapped--> ErrNotFound | ErrConflict | ErrUnavailable
//	Jobs  --River--------> queue of work that survives a restart
package pg
