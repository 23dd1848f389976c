// Package media owns the sound of a call on the wire: RTP and RTCP sockets, the
// latch that decides who may be heard, the jitter buffer, concealment, the shared
// 20 ms clock, digits, prompts, bridges and recordings. pion stays inside.
//
// It refuses to know what a call is, speaks no SIP, and reads no SDP
// but that of browsers: it is told addresses and numbers in Params, while a WebRTC leg
// agrees on its own (offer/answer, ICE, DTLS) over one UDP port for all. It never blocks on a tap, a disk or a peer.
//
//	                 one clock, absolute schedule start + n*20 ms
//	                                   |
//	socket -> check -> latch -> jitter buffer -> decode -> conceal -> *audio.Frame
//	                                                                   |- taps (recording, recogniser)
//	                                                                   |- bridge: the other leg
//	socket <- protect <- encode <- prompt | bridge | echo | silence <--'
//	                                   '- sent taps (recording)
//
// Every tick has two passes over all legs, receive and send, so that a bridged
// frame leaves in the tick in which it was played out.
package media
