// Package caller is a telephone that programs use: it places SIP calls over UDP,
// speaks a recording as paced RTP, records what comes back and measures it. The
// demo, the scored runs and the load test call with it, so it shares nothing with
// the server's own signalling and media code but the codecs.
//
//	Call -> INVITE, ACK, BYE -> one SIP socket -> read loop -> the call's inbox
//	     -> Clip payload     -> one clock, 4 phases of 5 ms -> the call's RTP socket
//	     <- Report           <- sequence, jitter, delay     <- read loop per call
//
// It takes calls where Config.Answer says how; other requests outside its dialogs get
// 481, OPTIONS get 200. It
// speaks neither TCP nor TLS nor SRTP. Hundreds of calls at once cost one sending
// goroutine and allocate nothing per packet.
package caller
