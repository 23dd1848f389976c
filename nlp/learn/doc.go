// Package learn holds the small classifiers that are trained on a company's own
// examples, in seconds to minutes on a CPU and the same for the same input.
//
//	sentence vectors, words -> Softmax, neighbours -> Intents: label, probability, out of scope or not
//	two sentences -> features -> Pairs: probability that they mean the same
//	any score -> Isotonic -> probability
//
// It knows no file, no language and no vector's origin; the caller hands in texts
// with vectors. Thresholds are found on held-out parts of what it is given.
package learn
