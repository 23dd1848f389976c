package asr

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv("TINGXIN_FAKE_WORKER") != "" && len(os.Args) > 1 && os.Args[1] == "serve" {
		runFakeWorker(os.Args[1:])
		return
	}
	_ = os.Setenv("TINGXIN_FAKE_WORKER", "1") // for the workers we start
	code := m.Run()
	if workerBinary != "" {
		_ = os.Remove(workerBinary)
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			_, _ = os.Stderr.WriteString(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}
