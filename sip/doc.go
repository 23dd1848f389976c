// Package sip is the signalling of Tingxin: transports, transactions, trunks,
// dialogs, session timers and the offer/answer of every leg.
//
// It owns sockets, dialogs and the SIP side of a call; it makes and configures
// the media.Leg and hands the call up. It refuses what it cannot place: unknown
// sources, wrong messages (RFC 4475 is its test), calls over a trunk's limits.
// It never blocks a reader on a call and never logs a number above Debug.
//
//	udp/tcp/tls --> wire.Parse --> source known? --> wire.Check --> transaction
//	                  |drop+count     |403 or drop      |4xx, stateless   |
//	                                                                      v
//	                     OPTIONS, REGISTER: answered without state     dialog inbox
//	                                                                      |
//	   call.Dialog (Ring, Answer, Hangup ...) --------------> one goroutine per dialog
//	   call.Handler (RemoteHangup, RemoteHold ...) <----------------'
//
// Every dialog is one goroutine with one bounded inbox, so requests are taken
// in the order they came, one at a time. Transactions are timers, no goroutines.
//
// Messages are read by package sip/wire and descriptions by sip/sdp. Transport
// and transactions are our own: answers before any state, timers per server,
// order per dialog and streams that survive a bad message need both layers.
package sip
