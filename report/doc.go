// Package report answers how much came in, how fast it was answered and how well: sums by the hour, made
// beside the traffic, over what the other packages wrote.
//
//	row changes -> trigger: its hour is touched -> Fold (a job, each minute) -> sums of that hour
//	question -> sums of whole hours + rows of hours that are touched, running, or cut by the span -> Table
//
// Sums and lists are made of the same views of facts, so that a number and the list behind it agree, at any
// moment. Retention takes rows, never sums. It writes nothing but its own tables.
package report
