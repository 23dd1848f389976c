// Package vosk is a thin safe layer around the Go module of libvosk: the only
// place that knows the library, linked into cmd/asrd and never into pbx.
//
// It owns models and recognisers, and turns what the library leaves open into
// errors: missing folders, NULL pointers, audio after the last result, phrase
// lists that would end the process, double frees. It refuses to know about
// calls, clocks or turns.
//
//	Open(dir) -> *Model -> NewRecognizer(phrases) -> Accept(pcm) -> Partial | Result
//	                                                 ... Last -> Free
//
// An error inside Kaldi still aborts the process, which is why all of this
// runs in a worker.
package vosk

// #cgo LDFLAGS: -Wl,-rpath,${SRCDIR}/../../build/vosk-api/src
import "C"
