package chat

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Record is what somebody at the other end wrote down of one conversation, to be
// compared with what is stored: what was said there and what was shown there, in order.
type Record struct {
	// Conv is the name of the conversation outside, Reader who wrote this down.
	Conv   string `json:"conv"`
	Reader string `json:"reader"`
	// Agent: the reader is one of us and sees what customers do not.
	Agent bool `json:"agent,omitempty"`
	// Said are messages that the server has confirmed.
	Said []RecordLine `json:"said,omitempty"`
	// Shown is every message in the order in which it was shown; nil: nobody looked.
	Shown []RecordLine `json:"shown,omitempty"`
}

// RecordLine is one message of a Record.
type RecordLine struct {
	ClientID string `json:"client_id,omitempty"` // of Said
	Seq      int64  `json:"seq"`
	Text     string `json:"text"`
}

// maxRecord bounds a line of records.
const maxRecord = 16 << 20

// AuditRecords compares records, one JSON object a line, with what is stored and adds
// what is wrong to the report: messages that were confirmed and are not there, or twice,
// or in another order; readers who missed something, saw it twice or too late.
func (s *Service) AuditRecords(ctx context.Context, in io.Reader, r *AuditReport) error {
	return readRecords(in, func(rec *Record) error { return s.auditRecord(ctx, rec, r) })
}

// readRecords gives the records of a file one by one; an error names the line.
func readRecords(in io.Reader, each func(*Record) error) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxRecord)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var rec Record
		if err := json.Unmarshal(lines.Bytes(), &rec); err != nil {
			return fmt.Errorf("record %d: %w", n, err)
		}
		if err := each(&rec); err != nil {
			return fmt.Errorf("record %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("records: %w", err)
	}
	return nil
}

// storedLine is a message as it stands in the rows.
type storedLine struct {
	Seq      int64
	Client   string
	Text     string
	Customer bool // is shown to customers
}

func (s *Service) auditRecord(ctx context.Context, rec *Record, r *AuditReport) error {
	stored, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[storedLine], `select m.seq, coalesce(m.client_id, ''), m.text, m.direction <> 'none'
		from messages m join conversations c on c.id = m.conversation_id where c.key = $1 order by m.seq`, rec.Conv)
	if err != nil {
		return err
	}
	r.Records++
	r.auditSaid(rec, stored)
	if rec.Shown != nil {
		r.auditShown(rec, stored)
	}
	return nil
}

func (r *AuditReport) auditSaid(rec *Record, stored []storedLine) {
	at := map[string][]storedLine{}
	for _, m := range stored {
		if m.Client != "" {
			at[m.Client] = append(at[m.Client], m)
		}
	}
	var last int64
	for _, said := range rec.Said {
		r.Said++
		switch have := at[said.ClientID]; {
		case len(have) == 0:
			r.fault("%s: %s was confirmed as %d and is not stored", rec.Reader, said.ClientID, said.Seq)
		case len(have) > 1:
			r.fault("%s: %s is stored %d times", rec.Reader, said.ClientID, len(have))
		case have[0].Seq != said.Seq || have[0].Text != said.Text:
			r.fault("%s: %s was confirmed as %d and is stored as %d, or with other words", rec.Reader, said.ClientID, said.Seq, have[0].Seq)
		case said.Seq <= last:
			r.fault("%s: %s stands at %d, before what was said earlier (%d)", rec.Reader, said.ClientID, said.Seq, last)
		}
		last = max(last, said.Seq)
	}
}

func (r *AuditReport) auditShown(rec *Record, stored []storedLine) {
	want := make([]storedLine, 0, len(stored))
	for _, m := range stored {
		if m.Customer || rec.Agent {
			want = append(want, m)
		}
	}
	seen := map[int64]bool{}
	var last int64
	for _, m := range rec.Shown {
		r.Seen++
		switch {
		case seen[m.Seq]:
			r.fault("%s was shown %d twice", rec.Reader, m.Seq)
		case m.Seq < last:
			r.fault("%s was shown %d after %d", rec.Reader, m.Seq, last)
		}
		seen[m.Seq] = true
		last = max(last, m.Seq)
	}
	text := make(map[int64]string, len(rec.Shown))
	for _, m := range rec.Shown {
		text[m.Seq] = m.Text
	}
	for _, m := range want {
		got, shown := text[m.Seq]
		if !shown {
			r.fault("%s was not shown %d", rec.Reader, m.Seq)
		} else if got != m.Text {
			r.fault("%s was shown other words as %d", rec.Reader, m.Seq)
		}
		delete(text, m.Seq)
	}
	for seq := range text {
		r.fault("%s was shown %d, which is not stored", rec.Reader, seq)
	}
}
