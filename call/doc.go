// Package call is the running call: one goroutine joins legs, recognition, flow
// and bridge, and writes the record (CDR).
//
// A call has legs: the caller's, the other party's, and those of third parties and
// supervisors. A transfer, a hold or a third party changes the legs, never the call.
//
// It owns the state of every call, its recording, the numbering of its words and
// turns, the routes, and the way of its records to the database. It refuses to
// know SIP, sockets and codecs: legs come from media, signalling is a Dialog.
//
//	signalling --Accept--> Manager --> Call goroutine (the only writer of the call's state)
//	party (a leg's Handler), digits,          |- script goroutine: flow, bridge or echo, says what to do next
//	asr.Result, Supervise... -> inbox --------|- rewire: who hears whom, made anew from the legs: bridge, room or music
//	                                          |- waiting goroutine: the queue's updates -> rings, Accept, Answered, Ended
//	                                          |- media: Play, taps; media.Recorder
//	                                          |- Writer: journal file -> PostgreSQL
//	                                          '- event.Bus, after the record is safe
package call
