// Package triage tells what a text is: whether it is a complaint, which type of ticket it makes and how
// pressing it is.
//
//	text -> language -> sentence vector, pieces, word list -> learn.Text -> label, probability
//	ticket -> prediction row -> applied from 0.85, suggested from 0.5; what people make of it -> label row -> training
//
// It begins with examples that were written by hand and learns from labels. A model is learnt in the
// background when it is first needed, and kept by the hash of what it was learnt from; until then word lists
// answer. It never merges tickets: it says which are probably the same.
package triage
