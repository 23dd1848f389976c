// Package bench puts the server under load and prints what it took: many SIP
// calls at once, and many channels of recognition.
//
//	calls: caller -> SIP and RTP -> server -> echo or bridge -> back: set-up, delay, jitter, loss, CPU per call
//	asr:   channels in real time -> asr.Pool: lateness, channels per core, memory
//
// Figures are printed as a table and, by --json, as one flat object from name to
// number. It asserts nothing.
package bench
