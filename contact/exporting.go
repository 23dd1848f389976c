package contact

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// States of a List that somebody wants to take out.
const (
	ListWaiting = "waiting" // for a second person
	ListReady   = "ready"
	ListRefused = "refused"
)

// listTime is how long a list can be decided on and fetched.
const listTime = 24 * time.Hour

// Errors of lists that are taken out.
var (
	// ErrSecond says that another person than the one who asked must decide.
	ErrSecond = errors.New("a second person must decide, not the one who asked")
	// ErrList says why a list cannot be had.
	ErrList = errors.New("this list cannot be had")
)

// ListExport is a list of people that somebody takes out of the house.
type ListExport struct {
	ID          int64
	Filter      Filter
	Unmasked    bool
	Rows        int // at the time of asking; the file has no more
	State       string
	RequestedBy string
	RequestedAt time.Time
	DecidedBy   string
	DecidedAt   time.Time // zero: not decided
	Downloads   int
	ExpiresAt   time.Time
}

const listColumns = `id, filter, unmasked, rows, state, requested_by, requested_at, decided_by, decided_at, downloads, expires_at`

func scanList(row pgx.CollectableRow) (ListExport, error) {
	var l ListExport
	var decided *time.Time
	err := row.Scan(&l.ID, &l.Filter, &l.Unmasked, &l.Rows, &l.State, &l.RequestedBy, &l.RequestedAt, &l.DecidedBy, &decided, &l.Downloads, &l.ExpiresAt)
	l.RequestedAt, l.ExpiresAt = l.RequestedAt.UTC(), l.ExpiresAt.UTC()
	l.DecidedAt = pg.Moment(decided)
	return l, err
}

// Approval is the number of rows from which a list needs a second person.
func (s *Store) Approval() int { return s.cfg.ExportApproval }

// RequestList asks for a list. One of Config.ExportApproval rows or more waits for a second person.
func (s *Store) RequestList(ctx context.Context, tx pgx.Tx, f Filter, unmasked bool, by string) (ListExport, error) {
	l := ListExport{Filter: f, Unmasked: unmasked, State: ListReady, RequestedBy: clean(by, maxSource), RequestedAt: s.now().UTC().Truncate(time.Microsecond)}
	l.ExpiresAt = l.RequestedAt.Add(listTime)
	w, err := s.where(ctx, &f)
	if err != nil {
		return l, err
	}
	if l.Rows, err = s.count(ctx, w); err != nil {
		return l, fmt.Errorf("count the list: %w", err)
	}
	switch {
	case l.Rows == 0:
		return l, fmt.Errorf("%w: nobody is in it", ErrList)
	case l.Rows > MaxExport:
		return l, fmt.Errorf("%w: it has more than %d rows; narrow it", ErrList, MaxExport)
	case l.Rows >= s.cfg.ExportApproval:
		l.State = ListWaiting
	}
	err = tx.QueryRow(ctx, `insert into contact_exports (filter, unmasked, rows, state, requested_by, requested_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7) returning id`,
		l.Filter, l.Unmasked, l.Rows, l.State, l.RequestedBy, l.RequestedAt, l.ExpiresAt).Scan(&l.ID)
	return l, err
}

// DecideList is the second person's yes or no.
func (s *Store) DecideList(ctx context.Context, tx pgx.Tx, id int64, yes bool, by string) (ListExport, error) {
	l, err := lockList(ctx, tx, id)
	if err != nil {
		return l, err
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	switch {
	case l.State != ListWaiting:
		return l, fmt.Errorf("%w: it is %s already", ErrList, l.State)
	case now.After(l.ExpiresAt):
		return l, fmt.Errorf("%w: it was asked for more than a day ago", ErrList)
	case l.RequestedBy == by:
		return l, ErrSecond
	}
	l.State, l.DecidedBy, l.DecidedAt = ListRefused, clean(by, maxSource), now
	if yes {
		l.State = ListReady
	}
	_, err = tx.Exec(ctx, `update contact_exports set state = $2, decided_by = $3, decided_at = $4 where id = $1`, l.ID, l.State, l.DecidedBy, l.DecidedAt)
	return l, err
}

func lockList(ctx context.Context, tx pgx.Tx, id int64) (ListExport, error) {
	rows, err := tx.Query(ctx, `select `+listColumns+` from contact_exports where id = $1 for update`, id)
	if err != nil {
		return ListExport{}, err
	}
	l, err := pgx.CollectOneRow(rows, scanList)
	if err != nil {
		err = fmt.Errorf("list %d: %w", id, pg.Map(err))
	}
	return l, err
}

// TakeList counts a download by the one who asked for the list, in tx with the audit row; WriteList follows.
func (s *Store) TakeList(ctx context.Context, tx pgx.Tx, id int64, by string) (ListExport, error) {
	l, err := lockList(ctx, tx, id)
	switch {
	case err != nil:
		return l, err
	case l.State != ListReady:
		return l, fmt.Errorf("%w: it is %s", ErrList, l.State)
	case s.now().After(l.ExpiresAt):
		return l, fmt.Errorf("%w: it was there for a day", ErrList)
	case l.RequestedBy != by:
		return l, fmt.Errorf("%w: somebody else asked for it", ErrList)
	}
	_, err = tx.Exec(ctx, `update contact_exports set downloads = downloads + 1 where id = $1`, id)
	return l, err
}

// Lists are those that were asked for, newest first.
func (s *Store) Lists(ctx context.Context, limit int) ([]ListExport, error) {
	all, err := pg.Rows(ctx, s.db, scanList, `select `+listColumns+` from contact_exports order by id desc limit $1`, limit)
	if err != nil {
		err = fmt.Errorf("lists: %w", err)
	}
	return all, err
}

// WriteList writes a list as CSV that Import reads again, phones and e-mail addresses and private fields
// masked unless the list is unmasked. The last line says who took it and when.
func (s *Store) WriteList(ctx context.Context, l *ListExport, out io.Writer) error {
	fields, err := s.Fields(ctx)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(out, "\xef\xbb\xbf"); err != nil { // spreadsheets know UTF-8 by it
		return err
	}
	w := csv.NewWriter(out)
	head := []string{"id", ColumnName, ColumnPhone, ColumnEmail, ColumnLanguage, ColumnVIP, ColumnTags}
	for i := range fields {
		head = append(head, fields[i].Key)
	}
	if err := w.Write(head); err != nil {
		return err
	}
	f := l.Filter
	f.Limit, f.Fixed = maxLimit, true
	for left := l.Rows; left > 0; {
		page, err := s.List(ctx, f)
		if err != nil {
			return err
		}
		for i := range page.Items[:min(left, len(page.Items))] {
			if err := w.Write(listRow(&page.Items[i], fields, l.Unmasked)); err != nil {
				return err
			}
		}
		left -= len(page.Items)
		w.Flush()
		if err := w.Error(); err != nil {
			return err
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			break
		}
	}
	_, err = fmt.Fprintf(out, "# tingxin list %d, %s, %s\n", l.ID, l.RequestedBy, s.now().UTC().Format(time.RFC3339))
	return err
}

func listRow(it *Item, fields []Field, unmasked bool) []string {
	first := func(kind Kind) string {
		for _, i := range it.Identities {
			if i.Kind == kind {
				if unmasked {
					return i.Value
				}
				return Mask(i.Kind, i.Value)
			}
		}
		return ""
	}
	row := []string{it.ID.String(), harmless(it.Name), first(KindPhone), first(KindEmail), it.Language, strconv.FormatBool(it.VIP), harmless(strings.Join(it.Tags, ";"))}
	for i := range fields {
		v, ok := it.Fields[fields[i].Key]
		switch {
		case !ok:
			row = append(row, "")
		case fields[i].Private && !unmasked:
			row = append(row, "****")
		default:
			row = append(row, harmless(cellOf(v)))
		}
	}
	return row
}

// harmless keeps a spreadsheet from taking a text for a formula.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// cellOf is a field's value as Import reads it.
func cellOf(v any) string {
	if n, ok := v.(float64); ok {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
