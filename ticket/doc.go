// Package ticket owns tickets: what somebody must do for a customer. It keeps their states and
// moves, the promises about when (clocks of a service level), the trail of everything that was
// done, and puts open tickets into the one router of all work.
//
//	New -> Store.Create -> row, trail, clocks (one transaction) -> event -> feed
//	Change, Comment, Merge, Split -> the same          Keeper: levels reached, holds over, resolved for long
//	open and nobody's -> queue.Service -> agent -> assignee
//
// It does not know channels: a public comment is a row and an event, and who carries it to the
// customer listens.
package ticket
