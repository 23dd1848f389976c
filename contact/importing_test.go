package contact

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/text/encoding/simplifiedchinese"

	"tingxin/pg"
)

const people = `external_id,Phone,email,name,language,vip,tags,company,points,shoe size
c1,138 0013 8000,li@example.com,李雷,zh,yes,gold; 老客户,Acme,12.5,43
c2,,han@example.com,韩梅梅,zh,,,,,
# a remark
,13900139000,,Jim,en,no,,,,
c4,12,x@example.com,Bad phone,,,,,,
c5,13700137000,,Bad number,,,,,many,
,,,Nobody,,,,,,
c6,+8613800138000,,Same phone as c1,,,,,,
`

func TestImport(t *testing.T) {
	s := newStore(t)
	defineFields(t, s)
	run := func(list string, dry bool) Imported {
		t.Helper()
		out, err := s.Import(t.Context(), strings.NewReader(list), dry, "user:li")
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	count := func() int {
		n, err := pg.Row(t.Context(), s.db, rowToInt, `select count(*) from contacts`)
		must(t, err)
		return n
	}
	dry := run(people, true)
	if count() != 0 {
		t.Fatal("a dry run kept something")
	}
	out := run(people, false)
	if fmt.Sprint(dry) != fmt.Sprint(out) {
		t.Errorf("dry %+v\nreal %+v", dry, out)
	}
	if out.Rows != 7 || out.Created != 4 || out.Failed != 3 || fmt.Sprint(out.Ignored) != "[shoe size]" {
		t.Errorf("%+v", out)
	}
	var where []string
	for _, e := range out.Errors {
		where = append(where, fmt.Sprintf("%d %s", e.Row, e.Column))
	}
	if got := strings.Join(where, ", "); got != "6 phone, 7 points, 8 phone" {
		t.Errorf("errors at %s: %+v", got, out.Errors)
	}
	li, err := s.Find(t.Context(), Key{Kind: KindPhone, Value: "13800138000"})
	must(t, err)
	c, _ := s.Get(t.Context(), li)
	if c.Name != "李雷" || !c.VIP || c.Language != "zh" || fmt.Sprint(c.Tags) != "[gold 老客户]" || fmt.Sprint(c.Fields) != "map[company:Acme points:12.5]" {
		t.Errorf("%+v", c)
	}
	if sug, _ := s.Suggestions(t.Context(), li); len(sug) != 1 || sug[0].Name != "Same phone as c1" {
		t.Errorf("suggestions %+v", sug)
	}
	// Importing again finds everybody again.
	again := run(people, false)
	if again.Created != 0 || again.Same != 4 || again.Failed != 3 || count() != 4 {
		t.Errorf("again: %+v, %d contacts", again, count())
	}
	change := run("external_id,name\nc2,韩 梅梅\n", false)
	if change.Updated != 1 {
		t.Errorf("changed: %+v", change)
	}
}

func TestImportReadsWhatSpreadsheetsWrite(t *testing.T) {
	s := newStore(t)
	gbk, err := simplifiedchinese.GB18030.NewEncoder().Bytes([]byte("phone,name\r\n13800138000,张三\r\n"))
	must(t, err)
	out, err := s.Import(t.Context(), bytes.NewReader(gbk), false, "li")
	if err != nil || out.Created != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	out, err = s.Import(t.Context(), strings.NewReader("\xef\xbb\xbfphone,name\n13800138000,\"'=cmd\"\n"), false, "li")
	if err != nil || out.Updated != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	for _, bad := range []string{"", "phone\n", "name\nx\n", "phone,phone\n1,2\n", strings.Repeat("x", MaxImportBytes+1), "phone\n" + strings.Repeat("13800138000\n", MaxImportRows+1)} {
		if _, err := s.Import(t.Context(), strings.NewReader(bad), false, "li"); !errors.Is(err, ErrInvalid) {
			t.Errorf("%.20q (%d bytes): %v", bad, len(bad), err)
		}
	}
}

// TestOpenQuoteTakesOneRow: a quotation mark that nobody closed took all rows behind it into one cell, and an id that
// begins with # was a remark.
func TestOpenQuoteTakesOneRow(t *testing.T) {
	s := newStore(t)
	out, err := s.Import(t.Context(), strings.NewReader("external_id,phone,name\r\n#1001,13800138000,\"Anna \nLi\"\n\n#1002,13800138001,\"Bob\n#1003,13800138002,the \"Boss\"\n# taken today\n#1004,13800138003,\"Eve\""), false, "li")
	if err != nil || out.Rows != 4 || out.Created != 3 || out.Failed != 1 || len(out.Errors) != 1 || out.Errors[0].Row != 4 || out.Errors[0].Message != Broken {
		t.Fatalf("%+v, %v", out, err)
	}
	for number, name := range map[string]string{"13800138000": "Anna Li", "13800138002": `the "Boss"`, "13800138003": "Eve"} {
		id, err := s.Find(t.Context(), Key{Kind: KindPhone, Value: number})
		must(t, err)
		if c, err := s.Get(t.Context(), id); err != nil || c.Name != name {
			t.Errorf("%s is %q, want %q, %v", number, c.Name, name, err)
		}
	}
}

func FuzzReadTable(f *testing.F) {
	f.Add([]byte(people))
	f.Add([]byte("a,\"b\nc\"\n\"\",\n"))
	f.Add([]byte{0xff, 0xfe, 0x81})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, rows, err := ReadTable(bytes.NewReader(b))
		if err != nil && !errors.Is(err, ErrInvalid) {
			t.Fatal(err)
		}
		if err == nil && (len(rows) == 0 || len(rows) > MaxImportRows) {
			t.Fatalf("%d rows", len(rows))
		}
	})
}

func TestListsNeedASecondPerson(t *testing.T) {
	s := NewStore(newStore(t).db, Config{Region: "CN", ExportApproval: 3})
	defineFields(t, s)
	for i := range 4 {
		create(t, s, Change{Name: ptr(fmt.Sprintf("=n%d", i)), VIP: ptr(i == 0), Fields: map[string]any{"born": "1990-01-02", "points": 1234567.0}}, Key{Kind: KindPhone, Value: fmt.Sprintf("1380013800%d", i)})
	}
	request := func(f Filter, unmasked bool) ListExport {
		t.Helper()
		var l ListExport
		tx(t, s, func(tx pgx.Tx) error {
			var err error
			l, err = s.RequestList(t.Context(), tx, f, unmasked, "li")
			return err
		})
		return l
	}
	take := func(id int64, by string) error {
		return try(t, s, func(tx pgx.Tx) error { _, err := s.TakeList(t.Context(), tx, id, by); return err })
	}
	decide := func(id int64, yes bool, by string) error {
		return try(t, s, func(tx pgx.Tx) error { _, err := s.DecideList(t.Context(), tx, id, yes, by); return err })
	}
	small := request(Filter{VIP: true}, false)
	if small.State != ListReady || small.Rows != 1 || take(small.ID, "li") != nil || !errors.Is(take(small.ID, "han"), ErrList) {
		t.Errorf("small: %+v", small)
	}
	var b strings.Builder
	must(t, s.WriteList(t.Context(), &small, &b))
	if got := b.String(); !strings.Contains(got, ",'=n0,138****8000,,,true,,****,,,,1234567\n") || strings.Contains(got, "1990") || strings.Contains(got, "13800138000") || !strings.Contains(got, "# tingxin list 1, li, ") {
		t.Errorf("masked list:\n%s", got)
	}
	large := request(Filter{}, true)
	if large.State != ListWaiting || !errors.Is(take(large.ID, "li"), ErrList) {
		t.Errorf("large: %+v", large)
	}
	if err := decide(large.ID, true, "li"); !errors.Is(err, ErrSecond) {
		t.Errorf("decided by the one who asked: %v", err)
	}
	must(t, decide(large.ID, true, "han"))
	must(t, take(large.ID, "li"))
	if err := decide(large.ID, false, "jim"); !errors.Is(err, ErrList) {
		t.Errorf("decided twice: %v", err)
	}
	b.Reset()
	must(t, s.WriteList(t.Context(), &large, &b))
	if got := b.String(); strings.Count(got, "\n") != 6 || !strings.Contains(got, "+8613800138003") || !strings.Contains(got, "1990-01-02") || !strings.Contains(got, "1234567") {
		t.Errorf("whole list:\n%s", got)
	}
	refused := request(Filter{}, false)
	must(t, decide(refused.ID, false, "han"))
	if !errors.Is(take(refused.ID, "li"), ErrList) {
		t.Error("a refused list was taken")
	}
	late := request(Filter{VIP: true}, false)
	s.now = func() time.Time { return time.Now().Add(25 * time.Hour) }
	if !errors.Is(take(late.ID, "li"), ErrList) {
		t.Error("taken after a day")
	}
	if err := try(t, s, func(tx pgx.Tx) error {
		_, err := s.RequestList(t.Context(), tx, Filter{Query: "nobody"}, false, "li")
		return err
	}); !errors.Is(err, ErrList) {
		t.Errorf("empty: %v", err)
	}
}
