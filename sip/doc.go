// Package sip is the signalling of Tingxin: transports, transactions, trunks,
// dialogs, session timers and the offer/answer of every leg.
//
// It owns sockets, dialogs, our users' bindings and the SIP side of a call; it
// makes and configures the media.Leg and hands the call up. It refuses what it
// cannot place: unknown sources, wrong messages (RFC 4475 is its test), calls over
// a trunk's limits. It never blocks a reader on a call and never logs a number
// above Debug.
//
//	udp/tcp/tls/ws/wss --> guard: wire.Parse --> source known? --> wire.Check --> sipgo: transport layer, parser
//	                  |drop+count        |403 or drop      |4xx, stateless       |
//	                                                                             v
//	                OPTIONS, challenges: answered without state     sipgo: server or client transaction
//	                                                                             |
//	                                                                             v
//	   call.Dialog (Ring, Answer, Hangup ...) --------------> one goroutine and inbox per dialog
//	   call.Handler (RemoteHangup, RemoteHold ...) <----------------'
//
// A user is reached where it was heard: a binding is a connection (or the source
// of a datagram) and an instance (RFC 5626), and what its Contact says is no
// address to us. A call to a user is one leg for each binding.
//
//	REGISTER --digest or token--> registrar: user -> bindings (connection + instance)
//	Dial{User}   --> one leg per binding, first answer wins
//	Dial{Number} --> routes by prefix, order, weight --> trunk, the next one on 408 and 5xx
//	Dial{URI}    --> that address, or by a trunk
//
// Every dialog is one goroutine with one bounded inbox, so requests are taken
// in the order they came, one at a time. A client transaction has a goroutine
// until its final answer; beyond that transactions are timers.
//
// # What sipgo carries
//
// sipgo (github.com/emiago/sipgo/sip) reads, parses and writes every message
// that the guard lets through, over its ServeUDP, ServeTCP and ServeTLS
// (carry.go), and its machines are the transactions of RFC 3261 17 and RFC 6026
// (server_tx.go, client_tx.go). Requests and responses it is given hold raw
// headers, so that From, To, Call-ID, CSeq and Via go back byte for byte.
//
// # What stays ours, and why (sipgo v1.7.2)
//
//   - The guard. sipgo's parser judges syntax only in part and drops what it
//     cannot read; RFC 4475 wants each refused by its status. Unknown sources,
//     sizes, slow streams and floods are met before any state.
//   - The table of transactions. sipgo's TransactionLayer starts a goroutine
//     for each message and so loses the order of a dialog's requests; its answer
//     to CANCEL carries a To tag of its own. We call NewServerTx and NewClientTx.
//   - WebSockets. sipgo upgrades in its accept loop, ends a connection on one bad
//     message and answers no pings. The HTTP server upgrades, we cut the frames
//     (ws_frame.go), and sipgo carries the messages as a stream.
//   - Registrar, digest by HA1, REFER, Replaces: sipgo has no part for them.
//   - Accept, dial and TLS. A connection dialled by sipgo would not pass the
//     guard, and one silent handshake must not hold up the others.
//   - Names for ports. sipgo keeps every UDP source it hears of until the socket
//     closes, and confuses connections with equal far ends.
//   - The ACK of a repeated refusal. sipgo waits T2 with its machine locked.
//   - The answer to CANCEL. sipgo sends it past the machine, which would never end.
//   - Dialogs: 2xx and their ACK, forks, 100rel, session timers, glare, routes,
//     and the step to TCP over 1300 bytes (sipgo only returns an error).
//
// sipgo's timers are variables of its package: the first server of a process
// sets them (Config.T1, T2, T4), others use their own for dialogs only.
package sip
