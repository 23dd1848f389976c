// Package webhook is the channel for any program: signed requests in, signed
// requests out. The protocol is written down in docs/webhook.md.
//
//	POST /in/ACCOUNT -> verify -> chat.Take (row) -> 202; a job makes the message
//	chat's outbox -> Send -> POST to the account's address, signed; 2xx is done
//
// It refuses addresses of this machine and of private networks, before and after
// names are resolved, unless the account allows them.
package webhook
