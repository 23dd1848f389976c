// Package feedback keeps what customers say of us, and sees to it that the bad of it ends well.
//
//	rating, survey, complaint, words -> Item -> (score <= 2, complaint, legal words) -> Case
//	Case: new -> contacted -> cause_found -> fixed -> customer_told -> verified -> closed
//	           ^------------------ a bad answer a week later -------'
//
// Every item is made of one fact, whose name is unique, so nothing counts twice however often it is told.
// Facts that others keep (ratings in conversations, answers to surveys, dispositions) are found by a sweep
// over their rows, not by events alone. A case has promises, which are clocks of package ticket, messages
// to the customer, which wait until some way takes them, and a trail. It does not close before the customer
// was told and asked again, but for those who cannot be reached or stay silent: they are counted apart.
// It knows no channel; Way is what carries a message.
//
//	rule, macro, schedule -> Survey -> Way -> customer -> button, words ("5", "很满意") or page -> Item
//
// A survey asks one customer one question, once: with consent, not while a case is open, inside the channel's window.
package feedback
