// Package chat owns conversations and messages of all text channels: what came
// in, what stands in the thread, what has to go out.
//
//	channel adapter -> Take (raw row) -> Decode -> Receive (message row, seq) -> hook of the bot, or a queue
//	agent, bot      -> Send (message row + outbound row + job, one transaction) -> job -> Channel.Send
//	                                       after each commit: Notice -> watchers, bus, the other servers
//
// A message has a seq that grows by one per conversation and is given in the
// insert, so whoever was away reads everything behind the last seq it has seen.
// What comes twice is stored once: by the channel's id, or by the sender's own.
//
// A merge or a split moves messages between threads, never between conversations:
// conversation is the wire with its seq, thread is where people read it.
//
// It refuses to know how a channel talks (chat/web, chat/webhook, ...), what a
// queue is (Queue) and who a person is (Contacts).
package chat
