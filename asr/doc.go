// Package asr is streaming recognition as the rest of the house sees it: frames
// of one side of a call go in, Partials and Finals come out.
//
// It owns the pool of speech workers (asrd processes it starts and watches, or
// addresses it is given), the stream per channel with its memory of the last
// seconds, and the words' way from a worker to a Result. It refuses to know
// libvosk, calls and SQL, and never blocks whoever writes frames.
//
//	WriteFrame -> memory (12 s ring) -> gRPC, 60 ms a message -> asrd
//	Results   <- format, call time, dedupe <- events         <-'
//	worker lost: another one hears again from the last settled frame
package asr
