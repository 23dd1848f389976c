// Package bot understands what a customer wants, answers, asks for what is missing,
// remembers it, and hands over to a person when that is better.
//
//	Input -> fold, language, values (nlp/slot) -> a person at once? (policy)
//	      -> what was asked back? (choice, confirmation, value)   -\
//	      -> intent -> frame -> values held? -> tool -> template    --> Reply + row of the turn
//	      -> article: rule, out of scope, ANSWER, CLARIFY, FALLBACK -/
//	      -> a person now? (policy) -> Packet
//
// It owns sessions, turns, intents, frames, tools, the policy and the memory of
// values, with their SQL. The engine is the same for chat, calls and the API and
// keeps no session in memory, so a restart loses no thread. It refuses to know
// channels, sockets and queues' routing: who starts it carries replies and Packets.
//
// Text of customers is data all the way: values go into templates last and are not
// read again, into addresses escaped, into SQL as parameters.
package bot
