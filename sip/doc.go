// Package sip is the signalling of Tingxin: transports, transactions, trunks,
// dialogs, session timers and the offer/answer of every leg.
//
// It owns sockets, dialogs and the SIP side of a call; it makes and configures
// the media.Leg and hands the call up. It refuses what it cannot place: unknown
// sources, wrong messages (RFC 4475 is its test), calls over a trunk's limits.
// It never blocks a reader on a call and never logs a number above Debug.
//
//	udp/tcp/tls --> guard: wire.Parse --> source known? --> wire.Check --> sipgo: transport layer, parser
//	                  |drop+count        |403 or drop      |4xx, stateless       |
//	                                                                             v
//	                OPTIONS, REGISTER: answered without state       sipgo: server or client transaction
//	                                                                             |
//	                                                                             v
//	   call.Dialog (Ring, Answer, Hangup ...) --------------> one goroutine and inbox per dialog
//	   call.Handler (RemoteHangup, RemoteHold ...) <----------------'
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
