// Package ivr holds call flows: documents of nodes that say, play, ask for keys,
// branch and hang up, and the interpreter that walks a caller through them.
//
// It owns the flow format, its validation, the prompts (text made into sound and
// kept as files) and the interpreter. It refuses to know calls, SIP or sockets:
// it speaks to a Line, which the running call satisfies.
//
//	flow.yaml -> Parse (line and column of every mistake) -> Flow
//	text / WAV -> Prompts (synthesised once, kept by content, decoded once) -> Prompt
//	Run: Flow + Prompts + Line:   play  ->  Line.Play  -> playout clock
//	                              keys  <-  Line.Key   <- RFC 4733, INFO
package ivr
