// Package media owns the sound of a call on the wire: RTP and RTCP sockets, the
// latch that decides who may be heard, the jitter buffer, concealment, the shared
// 20 ms clock, digits, prompts, bridges, rooms, music and recordings. pion stays inside.
//
// It refuses to know what a call is and speaks no SIP. A leg of a phone is told addresses
// and numbers in Params; a browser's leg agrees on its own by offer and answer, ICE and
// DTLS, over one UDP port for all. Nothing here waits for a tap, a disk or a peer.
//
//	                 one clock, absolute schedule start + n*20 ms
//	                                   |
//	socket -> check -> latch -> jitter buffer -> decode -> conceal -> *audio.Frame
//	                                                                   |- taps (recording, recogniser)
//	                                                                   |- bridge: the other leg
//	socket <- protect <- encode <- prompt | room | bridge | echo | silence <--'
//	                                   '- sent taps (recording)
//
// The socket is a port pair of the leg, or for browsers ICE and DTLS on one port for all
// (see webrtc); above it both are the same.
//
// Every tick has two passes over all legs, receive and send, so that a bridged or mixed
// frame leaves in the tick in which it was played out.
package media
