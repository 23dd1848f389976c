// Package queue owns agents, their skills, presence and capacity, and the work
// that waits for them: calls, chats, messages, tickets alike.
//
//	Enqueue, Cancel, Answered, Ended, Transfer ->+
//	agent: state, accept, decline, wrap-up      ->+-> Router (pure, virtual clock) -> Changes
//	clock: deadlines, 5 s sweep                 ->+        |
//	Dialogs, each second: what is really alive  ->+        v
//	                                       Store (one transaction) -> event.Bus, Tickets
//
// Router decides and nothing else: no goroutine, no SQL, no clock of its own.
// Service has the one goroutine that calls it, writes what came of it and only
// then tells anybody. A waiting place, an offer and a decision are rows, so a
// killed server loses none of them.
//
// It refuses to know audio, SIP and what is said: work is an id with a class, needs and an age.
package queue
