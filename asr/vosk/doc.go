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
// #include <malloc.h>
// static void tune_heap(void) {
// 	mallopt(M_MXFAST, 0);
// 	mallopt(M_TRIM_THRESHOLD, 256 << 20);
// 	mallopt(M_MMAP_THRESHOLD, 16 << 20);
// }
import "C"

// TuneHeap sets the process's C heap up for the library, which takes and gives back many
// small pieces between large ones: without fast bins to be gathered in at every
// large free, and without giving memory back to the system only to ask for it
// again. Measured: a tenth of all work.
func TuneHeap() { C.tune_heap() }
