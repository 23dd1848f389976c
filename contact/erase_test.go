package contact

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"tingxin/pg"
)

// faxes is a noun with a table and files of its own.
type faxes struct {
	s       *Store
	dir     string
	busy    bool
	forgets bool // leaves a row behind
}

func (f *faxes) init(t *testing.T) {
	if _, err := f.s.db.Exec(t.Context(), `create table faxes (contact_id bigint, number text, file text)`); err != nil {
		t.Fatal(err)
	}
	f.s.Register(Noun{Name: "faxes", Eraser: f, Exporter: f, Source: f})
}

func (f *faxes) add(t *testing.T, id ID, number, file string) {
	if err := os.WriteFile(filepath.Join(f.dir, file), []byte("fax"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.s.db.Exec(t.Context(), `insert into faxes values (nullif($1, 0), $2, $3)`, id, number, file); err != nil {
		t.Fatal(err)
	}
}

func (f *faxes) Erase(ctx context.Context, tx pgx.Tx, p *Person) (map[string]int64, []string, error) {
	if f.busy {
		return nil, nil, ErrBusy
	}
	numbers := p.Numbers
	if f.forgets {
		numbers = nil
	}
	rows, err := tx.Query(ctx, `delete from faxes where contact_id = any($1) or number = any($2) returning file`, p.IDs, numbers)
	if err != nil {
		return nil, nil, err
	}
	names, err := pgx.CollectRows(rows, rowToText)
	for i := range names {
		names[i] = filepath.Join(f.dir, names[i])
	}
	return map[string]int64{"faxes": int64(len(names))}, names, err
}

func (f *faxes) Hits(ctx context.Context, tx pgx.Tx, p *Person) (map[string]int64, error) {
	var n int64
	err := tx.QueryRow(ctx, `select count(*) from faxes where contact_id = any($1) or number = any($2)`, p.IDs, p.Numbers).Scan(&n)
	return map[string]int64{"faxes": n}, err
}

func (f *faxes) Export(ctx context.Context, p *Person, out *Dump) error {
	rows, err := pg.Rows(ctx, f.s.db, rowToText, `select file from faxes where contact_id = any($1) order by file`, p.IDs)
	if err != nil {
		return err
	}
	for _, name := range rows {
		if err := out.File(ctx, MediaItem{Name: name, Of: "fax:" + name}, filepath.Join(f.dir, name)); err != nil {
			return err
		}
	}
	return out.JSON("faxes.json", rows)
}

func (f *faxes) Entries(ctx context.Context, ids []ID, until time.Time, limit int) ([]Entry, error) {
	return nil, nil
}

// ask requests an erasing.
func ask(t *testing.T, s *Store, id ID) EraseJob {
	t.Helper()
	var j EraseJob
	tx(t, s, func(tx pgx.Tx) error {
		var err error
		j, err = s.RequestErase(t.Context(), tx, id, "li", "request")
		return err
	})
	return j
}

// someone has something in every table.
func someone(t *testing.T, s *Store, f *faxes) (id, merged, other ID) {
	id = create(t, s, Change{Name: ptr("李雷"), Tags: ptr([]string{"x"}), Fields: map[string]any{"company": "Acme"}}, Key{Kind: KindPhone, Value: "13800138000", Verified: true})
	merged = create(t, s, Change{Name: ptr("Lei")}, Key{Kind: KindEmail, Value: "lei@example.com", Verified: true})
	other = create(t, s, Change{Name: ptr("韩梅梅")}, Key{Kind: KindPhone, Value: "13900139000", Verified: true}, Key{Kind: KindPhone, Value: "13800138000"})
	tx(t, s, func(tx pgx.Tx) error {
		if _, err := s.Merge(t.Context(), tx, id, merged, nil, "li"); err != nil {
			return err
		}
		if _, err := s.AddNote(t.Context(), tx, id, "likes tea", "li"); err != nil {
			return err
		}
		for _, l := range []Line{{Purpose: PurposeEmotion, State: ConsentGiven, Channel: "web", Proof: "m1"}, {Purpose: PurposeMarketing, State: ConsentRefused, Channel: "call"}} {
			if _, err := s.Say(t.Context(), tx, id, l); err != nil {
				return err
			}
		}
		_, err := s.RequestList(t.Context(), tx, Filter{Query: "13800138000"}, false, "li")
		return err
	})
	if kept, err := s.PutBaseline(t.Context(), id, "m1", []byte("norm"), 5); err != nil || !kept {
		t.Fatal(kept, err)
	}
	f.add(t, id, "", "a.tif")
	f.add(t, merged, "", "b.tif")
	f.add(t, 0, "8613800138000", "c.tif") // known by the number only
	f.add(t, other, "13900139000", "d.tif")
	return id, merged, other
}

// everywhere is all text of all tables of people, to look for somebody in.
func everywhere(t *testing.T, s *Store) string {
	t.Helper()
	var all strings.Builder
	for _, table := range []string{"contacts", "contact_identities", "contact_notes", "contact_suggestions", "contact_merges", "contact_baselines", "contact_exports", "consents", "erase_jobs", "faxes"} {
		rows, err := pg.Rows(t.Context(), s.db, rowToText, `select t::text from `+table+` t`)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(strings.Join(rows, "\n"))
	}
	return all.String()
}

func TestEraseLeavesOnlyTheProof(t *testing.T) {
	s := newStore(t)
	defineFields(t, s)
	f := &faxes{s: s, dir: t.TempDir()}
	f.init(t)
	id, merged, other := someone(t, s, f)
	j := ask(t, s, merged) // by any of the person's ids
	if err := try(t, s, func(tx pgx.Tx) error { _, err := s.RequestErase(t.Context(), tx, id, "li", ""); return err }); !errors.Is(err, ErrAsked) {
		t.Errorf("asked for twice: %v", err)
	}
	var told []EraseJob
	done := func(_ context.Context, _ pgx.Tx, j EraseJob) error { told = append(told, j); return nil }
	j, err := s.Erase(t.Context(), j.ID, done)
	if err != nil || j.State != EraseDone || j.Files != 3 || len(j.LeftOver) != 0 {
		t.Fatalf("%+v, %v", j, err)
	}
	want := map[string]int64{"contacts": 2, "contact_identities": 3, "contact_notes": 1, "contact_merges": 1, "contact_baselines": 1, "contact_suggestions": 1, "consents": 2, "contact_exports": 1, "faxes": 3}
	if !reflect.DeepEqual(j.Counts, want) {
		t.Errorf("counts %v, want %v", j.Counts, want)
	}
	all := everywhere(t, s)
	for _, part := range []string{"13800138000", "李雷", "Lei", "lei@example.com", "Acme", "likes tea", "m1"} {
		if strings.Contains(all, part) {
			t.Errorf("%q is still there", part)
		}
	}
	for _, part := range []string{"韩梅梅", "13900139000"} {
		if !strings.Contains(all, part) {
			t.Errorf("%q of somebody else is gone", part)
		}
	}
	left, _ := os.ReadDir(f.dir)
	if len(left) != 1 || left[0].Name() != "d.tif" {
		t.Errorf("files left: %v", left)
	}
	// The proof can be computed again from the row, and a changed row is seen.
	jobs, err := s.EraseJobs(t.Context(), id, 10)
	if err != nil || len(jobs) != 1 || jobs[0].Proof() != j.ProofHash || len(told) != 1 || told[0].ProofHash != j.ProofHash {
		t.Fatalf("%+v, %v, told %+v", jobs, err, told)
	}
	jobs[0].Counts["contacts"]++
	if jobs[0].Proof() == j.ProofHash {
		t.Error("the proof does not notice another count")
	}
	// Again does nothing; nobody finds the person; the number starts anew.
	if again, err := s.Erase(t.Context(), j.ID, done); err != nil || again.State != EraseDone || len(told) != 1 {
		t.Errorf("again: %+v, %v", again, err)
	}
	if err := try(t, s, func(tx pgx.Tx) error { return s.Update(t.Context(), tx, id, Change{Name: ptr("back")}) }); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("update of an erased person: %v", err)
	}
	if fresh, created, err := s.Resolve(t.Context(), Key{Kind: KindPhone, Value: "13800138000"}); err != nil || !created || fresh == id {
		t.Errorf("%d %v %v", fresh, created, err)
	}
	if c, err := s.Get(t.Context(), other); err != nil || c.Name != "韩梅梅" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestEraseStopsAtALegalHold(t *testing.T) {
	s := newStore(t)
	f := &faxes{s: s, dir: t.TempDir()}
	f.init(t)
	defineFields(t, s)
	id, merged, _ := someone(t, s, f)
	hold := func(why string) {
		tx(t, s, func(tx pgx.Tx) error { return s.Update(t.Context(), tx, id, Change{LegalHold: &why}) })
	}
	hold("case 12")
	if err := try(t, s, func(tx pgx.Tx) error { _, err := s.RequestErase(t.Context(), tx, merged, "li", ""); return err }); !errors.Is(err, ErrHeld) {
		t.Fatalf("asked under a hold: %v", err)
	}
	hold("")
	j := ask(t, s, id)
	hold("case 13") // between asking and doing
	before := everywhere(t, s)
	j, err := s.Erase(t.Context(), j.ID, nil)
	if err != nil || j.State != EraseHeld {
		t.Fatalf("%+v, %v", j, err)
	}
	if after := everywhere(t, s); strings.ReplaceAll(after, "held", "waiting")[:200] != before[:200] || !strings.Contains(after, "likes tea") {
		t.Error("something was changed under a hold")
	}
	hold("")
	if j, err = s.Erase(t.Context(), ask(t, s, id).ID, nil); err != nil || j.State != EraseDone {
		t.Errorf("after the hold: %+v, %v", j, err)
	}
}

// When the search still finds something, nothing is changed and the job says what was found.
func TestEraseThatLeavesSomethingIsNotDone(t *testing.T) {
	s := newStore(t)
	defineFields(t, s)
	f := &faxes{s: s, dir: t.TempDir(), forgets: true}
	f.init(t)
	id, _, _ := someone(t, s, f)
	before, _ := s.Identities(t.Context(), id)
	j, err := s.Erase(t.Context(), ask(t, s, id).ID, nil)
	if err != nil || j.State != EraseFailed || j.LeftOver["faxes"] != 1 || j.ProofHash != "" {
		t.Fatalf("%+v, %v", j, err)
	}
	after, _ := s.Identities(t.Context(), id)
	left, _ := os.ReadDir(f.dir)
	if !reflect.DeepEqual(before, after) || len(left) != 4 {
		t.Errorf("identities %+v, %d files", after, len(left))
	}
	// What still runs is waited for.
	f.busy = true
	again := ask(t, s, id)
	w := &EraseWorker{Store: s, Log: slog.New(slog.DiscardHandler)}
	if err := w.Work(t.Context(), &river.Job[EraseArgs]{Args: EraseArgs{again.ID}}); !errors.As(err, new(*river.JobSnoozeError)) {
		t.Errorf("busy: %v", err)
	}
	if jobs, err := s.EraseJobs(t.Context(), id, 1); err != nil || jobs[0].State != EraseWaiting || jobs[0].Error != ErrBusy.Error() {
		t.Errorf("nobody is told why it waits: %+v, %v", jobs, err)
	}
	f.busy, f.forgets = false, false
	if j, err = s.Erase(t.Context(), again.ID, nil); err != nil || j.State != EraseDone || j.Error != "" {
		t.Errorf("%+v, %v", j, err)
	}
}

// A server that dies between the rows and the files finishes at the next try.
func TestEraseGoesOnAfterACrash(t *testing.T) {
	s := newStore(t)
	defineFields(t, s)
	f := &faxes{s: s, dir: t.TempDir()}
	f.init(t)
	id, _, _ := someone(t, s, f)
	job := ask(t, s, id)
	stuck := filepath.Join(f.dir, "a.tif")
	must(t, os.Remove(stuck))
	must(t, os.MkdirAll(filepath.Join(stuck, "full"), 0o700)) // cannot be removed
	if _, err := s.Erase(t.Context(), job.ID, nil); err == nil {
		t.Fatal("a file that stays is no error")
	}
	must(t, os.RemoveAll(stuck))
	j, err := s.Erase(t.Context(), job.ID, nil)
	if err != nil || j.State != EraseDone || j.Files != 3 || j.Counts["faxes"] != 3 {
		t.Fatalf("%+v, %v", j, err)
	}
	if n, _ := pg.Row(t.Context(), s.db, rowToInt, `select cardinality(pending_files) from erase_jobs where id = $1`, j.ID); n != 0 {
		t.Errorf("%d files pending", n)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestExportOfOnePerson(t *testing.T) {
	s := newStore(t)
	defineFields(t, s)
	f := &faxes{s: s, dir: t.TempDir()}
	f.init(t)
	id, _, _ := someone(t, s, f)
	must(t, os.Remove(filepath.Join(f.dir, "b.tif")))
	for _, media := range []bool{true, false} {
		var b bytes.Buffer
		if err := s.Export(t.Context(), id, media, &b); err != nil {
			t.Fatal(err)
		}
		files := map[string]string{}
		z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
		must(t, err)
		for _, part := range z.File {
			r, err := part.Open()
			must(t, err)
			raw, err := io.ReadAll(r)
			must(t, err)
			files[part.Name] = string(raw)
		}
		if got := files["media/a.tif"]; media != (got == "fax") {
			t.Errorf("media %v: %q", media, got)
		}
		var list []MediaItem
		must(t, json.Unmarshal([]byte(files["media.json"]), &list))
		if len(list) != 2 || list[0].LeftOut == media || !list[1].Missing {
			t.Errorf("media %v: %+v", media, list)
		}
		for _, part := range []string{"李雷", "+8613800138000", "lei@example.com", "Acme", "likes tea", "voice_emotion", `"given"`} {
			if !strings.Contains(files["contact.json"], part) {
				t.Errorf("%s is not in contact.json", part)
			}
		}
		if strings.Contains(files["contact.json"], "13900139000") || !slices.Contains(keysOf(files), "faxes.json") {
			t.Errorf("files %v", keysOf(files))
		}
	}
	if err := s.Export(t.Context(), 99999, false, io.Discard); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("export of nobody: %v", err)
	}
}

func keysOf(m map[string]string) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	return out
}
