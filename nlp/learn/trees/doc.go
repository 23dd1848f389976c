// Package trees learns gradient-boosted decision trees (Friedman 2001) the way LightGBM grows them (Ke et al. 2017): columns
// cut into at most 255 bins, the leaf with the largest gain split first, Newton steps on the logistic or softmax loss,
// rows and columns drawn anew for each round, and an end where a held-out part no longer gains.
//
//	rows of numbers, classes -> Train -> Forest -> log odds or probabilities of a row
//
// The same rows, settings and seed give the same forest. It knows no file, no language and no meaning of a column; a missing
// number is NaN and always goes left.
package trees
