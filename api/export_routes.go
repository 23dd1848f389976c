package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"tingxin/call"
	"tingxin/chat"
	"tingxin/contact"
	"tingxin/pg"
	"tingxin/ticket"
)

func init() {
	access[http.MethodGet+" "+base+"/exports"] = RoleSupervisor
	access[http.MethodPost+" "+base+"/exports"] = RoleSupervisor // of the audit log: administrators
	access[http.MethodPost+" "+base+"/exports/:list/decide"] = RoleSupervisor
	access[http.MethodGet+" "+base+"/exports/:list/file"] = RoleSupervisor
	scopeNouns["exports"] = "reports"
}

const (
	// exportTime is how long a list can be decided on and fetched.
	exportTime = 24 * time.Hour
	// exportMost is how many rows a list has at most.
	exportMost = 10_000
)

// ExportQuery chooses the rows of a list; what is left out does not matter.
type ExportQuery struct {
	Since time.Time `json:"since,omitzero" doc:"made, begun or written at or after"`
	Until time.Time `json:"until,omitzero" doc:"before; the moment of asking when not given"`
	Queue string    `json:"queue,omitempty" maxLength:"64" doc:"of tickets and conversations"`
	Text  string    `json:"text,omitempty" maxLength:"200" doc:"words of tickets and calls"`
	List  int64     `json:"list,omitempty" minimum:"0" doc:"of entries: the list of calls to make"`
}

// ExportView is a list that somebody takes out of the house.
type ExportView struct {
	ID          int64       `json:"id"`
	Noun        string      `json:"noun" enum:"tickets,conversations,calls,entries,audit"`
	Query       ExportQuery `json:"query"`
	Rows        int         `json:"rows" doc:"at the time of asking; the file has no more"`
	State       string      `json:"state" enum:"waiting,ready,refused" doc:"waiting for a second person"`
	RequestedBy string      `json:"requested_by"`
	RequestedAt time.Time   `json:"requested_at"`
	DecidedBy   string      `json:"decided_by,omitempty"`
	DecidedAt   *time.Time  `json:"decided_at,omitempty"`
	Downloads   int         `json:"downloads"`
	ExpiresAt   time.Time   `json:"expires_at"`
}

// ExportList is the body of GET /exports.
type ExportList struct {
	Approval int          `json:"approval" doc:"rows from which a second person is needed"`
	Items    []ExportView `json:"items" doc:"the newest first, at most 100"`
}

func (s *Server) exportRoutes(api huma.API) {
	const tag = "exports"
	huma.Register(api, operation("sheets", http.MethodGet, "/exports", tag, "Lists of tickets, conversations, calls and of the audit log that were asked for"), s.listSheets)
	ask := operation("ask-sheet", http.MethodPost, "/exports", tag, "Ask for a list as CSV, of what one sees; a long one needs a second person", 403, 409, 422)
	ask.DefaultStatus = http.StatusCreated
	huma.Register(api, ask, s.askSheet)
	huma.Register(api, operation("decide-sheet", http.MethodPost, "/exports/{list}/decide", tag, "The second person's yes or no", 403, 404, 409), s.decideSheet)
	file := operation("sheet-file", http.MethodGet, "/exports/{list}/file", tag, "The list, for the one who asked for it; its last line says who took it and when", 404, 409)
	file.Responses = map[string]*huma.Response{"200": {Description: "UTF-8 with a header line", Content: map[string]*huma.MediaType{"text/csv": {}}}}
	huma.Register(api, file, s.sheetFile)
}

// forgetSought takes the words out of lists that nobody can fetch any more: they may name a person.
func (s *Server) forgetSought(ctx context.Context) error {
	_, err := s.db.Exec(ctx, `update exports set query = query - 'text' where expires_at < $1 and query ? 'text'`, s.now())
	return err
}

const exportColumns = `id, noun, query, rows, state, requested_by, requested_at, decided_by, decided_at, downloads, expires_at`

func (s *Server) listSheets(ctx context.Context, _ *struct{}) (*bodyOf[ExportList], error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[ExportView], `select `+exportColumns+` from exports where $1 or noun <> 'audit' order by id desc limit 100`, callerOf(ctx).User.Role.may(RoleAdmin))
	return &bodyOf[ExportList]{ExportList{s.contacts.Approval(), some(all)}}, s.problem(ctx, err)
}

type askSheetInput struct {
	Body struct {
		Noun  string      `json:"noun" enum:"tickets,conversations,calls,entries,audit"`
		Query ExportQuery `json:"query,omitempty"`
	}
}

func (s *Server) askSheet(ctx context.Context, in *askSheetInput) (*bodyOf[ExportView], error) {
	who := callerOf(ctx)
	if in.Body.Noun == "audit" && !who.User.Role.may(RoleAdmin) {
		return nil, huma.Error403Forbidden("only an administrator may take out the audit log")
	}
	if len(who.hidden) > 0 { // it could not be fetched, and how many rows it has would tell what is hidden
		return nil, huma.Error403Forbidden("your role sees some things masked only: it takes no lists out")
	}
	v := ExportView{Noun: in.Body.Noun, Query: in.Body.Query, State: contact.ListReady, RequestedBy: who.User.Username, RequestedAt: s.now().UTC().Truncate(time.Microsecond)}
	v.ExpiresAt = v.RequestedAt.Add(exportTime)
	if v.Query.Until.IsZero() || v.Query.Until.After(v.RequestedAt) {
		v.Query.Until = v.RequestedAt
	}
	v.Query.Queue, v.Query.Text = plain(v.Query.Queue), plain(v.Query.Text)
	if err := s.knowsQueues(ctx, v.Query.Queue); err != nil {
		return nil, err
	}
	err := s.sheetRows(ctx, &v, exportMost+1, func([]string) error { v.Rows++; return nil })
	switch {
	case err != nil:
		return nil, s.problem(ctx, err)
	case v.Rows == 0:
		return nil, huma.Error409Conflict("nothing is in it")
	case v.Rows > exportMost:
		return nil, huma.Error409Conflict(fmt.Sprintf("it has more than %d rows: narrow it", exportMost))
	case v.Rows >= s.contacts.Approval():
		v.State = contact.ListWaiting
	}
	return s.actSheet(ctx, actExportRequested, func(tx pgx.Tx) (ExportView, error) {
		return v, tx.QueryRow(ctx, `insert into exports (noun, query, rows, state, requested_by, requested_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7) returning id`,
			v.Noun, v.Query, v.Rows, v.State, v.RequestedBy, v.RequestedAt, v.ExpiresAt).Scan(&v.ID)
	}, &v)
}

// actSheet changes a list with its audit row in one transaction.
func (s *Server) actSheet(ctx context.Context, action act, f func(tx pgx.Tx) (ExportView, error), out *ExportView) (*bodyOf[ExportView], error) {
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		v, err := f(tx)
		if err != nil {
			return err
		}
		if v.ID != 0 {
			*out = v
		}
		e := callerOf(ctx).entry(action, "export:"+strconv.FormatInt(out.ID, 10))
		e.Detail = map[string]any{"noun": out.Noun, "rows": out.Rows, "state": out.State}
		return s.audit.add(ctx, tx, e)
	})
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[ExportView]{*out}, nil
}

// lockSheet reads a list that can still be had.
func (s *Server) lockSheet(ctx context.Context, tx pgx.Tx, id int64) (ExportView, error) {
	v, err := pg.TxRow(ctx, tx, pgx.RowToStructByPos[ExportView], `select `+exportColumns+` from exports where id = $1 for update`, id)
	if err == nil && v.Noun == "audit" && !callerOf(ctx).User.Role.may(RoleAdmin) {
		err = pg.ErrNotFound
	}
	if err == nil && s.now().After(v.ExpiresAt) {
		err = huma.Error409Conflict("it was asked for more than a day ago")
	}
	return v, err
}

func (s *Server) decideSheet(ctx context.Context, in *decideInput) (*bodyOf[ExportView], error) {
	who, out := callerOf(ctx), ExportView{}
	return s.actSheet(ctx, actExportDecided, func(tx pgx.Tx) (ExportView, error) {
		v, err := s.lockSheet(ctx, tx, in.List)
		switch {
		case err != nil:
			return v, err
		case v.State != contact.ListWaiting:
			return v, huma.Error409Conflict("it is " + v.State + " already")
		case v.RequestedBy == who.User.Username:
			return v, contact.ErrSecond
		}
		now := s.now().UTC().Truncate(time.Microsecond)
		v.State, v.DecidedBy, v.DecidedAt = contact.ListRefused, who.User.Username, &now
		if in.Body.Approve {
			v.State = contact.ListReady
		}
		_, err = tx.Exec(ctx, `update exports set state = $2, decided_by = $3, decided_at = $4 where id = $1`, v.ID, v.State, v.DecidedBy, now)
		return v, err
	}, &out)
}

func (s *Server) sheetFile(ctx context.Context, in *ListPath) (*huma.StreamResponse, error) {
	who := callerOf(ctx)
	var v ExportView
	_, err := s.actSheet(ctx, actExportTaken, func(tx pgx.Tx) (ExportView, error) {
		l, err := s.lockSheet(ctx, tx, in.List)
		switch {
		case err != nil:
			return l, err
		case l.RequestedBy != who.User.Username:
			return l, pg.ErrNotFound
		case l.State != contact.ListReady:
			return l, huma.Error409Conflict("it is " + l.State)
		}
		_, err = tx.Exec(ctx, `update exports set downloads = downloads + 1 where id = $1`, l.ID)
		return l, err
	}, &v)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s-%d-%s-%s.csv", v.Noun, v.ID, v.RequestedBy, s.now().UTC().Format("20060102-150405"))
	return download(name, "text/csv; charset=utf-8", func(ctx context.Context, w http.ResponseWriter) error { return s.writeSheet(ctx, &v, w) }, s), nil
}

// sheetHeads are the first lines of lists.
var sheetHeads = map[string][]string{
	"tickets":       ticketColumns,
	"calls":         {"id", "direction", "state", "from", "to", "queue", "agent", "started_at", "answered_at", "ended_at", "cause", "disposition"},
	"conversations": {"id", "channel", "state", "handler", "queue", "assignee", "name", "created_at", "last_at", "rating", "labels"},
	"entries":       entryColumns,
	"audit":         {"id", "at", "actor", "action", "subject", "address", "detail"},
}

// writeSheet writes a list, and who took it when.
func (s *Server) writeSheet(ctx context.Context, v *ExportView, out io.Writer) error {
	if _, err := io.WriteString(out, "\ufeff"); err != nil { // spreadsheets know UTF-8 by it
		return err
	}
	w := csv.NewWriter(out)
	if err := w.Write(sheetHeads[v.Noun]); err != nil {
		return err
	}
	if err := s.sheetRows(ctx, v, v.Rows, w.Write); err != nil {
		return err
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	return s.watermark(ctx, out, v.Noun+" "+strconv.FormatInt(v.ID, 10))
}

// watermark is the last line of a list: who took it, and when.
func (s *Server) watermark(ctx context.Context, out io.Writer, list string) error {
	_, err := fmt.Fprintf(out, "# tingxin %s, %s, %s\n", list, callerOf(ctx).User.Username, s.now().UTC().Format(time.RFC3339))
	return err
}

// errEnough ends a list that has all its rows.
var errEnough = errors.New("enough")

// sheetRows gives the rows of a list, at most so many, of what the sight of ctx sees.
func (s *Server) sheetRows(ctx context.Context, v *ExportView, most int, row func([]string) error) error {
	left := most
	give := func(cells []string) error {
		if left == 0 {
			return errEnough
		}
		left--
		return row(cells)
	}
	var err error
	for cursor, more := "", true; more && err == nil; {
		cursor, err = s.sheetPage(ctx, v, cursor, give)
		more = cursor != ""
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// sheetPage gives a page of a list; next is empty at the end.
func (s *Server) sheetPage(ctx context.Context, v *ExportView, cursor string, row func([]string) error) (next string, err error) {
	q := &v.Query
	switch v.Noun {
	case "tickets":
		p, err := s.parts.Tickets.List(ctx, ticket.Query{Queue: q.Queue, Text: q.Text, Since: q.Since, Until: q.Until, Fixed: true, Cursor: cursor, Limit: 200})
		for i := range p.Items {
			if err == nil {
				err = row(csvRow(&p.Items[i].Ticket))
			}
		}
		return p.Next, err
	case "calls":
		p, err := s.parts.Calls.List(ctx, call.Filter{Query: q.Text, Since: q.Since, Until: q.Until, Cursor: cursor, Limit: 200})
		for i := range p.Items {
			if err == nil {
				err = row(callRow(&p.Items[i]))
			}
		}
		return p.Next, err
	case "conversations":
		return s.talkSheet(ctx, q, cursor, row)
	case "entries":
		return s.entrySheet(ctx, q.List, cursor, row)
	}
	before := int64(1) << 62
	if cursor != "" {
		if before, err = strconv.ParseInt(cursor, 10, 64); err != nil {
			return "", err
		}
	}
	rows, err := pg.Rows(ctx, s.db, scanAudit, `select `+auditColumns+` from audit where id < $1 and at < $2 and ($3::timestamptz is null or at >= $3) order by id desc limit 500`, before, q.Until, pg.OrNull(q.Since))
	for i := range rows {
		if r := &rows[i]; err == nil {
			err = row([]string{strconv.FormatInt(r.id, 10), r.At.UTC().Format(time.RFC3339), r.Actor, r.Action.name, r.Subject, r.Address, string(r.detail)})
		}
	}
	if len(rows) == 500 {
		next = strconv.FormatInt(rows[499].id, 10)
	}
	return next, err
}

func (s *Server) talkSheet(ctx context.Context, q *ExportQuery, cursor string, row func([]string) error) (string, error) {
	if s.parts.Chat == nil {
		return "", errNoChat()
	}
	f := chat.Filter{All: []chat.Filter{leaf("created", "before", q.Until.Format(time.RFC3339))}}
	if !q.Since.IsZero() {
		f.All = append(f.All, leaf("created", "after", q.Since.Format(time.RFC3339)))
	}
	if q.Queue != "" {
		f.All = append(f.All, leaf("queue", "is", q.Queue))
	}
	p, err := s.parts.Chat.ListFixed(ctx, me(ctx).User, f, cursor, 200)
	for i := range p.Items {
		if err == nil {
			err = row(talkRow(&p.Items[i]))
		}
	}
	return p.Next, err
}

// stamp is a moment in a sheet.
func stamp(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func callRow(c *call.Summary) []string {
	return []string{c.ID, c.Direction, string(c.State), cell(c.From), cell(c.To), c.Queue, c.Agent, stamp(&c.StartedAt), stamp(c.AnsweredAt), stamp(c.EndedAt), string(c.Cause), c.Disposition}
}

func talkRow(c *chat.Row) []string {
	rating := ""
	if c.Rating != nil {
		rating = strconv.Itoa(int(*c.Rating))
	}
	labels, _ := json.Marshal(slices.Clone(c.Labels)) // texts
	return []string{c.ID.String(), c.Channel, string(c.State), string(c.Handler), c.Queue, cell(c.AssigneeName), cell(c.Name), stamp(&c.CreatedAt), stamp(&c.LastAt), rating, string(labels)}
}
