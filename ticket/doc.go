// Package ticket keeps promises to customers.
package ticket
