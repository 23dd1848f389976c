// Package kb finds the article that answers a question, says how sure that is, and
// decides whether to answer, to ask back or to pass.
//
//	question -> fold -> rule? -------------------------------------------> ANSWER, p = 1
//	            |- words   -> BM25 over variants and passages -\
//	            '- vectors -> cosines to the same             --> rank fusion -> features
//	                       -> logistic regression -> isotonic p -> ANSWER | CLARIFY | FALLBACK
//
// An Index holds one language in memory and is rebuilt when articles change. It
// learns from the articles themselves (every phrasing is a question whose own entry
// is hidden, or whose whole article is, and then nothing answers it) and from
// questions that people have labelled. It keeps no conversation and no SQL here.
package kb
