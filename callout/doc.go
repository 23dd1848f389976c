// Package callout owns lists of calls to make: who is to be called, by which queue's agents, how often and when.
//
//	import, API -> entries (pending) -> feed -> work of the queue -> agent calls or skips -> attempt -> done
//	                   ^  ^------ pause by the outcome --------------------------------------'   unreached, skipped
//	                   '--------- list paused, queue closed: withdrawn ---'
//
// A few entries of each running list lie in their queue, where the one router gives them to agents beside all other
// work; the rest are rows. Every try is a row with its agent, its call and its outcome. Whether somebody may be called
// is asked of the ledger of consents when an entry goes to the queue, and once more before a telephone rings.
//
// It refuses to know SIP and audio, to choose agents, and to dial more people than there are agents to talk with.
package callout
