// Package assist helps agents while they talk, and learns from how it went.
//
//	line of a call, conversation or ticket -> talk -> Board: Answer | Script | Do -> row -> event -> page
//	page -> outcome: shown, inserted, edited, sent, dismissed -> row -> acceptance of articles
//	questions without a good answer -> nightly clusters -> suggestions -> approved: article or phrasings -> learnt anew
//
// It owns the cards beside a talk, scripts, snippets, wrap-up proposals, suggestions for
// articles, the weekly curve, and practice, with their SQL. It reads what others own
// through their stores: articles, the bot's understanding, what was said. It refuses
// to act: a card says which operation of the API would be called, a person clicks.
//
// Nothing of one customer is ever shown to another: replies that are offered again are
// those in which nothing was found that belongs to a person, and questions are kept
// masked.
package assist
