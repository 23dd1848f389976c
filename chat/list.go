package chat

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/team"
)

// Row is a conversation in a list.
type Row struct {
	Conversation
	AssigneeName string `json:"assignee_name,omitempty"`
	Unread       bool   `json:"unread"`
	Mentioned    bool   `json:"mentioned" doc:"of the one who asks, not looked at yet"`
}

// Page is a part of a list; Next is where the next one begins, empty at the end.
type Page struct {
	Items []Row  `json:"items"`
	Next  string `json:"next,omitempty"`
}

// ErrCursor says that a cursor is none of ours.
var ErrCursor = errors.New("no such page")

// List is the conversations of a filter as a user sees them, the last active first.
func (s *Service) List(ctx context.Context, me int64, f Filter, cursor string, limit int) (Page, error) {
	return s.list(ctx, me, f, cursor, limit, false)
}

// ListFixed is List, the latest begun first: an order in which none moves while pages are read.
func (s *Service) ListFixed(ctx context.Context, me int64, f Filter, cursor string, limit int) (Page, error) {
	return s.list(ctx, me, f, cursor, limit, true)
}

func (s *Service) list(ctx context.Context, me int64, f Filter, cursor string, limit int, fixed bool) (Page, error) {
	limit = min(max(limit, 1), MaxPage)
	page := Page{Items: []Row{}}
	where, args, err := f.compile(me)
	if err != nil {
		return page, err
	}
	where, args = seen(ctx, "c", where, args)
	if cursor != "" {
		at, id, err := readCursor(cursor)
		if err != nil {
			return page, err
		}
		if fixed {
			args = append(args, id)
			where += fmt.Sprintf(" and c.id < $%d", len(args))
		} else {
			args = append(args, at, id)
			where += fmt.Sprintf(" and (c.last_at, c.id) < ($%d, $%d)", len(args)-1, len(args))
		}
	}
	args = append(args, limit+1)
	order := "c.last_at desc, c.id desc"
	if fixed {
		order = "c.id desc"
	}
	page.Items, err = pg.Rows(ctx, s.db, scanRow, rowSelect+` where `+where+fmt.Sprintf(` order by %s limit $%d`, order, len(args)), args...)
	if err != nil {
		return page, fmt.Errorf("list conversations: %w", err)
	}
	if len(page.Items) > limit {
		page.Items = page.Items[:limit]
		last := &page.Items[limit-1]
		page.Next = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %d", last.LastAt.UnixMicro(), last.ID))
	}
	return page, nil
}

// seen adds to a condition that the sight of ctx sees the conversation, which is called row.
func seen(ctx context.Context, row, where string, args []any) (string, []any) {
	if sql := team.Condition(ctx, team.Conversations, row, func(v any) string { args = append(args, v); return fmt.Sprintf("$%d", len(args)) }); sql != "" {
		where += " and " + sql
	}
	return where, args
}

// rowSelect is in the order of scanRow; $1 is the user who asks.
const rowSelect = `select ` + conversationColumns + `, coalesce(nullif(u.name, ''), u.username, ''),
	c.last_in_id > coalesce((select r.message_id from conversation_reads r where r.conversation_id = c.id and r.user_id = $1), 0),
	exists (select 1 from mentions n where n.conversation_id = c.id and n.user_id = $1 and n.seen_at is null)
	from conversations c left join users u on u.id = c.assignee`

func scanRow(row pgx.CollectableRow) (Row, error) {
	var r Row
	err := row.Scan(append(r.targets(), &r.AssigneeName, &r.Unread, &r.Mentioned)...)
	return r, err
}

func readCursor(cursor string) (at time.Time, id int64, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(clip(cursor, 200))
	var us int64
	if err != nil {
		return at, 0, ErrCursor
	}
	if n, err := fmt.Sscanf(string(raw), "%d %d", &us, &id); n != 2 || err != nil || us < 0 {
		return at, 0, ErrCursor
	}
	return time.UnixMicro(us).UTC(), id, nil
}

// maxCount bounds counting: a list of more is "many".
const maxCount = 1000

// Count is how many conversations a filter has for a user, at most 1000.
func (s *Service) Count(ctx context.Context, me int64, f Filter) (int, error) {
	where, args, err := f.compile(me)
	if err != nil {
		return 0, err
	}
	where, args = seen(ctx, "c", where, args)
	return pg.Row(ctx, s.db, pgx.RowTo[int], fmt.Sprintf(`select count(*) from (select 1 from conversations c where ($1::bigint is not null) and %s limit %d) n`, where, maxCount), args...)
}

// Hit is a message found by its words.
type Hit struct {
	Message Message `json:"message"`
	Name    string  `json:"name,omitempty" doc:"of the customer"`
	Snippet string  `json:"snippet"`
}

// Search finds messages that have all words of a text, English by their stem and
// Chinese by characters and pairs of them; the newest first, behind before when it is not 0.
func (s *Service) Search(ctx context.Context, text string, before MessageID, limit int) ([]Hit, error) {
	words := terms(clip(text, 500))
	// A pair says more than its characters.
	if slices.ContainsFunc(words, func(w string) bool { return utf8.RuneCountInString(w) == 2 && isHan(w) }) {
		words = slices.DeleteFunc(words, func(w string) bool { return utf8.RuneCountInString(w) == 1 && isHan(w) })
	}
	if len(words) == 0 {
		return []Hit{}, nil
	}
	if before == 0 {
		before = 1<<63 - 1
	}
	where, args := seen(ctx, "c", "m.terms @> $1 and m.id < $2", []any{words, before})
	hits, err := pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (Hit, error) {
		var h Hit
		err := row.Scan(append(h.Message.targets(), &h.Name)...)
		h.Snippet = snippet(h.Message.Text, words)
		return h, err
	}, `select `+messageColumns+`, c.name from messages m join conversations c on c.id = m.thread_id where `+where+fmt.Sprintf(` order by m.id desc limit %d`, min(max(limit, 1), 100)), args...)
	if err != nil {
		return nil, fmt.Errorf("search messages: %w", err)
	}
	return hits, nil
}

func isHan(w string) bool {
	r, _ := utf8.DecodeRuneInString(w)
	return unicode.Is(unicode.Han, r)
}

// snippet is the part of a text around the first of the words.
func snippet(text string, words []string) string {
	const around = 60
	low := strings.ToLower(text)
	at := -1
	for _, w := range words {
		if i := strings.Index(low, w); i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	runes := []rune(text)
	begin := 0
	if at > 0 && at <= len(text) {
		begin = max(0, utf8.RuneCountInString(text[:at])-around/2)
	}
	end := min(len(runes), begin+2*around)
	out := strings.Join(strings.Fields(string(runes[min(begin, end):end])), " ")
	if begin > 0 {
		out = "…" + out
	}
	if end < len(runes) {
		out += "…"
	}
	return out
}

// Row is one conversation as a user sees it in a list.
func (s *Service) Row(ctx context.Context, me int64, id ID) (Row, error) {
	r, err := pg.Row(ctx, s.db, scanRow, rowSelect+` where c.id = $2`, me, id)
	if err != nil {
		return r, fmt.Errorf("conversation %d: %w", id, err)
	}
	return r, nil
}
