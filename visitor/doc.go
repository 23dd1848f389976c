// Package visitor is a visitor of a web page who chats, as a program: for load, for
// tests that cut its connection between any two frames, and for the audit of what
// was shown. It speaks the protocol of docs/webchat.md and knows nothing else of
// the server.
//
//	Say -> pending -> (socket, one at a time until its ack) -> server
//	server -> msg -> shown, each once and in order, whatever happens to the socket
//
// It refuses to poll: a visitor without WebSockets is a matter of the widget's own tests.
package visitor
