// Package web is the chat in web pages and apps: visitors over WebSocket or long
// polling. The protocol is written down in docs/webchat.md.
//
//	POST /widget/session -> signed token of a visitor (short, renewable)
//	/ws/widget, or /widget/send and /widget/poll -> frames -> visit -> chat.Service
//	chat.Service notice -> socket is woken -> reads the rows behind its seq -> frames
//
// A socket keeps only how far its visitor has read: whatever is missing comes from
// the rows, so a cut connection, another server or another tab change nothing.
// An idle socket costs one goroutine that waits to read; writing has one only
// while there is something to write.
package web
