// Package e2e holds the tests of the whole program: bin/pbx with its workers and
// its database as one process tree, and foreign peers (SIPp, baresip, Chromium)
// that call it, look at it and break it. It has no code of its own.
package e2e
