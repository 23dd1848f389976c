// Package plan is what administrators write about work that goes by itself: rules, macros,
// templates of tickets and targets of webhooks, each a document of plain data.
//
//	Rule = events + Condition (all, any, not, field) + Actions      Macro = Actions
//
// It says what is wrong with a document and, given the facts of an object, whether a
// condition holds. It reads no rows and does nothing; package rules does.
package plan
