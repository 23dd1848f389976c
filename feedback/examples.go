package feedback

import _ "embed"

//go:embed complaints.tsv
var complaints []byte

// Complaints are the examples from which it is learnt what a complaint sounds like: split, language, complaint or none,
// text, by tabs.
func Complaints() []byte { return complaints }
