// Package race tells tests whether they run under the race detector, which slows
// computation down five to twenty times. Only tests import it.
//
// A test that only computes, in one goroutine, has nothing to show the detector
// and says so, after which scripts/test runs it once more without:
//
//	if race.Enabled {
//		t.Skip("only computes")
//	}
package race
