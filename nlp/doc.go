// Package nlp reads what customers write and say, in Chinese and English, by rules
// and arithmetic alone: no model, no SQL, no goroutine, no state.
//
//	text -> Fold (width, case, traditional, spoken digits) -> Detect language -> Words -> BM25, n-grams
//
// Below it, nothing of which knows another one's business:
//
//	nlp/wordpiece   pieces as BERT models learnt them
//	nlp/embed       sentence vectors by ONNX Runtime; one service per process
//	nlp/learn       logistic regression, calibration, intents with an out-of-scope class, text pairs
//	nlp/slot        order numbers, phones, dates and other values in a message
//
// It refuses to decide anything: an answer is the business of kb and bot.
package nlp
