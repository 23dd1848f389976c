// Package outbound is what every part obeys that asks machines of others at an address
// somebody typed in: which addresses may be reached, and how a letter is signed.
//
//	URL -> CheckURL (its form) -> Client -> name resolved -> Guard.Allows (the address, as it is dialled)
//
// It refuses addresses of this machine and of private, shared and special networks
// (RFC 6890) unless they are named, and follows no redirect.
package outbound
