package chat

import (
	"bytes"
	"strings"
	"testing"
)

func FuzzReadRecords(f *testing.F) {
	f.Add([]byte(`{"conv":"a","reader":"b","said":[{"client_id":"x","seq":1,"text":"hi"}],"shown":[{"seq":1,"text":"hi"}]}` + "\n\n{}\n"))
	f.Add([]byte("{\"conv\":1}\n"))
	f.Add([]byte("null\n[1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		n := 0
		report := AuditReport{}
		err := readRecords(bytes.NewReader(text), func(rec *Record) error {
			n++
			report.auditSaid(rec, []storedLine{{Seq: 1, Client: "x", Text: "hi", Customer: true}})
			report.auditShown(rec, []storedLine{{Seq: 1, Client: "x", Text: "hi", Customer: true}})
			return nil
		})
		filled := 0
		for line := range strings.SplitSeq(string(text), "\n") {
			if strings.TrimSuffix(line, "\r") != "" {
				filled++
			}
		}
		if n > filled || err == nil && n != filled {
			t.Fatalf("%d records of %d lines, %v", n, filled, err)
		}
	})
}
