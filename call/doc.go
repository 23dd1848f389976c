// Package call is the running call: one goroutine joins legs, recognition, flow
// and bridge, and writes the record (CDR).
//
// It owns the state of every call, its recording, the numbering of its words and
// turns, the routes, and the way of its records to the database. It refuses to
// know SIP, sockets and codecs: legs come from media, signalling is a Dialog.
//
//	signalling --Accept--> Manager --> Call goroutine (the only writer of the call's state)
//	Handler, digits, asr.Result -> inbox -^   |- script goroutine: flow, bridge or echo, says what to do next
//	                                          |- media: Play, Join, taps; media.Recorder
//	                                          |- Writer: journal file -> PostgreSQL
//	                                          '- event.Bus, after the record is safe
package call
