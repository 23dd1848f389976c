// Package api owns the web side of the server: sign-in, roles, the HTTP API with
// its OpenAPI document, the live feed, recordings, metrics, health, and the
// browser's files. It refuses to decide anything about calls: it reads what call
// keeps and asks for what a person clicked.
//
//	browser --HTTP--> headers, body limit --> guard (session, role by one table, CSRF) --> Huma operations --> call.Store, users, audit
//	        --WebSocket--> guard --> centrifuge node <--feed-- event.Bus
//	Prometheus --> /metrics --> pulls Stats of all packages
//
// Rights stand in one table (access.go); a route that is not in it is refused.
package api
