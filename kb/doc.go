// Package kb keeps the articles that answer questions, finds the one that answers
// this question, says how sure that is, and decides whether to answer, to ask back or
// to pass.
//
//	editor -> Store: draft -> review -> live -> retired, every save a version
//	live articles, vectors -> Service: in memory, replaced when something changes
//	question -> fold -> rule? -------------------------------------------> ANSWER, p = 1
//	            |- words   -> BM25 over variants and passages -\
//	            '- vectors -> cosines to the same             --> rank fusion -> features
//	                       -> logistic regression -> isotonic p -> votes -> ANSWER | CLARIFY | FALLBACK
//
// A Service holds what is live: rules and words of it at once, the vectors and the
// Index of each language as soon as they are made, in the background. What readers may
// see is decided before anything is ranked. Trouble with the model is no error: the
// answer says that it is degraded, and rules and words go on. An Index learns from the
// articles themselves (every phrasing is a question whose own entry is hidden, or
// whose whole article is, and then nothing answers it) and from questions that people
// have labelled; a new judgement is taken when it is no worse on questions that it did
// not see. Conversations are kept by others: this package knows one question at a time.
package kb
