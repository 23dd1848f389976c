// Package audio is the leaf that knows what sound is: the 20 ms Frame and its
// ring, the telephone codecs G.711 and G.722, resampling, WAV files, tones, DTMF
// and noise. Pure Go, no goroutines, no network, nothing of ours.
//
//	WAV file -> ReadWAV -> Clip --.
//	tone, DTMF, noise ------------+-> ReadFrame(*Frame)       (what media plays)
//	G.711 byte -> sample -> Up -> Frame -> Down -> sample -> G.711 byte
//	Frame -> Ring -> Frame                                    (across a goroutine border)
//	Frame -> WAVWriter                                        (readable after a kill)
//
// Everything that runs per frame allocates nothing.
package audio
