// Package bench puts the server under load and prints what it took: many SIP
// calls at once, many channels of recognition, and channels whose prosody is read.
//
//	calls: caller -> SIP and RTP -> server -> echo or bridge -> back: set-up, delay, jitter, loss, CPU per call
//	asr:   channels in real time -> asr.Pool: lateness, channels per core, memory
//	emotion: recordings -> emotion.Analyzer: CPU per frame, turn and channel, how late a reading is
//
// Figures are printed as a table and, by --json, as one flat object from name to
// number. It asserts nothing.
package bench
