// Package rules does what administrators have planned: rules that act when something
// happens, macros that agents start, letters to other programs, and tickets from templates.
//
//	trigger of a table -> rule_events (in the transaction of the fact)
//	    -> claim (in order per object) -> conditions over facts -> rule_runs -> acts, as "rule:NAME"
//	    |                                   '-> River job -> the same event again, for one rule, later
//	    '-> hook_deliveries -> signed letter (in order per object and target) -> sent, again later, or dead
//
// An event is a row before anybody hears of it, so none is missed while no server runs. A run is one
// row per event and rule, and each of its acts is marked before the next one begins: after a crash the
// run goes on where it stood, and the one act whose mark is missing is done in a way that doing it
// twice is doing it once. What a rule causes carries its depth; too deep, or too often on one object,
// is refused and written down.
package rules
